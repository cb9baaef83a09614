"""The node itself: its files, PCI bus and systemd, and child processes with a deadline."""
