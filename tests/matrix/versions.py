"""The Kubernetes versions of the matrix; `python -m tests.matrix.versions` prints them."""

from __future__ import annotations

# The oldest, the version of all other cluster tests, and the newest. The lab builds each
# (tests/lab/README.md). docs/support.md and `preflight` state the same range.
KUBERNETES = ("v1.30.14", "v1.34.4", "v1.37.2")

if __name__ == "__main__":
    print(*KUBERNETES)
