"""Local servers for tests, each on its own port of 127.0.0.1, that can inject faults."""
