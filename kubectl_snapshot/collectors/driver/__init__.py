"""Kernel modules, their settings and the kernel's log of failures (type Driver)."""
