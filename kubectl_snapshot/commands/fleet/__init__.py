"""The commands on a fleet: its capture, and the forms of other commands that take a directory."""
