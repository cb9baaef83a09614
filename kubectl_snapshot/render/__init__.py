"""Documents to text that is not read back. Pure."""
