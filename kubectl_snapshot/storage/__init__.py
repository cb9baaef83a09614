"""Snapshots and templates by the name a user gives: a file, stdin or a ConfigMap."""
