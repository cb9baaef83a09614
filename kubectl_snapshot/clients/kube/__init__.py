"""One Kubernetes API server: requests, lists, watches, streams, and what its errors mean."""
