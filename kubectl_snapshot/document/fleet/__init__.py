"""A fleet: many nodes captured in one run. Pure."""
