"""The run of a fleet: a pod on each node in a window, its log read, a document written."""
