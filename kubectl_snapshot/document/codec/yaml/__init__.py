"""YAML as the reference writes and reads it."""
