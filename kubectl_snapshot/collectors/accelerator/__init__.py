"""Accelerators of other vendors than NVIDIA."""
