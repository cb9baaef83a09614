"""Flags: the parser, flags shared by commands, environment variables."""
