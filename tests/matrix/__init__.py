"""Tests of the supported versions: `make test-matrix`. Not part of `make test`."""
