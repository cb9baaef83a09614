"""Causes of a failed or stuck run, read from pod, events and log; one file per cause."""
