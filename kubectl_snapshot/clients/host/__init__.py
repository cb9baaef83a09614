"""The node itself: files, PCI bus, systemd, child processes."""
