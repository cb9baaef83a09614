"""Which cluster and user a command means: kubeconfig, credentials, proxy, TLS."""
