"""The Kubernetes versions of the matrix; `python -m tests.matrix.versions` prints them."""

from __future__ import annotations

# The oldest and the newest, and between them the one of all other cluster tests. The lab builds
# each (tests/lab/README.md). docs/support.md and `preflight` name the same range.
KUBERNETES = ("v1.30.14", "v1.34.4", "v1.37.2")

if __name__ == "__main__":
    print(*KUBERNETES)
