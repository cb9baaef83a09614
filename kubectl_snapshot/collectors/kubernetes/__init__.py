"""The API server, the node object and what runs in the cluster (measurement type K8s)."""
