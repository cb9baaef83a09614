"""The node's kernel and system (measurement type OS)."""
