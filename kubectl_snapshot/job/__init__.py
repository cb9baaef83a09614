"""The agent in a cluster: options, manifests, deployment, diagnosis, result, cleanup."""
