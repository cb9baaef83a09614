"""The flags: how they are parsed, those that verbs share, their environment variables."""
