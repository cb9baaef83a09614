"""A disposable Kubernetes cluster on one Linux machine; see README.md."""
