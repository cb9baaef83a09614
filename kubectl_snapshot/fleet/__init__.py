"""Captures through agents, jobs and collectors together: of one node; many build on it."""
