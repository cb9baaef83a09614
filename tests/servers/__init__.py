"""Small local servers, each on 127.0.0.1 with a port of its own: the wire that tests can break."""
