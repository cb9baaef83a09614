"""One measurement a file; what is collected, where from, and with which rights."""
