"""The only I/O: Kubernetes, the host tree, local files. Foreign exceptions become ours here."""
