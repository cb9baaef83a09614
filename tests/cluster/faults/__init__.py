"""Everything that can go wrong with a capture, provoked on a real cluster."""
