"""Speed and size against their budgets, measured: `make bench`."""
