"""The agent: options, manifests, deployment, result, clean-up."""
