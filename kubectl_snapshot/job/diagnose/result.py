"""Why a result that arrived is unusable: log lines are missing, or it is corrupt. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Internal

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError

CHECK_IMAGE = "check that --image contains what you expect, and run it again"
# By default a kubelet keeps 10 MiB of a running container's log.
NARROW = (
    "collect less: --cluster-scope client keeps cluster-wide facts out of the pod's log; fewer "
    "--helm-namespace and --systemd-service also shrink it"
)


def diagnose_incomplete(error: SnapshotError) -> SnapshotError:
    """Return the error of an incomplete frame, with a hint to collect less."""
    return Internal("the node's log lost part of the result", error.why, NARROW)


def diagnose_corrupt(error: SnapshotError) -> SnapshotError:
    """Return the error of a complete frame with corrupt content, with a hint to check the image."""
    return Internal(error.what, error.why, CHECK_IMAGE)
