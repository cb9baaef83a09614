"""What a fleet's run will do: its configuration, nodes, permissions; what an earlier run has."""
