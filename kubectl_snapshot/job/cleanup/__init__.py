"""Deletion of a run's objects, and of orphaned or expired objects of earlier runs."""
