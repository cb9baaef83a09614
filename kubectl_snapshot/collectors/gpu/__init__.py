"""The node's GPUs (measurement type GPU)."""
