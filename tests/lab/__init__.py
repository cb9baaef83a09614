"""A throw-away Kubernetes cluster on one Linux machine; README.md tells what it can do."""
