"""How the node runs containers (type Runtime)."""
