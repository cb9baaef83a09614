"""The collector of systemd units."""
