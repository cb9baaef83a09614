"""The node's network cards and how near they are to its GPUs (type Network)."""
