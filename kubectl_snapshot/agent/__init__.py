"""Capture one node through an agent pod: configuration, plan, run; the pod's entrypoint."""
