"""The terminal: streams, width and colour; progress and errors; signals."""
