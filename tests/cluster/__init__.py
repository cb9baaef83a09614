"""Tests on a real Kubernetes: the lab, or whatever cluster KUBECONFIG names."""
