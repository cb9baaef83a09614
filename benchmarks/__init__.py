"""Measure speed and size against their budgets: `make bench`."""
