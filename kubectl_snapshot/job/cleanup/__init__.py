"""Which objects of earlier runs are orphaned or expired, and their deletion."""
