"""Names and numbers that more than one room needs, each with its source. Nothing computes."""

from __future__ import annotations

# The reference's group, so that its readers (`aicr recipe --snapshot`) accept our documents.
KIND = "Snapshot"
FULL_API_VERSION = "aicr.nvidia.com/v1alpha1"
# What the reference has called this document: up to v0.11, before v0.22, from then on (its
# pkg/header and ADR-022). Keys and meaning are the same in all of them.
API_VERSIONS = (FULL_API_VERSION, "aicr.run/v1alpha2", "aicr.run/v1")

NAME = "kubectl-snapshot"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
NAME_LABEL = "app.kubernetes.io/name"
RUN_LABEL = "kubectl-snapshot/run"
EXPIRES_ANNOTATION = "kubectl-snapshot/expires"

# A glibc image with Python >= 3.9; kubectl-snapshot carries itself into it.
DEFAULT_IMAGE = "docker.io/library/python:3.11-slim"
DEFAULT_TIMEOUT_S = 300.0

# ConfigMap data may be 1,048,576 bytes (k8s.io/api core/v1 MaxSecretSize); ours stays below.
MAX_ZIPAPP_BYTES = 1_000_000

# The result is written by a node, which is not trusted: a larger document is refused unread.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

# Unicode White_Space (PropList.txt). Python's own strip() and split() also take U+001C to U+001F.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# The end of a hint where there is no cluster to ask.
WITHOUT_CLUSTER = "`kubectl snapshot --local` needs no cluster"
