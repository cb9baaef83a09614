"""What is wrong with a node: declared beside the collectors, found in one snapshot."""
