"""One run of the agent: gate, deploy, follow, clean up; and what is told about it on the way."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.cleanup import delete_objects, render_delete_command
from kubectl_snapshot.job.deploy import Created, deploy
from kubectl_snapshot.job.follow import Run, follow

if TYPE_CHECKING:
    from kubectl_snapshot.job.options import JobOptions

CLEANUP_S = 15.0
# A write that was under way when the user pressed Ctrl-C is waited for, so that it can be undone.
SETTLE_S = 3.0


@dataclass(frozen=True)
class Result:
    """What came back: the document's bytes as the agent wrote them, and the node it ran on."""

    payload: bytes
    node_name: str


def run_agent(
    run: Run, expires: str, cleanup: bool, cancel: threading.Event | None = None
) -> Result:
    """Deploy the agent, return its result, and leave nothing behind, whatever happens.

    Blocks until the result, the first diagnosis, or the run's deadline. What could not be deleted
    is told as an event with the commands that do it.
    """
    made: list[Created] = []
    cancelled = threading.Event()
    worker = threading.Thread(
        target=_deploy, args=(run, expires, made, cancelled), name="deploy", daemon=True
    )
    worker.start()
    try:
        payload = follow(run, cancel)
        return Result(payload, run.node_name)
    finally:
        run.stop.set()
        cancelled.set()
        worker.join(SETTLE_S)
        if cleanup:
            _clean_up(run, made)
        else:
            run.on_event({"event": "kept", "commands": _look_commands(run.options)})


def _deploy(run: Run, expires: str, made: list[Created], cancelled: threading.Event) -> None:
    try:
        deploy(run.kube, run.options, expires, made, cancelled, run.deadline)
    except SnapshotError as error:
        run.inbox.put(("failure", error))


def _clean_up(run: Run, made: list[Created]) -> None:
    left = delete_objects(run.kube, made, time.monotonic() + CLEANUP_S)
    if left:
        reasons: list[Any] = [f"{created.kind} {created.name}: {error}" for created, error in left]
        commands = [render_delete_command(created) for created, _ in left]
        run.on_event({"event": "left-behind", "reasons": reasons, "commands": commands})


def _look_commands(options: JobOptions) -> list[str]:
    namespace = options.namespace
    return [
        f"kubectl logs job/{options.name} -n {namespace}",
        f"kubectl delete job {options.name} -n {namespace}",
    ]
