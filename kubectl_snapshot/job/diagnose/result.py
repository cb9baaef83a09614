"""Why a result that arrived cannot be used: lines are missing, or its bytes are damaged. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Internal

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError

CHECK_IMAGE = "check that --image holds what you expect, and run it again"
# What makes a document smaller; a kubelet keeps 10 MiB of a running container's log by default.
NARROW = (
    "ask for less: --cluster-scope client leaves the cluster's facts out of the pod, and fewer "
    "--helm-namespace and --systemd-service make it smaller"
)


def diagnose_incomplete(error: SnapshotError) -> SnapshotError:
    """Return the error of a frame that ended before all of it was there, with what to narrow."""
    return Internal("the node's log did not keep all of the result", error.why, NARROW)


def diagnose_damaged(error: SnapshotError) -> SnapshotError:
    """Return the error of a whole frame that holds no document, with what to do."""
    return Internal(error.what, error.why, CHECK_IMAGE)
