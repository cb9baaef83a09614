"""Captures under a real Kueue: its webhooks and controllers, on the lab."""
