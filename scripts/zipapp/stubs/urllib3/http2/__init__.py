# Emptied: the switch to HTTP/2, which nobody turns on, imports importlib.metadata (10 ms).
