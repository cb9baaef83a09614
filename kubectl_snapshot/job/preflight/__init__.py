"""The permission gate before the first write, and the further checks of `preflight`."""
