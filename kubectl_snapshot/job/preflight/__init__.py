"""The permission gate before the first write, and everything the preflight verb reports."""
