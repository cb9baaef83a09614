"""All I/O: Kubernetes, the node, local files. Translates their exceptions to SnapshotError."""
