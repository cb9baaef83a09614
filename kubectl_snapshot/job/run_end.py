"""Why a run ended without a result: asks the API server where the pod's state does not tell."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import Call, Response
from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError
from kubectl_snapshot.job import watchers
from kubectl_snapshot.job.diagnose import deleted, result, terminated
from kubectl_snapshot.job.diagnose.held import find_hold
from kubectl_snapshot.job.diagnose.timeout import diagnose_timeout
from kubectl_snapshot.job.manifest import CONTAINER, MERGE_PATCH, jobs_path
from kubectl_snapshot.job.pod import container_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.run_state import RunState

OWNER_READ_S = 3.0


def diagnose_deadline(run: RunState) -> SnapshotError:
    """Return what the run was waiting for when its time was over."""
    if run.outage is not None:
        return ServiceUnavailable(
            "the API server did not respond until the run's deadline",
            run.outage.why,
            "see `kubectl get --raw /readyz`, and run it again",
        )
    if run.is_probing and not watchers.is_api_server_up(run):
        return ServiceUnavailable(
            "the API server did not respond until the run's deadline",
            "it does not answer a request for its version",
            "see `kubectl get --raw /readyz`, and run it again",
        )
    hold = find_hold(run.pod, run.job, run.options) if not run.node_name else None
    held = hold.error.what if hold is not None and run.has_probed_start else ""
    return diagnose_timeout(run.pod, CONTAINER, run.options, run.last_warning, held, run.pull)


def diagnose_end(run: RunState) -> SnapshotError:
    """Return why an agent that has terminated left no whole result in its log."""
    ended = container_state(run.pod, CONTAINER).get("terminated", {})
    if run.reader.has_begun and ended.get("exitCode") == 0:
        try:
            run.reader.payload(MAX_DOCUMENT_BYTES)
        except SnapshotError as error:
            return result.diagnose_incomplete(error)
    return terminated.diagnose_terminated(run.pod, CONTAINER, run.options, run.last_output)


def diagnose_deleted(run: RunState) -> SnapshotError:
    """Return why the pod is gone; less precise without permission to read the namespace.

    An empty patch returns the Job without the permission to get it.
    """
    namespace = run.options.namespace
    path = f"{jobs_path(namespace)}/{run.options.name}"
    deadline = time.monotonic() + OWNER_READ_S
    doing = "find out why the agent's pod was deleted"
    answers = run.kube.request_all(
        [
            Call("PATCH", path, doing, {}, {}, MERGE_PATCH, deadline),
            Call("GET", f"/api/v1/namespaces/{namespace}", doing, deadline=deadline),
        ]
    )
    job, found = map(_read_existing, answers)
    return deleted.diagnose_deleted(run.pod, run.options, job, found is not None)


def _read_existing(answer: Response | SnapshotError) -> Mapping[str, Any] | None:
    """Return an object, empty if it is not known, None if it is deleted or terminating."""
    if isinstance(answer, SnapshotError):
        return None if answer.status == 404 else {}
    body: Mapping[str, Any] = answer.body
    return None if "deletionTimestamp" in answer.read_map("metadata") else body
