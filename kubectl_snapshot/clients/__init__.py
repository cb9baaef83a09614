"""The only I/O: Kubernetes, the host file tree, local files. Foreign exceptions become ours here."""
