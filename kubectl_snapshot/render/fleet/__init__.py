"""What a fleet looks like as text, JSON and YAML."""
