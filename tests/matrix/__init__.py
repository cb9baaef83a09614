"""What kubectl-snapshot is supported on, tried: `make test-matrix`. Not part of `make test`."""
