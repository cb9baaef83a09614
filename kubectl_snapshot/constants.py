"""Names and limits that more than one package needs, each with its source."""

from __future__ import annotations

# The reference's group, so that its readers (`aicr recipe --snapshot`) accept our documents.
KIND = "Snapshot"
FULL_API_VERSION = "aicr.nvidia.com/v1alpha1"
# The reference's API versions: up to v0.11, before v0.22, since v0.22 (its pkg/header and ADR-022).
# Keys and their meaning are the same in all of them.
API_VERSIONS = (FULL_API_VERSION, "aicr.run/v1alpha2", "aicr.run/v1")

# How much is collected, each with all of the one before: what AICR v0.9 has; the default; also what
# is large or slow.
REFERENCE, STANDARD, FULL = PROFILES = ("reference", "standard", "full")

NAME = "kubectl-snapshot"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
NAME_LABEL = "app.kubernetes.io/name"
RUN_LABEL = "kubectl-snapshot/run"
OUR_LABELS = (MANAGED_BY_LABEL, NAME_LABEL, RUN_LABEL)
EXPIRES_ANNOTATION = "kubectl-snapshot/expires"

# A glibc image with Python >= 3.9, into which the program is injected.
DEFAULT_IMAGE = "docker.io/library/python:3.11-slim"
DEFAULT_TIMEOUT_S = 300.0

# ConfigMap data is limited to 1,048,576 bytes (k8s.io/api core/v1 MaxSecretSize).
MAX_ZIPAPP_BYTES = 1_000_000

# The result comes from a node, which is not trusted: a larger document is rejected unread.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

# The most that is read of one file of a node.
MAX_FILE_BYTES = 1_048_576

# Unicode White_Space (PropList.txt). str.strip() and split() also remove U+001C to U+001F.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# The end of hints for a missing or unreachable cluster.
WITHOUT_CLUSTER = "`kubectl snapshot --local` needs no cluster"

# A ConfigMap as source or destination: cm://namespace/name (contract section 5).
CONFIGMAP_SCHEME = "cm://"
