"""One run of the agent: deploy, follow, clean up; and the parsing of its result."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.codec.parse import parse_node_document
from kubectl_snapshot.errors import Internal, InvalidRequest, SnapshotError
from kubectl_snapshot.job.cleanup.deletion import (
    delete_created,
    delete_expired_roles,
    delete_finished,
    delete_pods,
    render_cleanup_command,
)
from kubectl_snapshot.job.deploy import CreatedObject, deploy
from kubectl_snapshot.job.diagnose.result import CHECK_IMAGE
from kubectl_snapshot.job.follow import follow
from kubectl_snapshot.job.run_state import RunState
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from kubectl_snapshot.document.schema import Checks
    from kubectl_snapshot.document.snapshot import Snapshot

CLEANUP_S = 15.0
# Limits of the wait for a write in flight: for its thread's start, before the objects are deleted,
# and once more after that.
START_S = 1.0
SETTLE_S = 10.0
LATE_S = 5.0


class Ending:
    """The end of a run, in a thread of its own: an interrupt ends the wait for it, not the work."""

    def __init__(self) -> None:
        # Of an interrupted Thread.join() Python before 3.13 thinks that the thread has finished.
        self._has_begun, self._is_done = threading.Event(), threading.Event()

    def ensure(self, work: Callable[[], None]) -> None:
        """Do the work, or wait for its end if an interrupted call has begun it."""

        def run() -> None:
            self._has_begun.set()
            try:
                work()
            finally:
                self._is_done.set()

        if not self._has_begun.is_set():
            threading.Thread(target=run, name="clean-up", daemon=True).start()
        self._is_done.wait()


@dataclass(frozen=True)
class Result:
    """The document's bytes as the agent wrote them, and the node that it ran on."""

    payload: bytes
    node_name: str


def run_agent(
    run: RunState, expires: str, cleanup: bool, cancel: threading.Event | None = None
) -> Result:
    """Deploy the agent, return its result, and delete everything created, also after an error.

    Blocks until the result, the first diagnosis, or the run's deadline. Objects that cannot be
    deleted are reported as an event with the commands that delete them. A first Ctrl-C is raised
    after that, whenever it arrives.
    """
    created: list[CreatedObject] = []
    cancelled, has_settled = threading.Event(), threading.Event()
    arguments = (run, expires, created, cancelled, has_settled)
    ending = Ending()

    def end() -> None:
        run.stop.set()
        cancelled.set()
        # A write that is in flight creates its object: it is waited for, then undone. The thread
        # was perhaps not started.
        if not has_settled.wait(START_S) and created:
            has_settled.wait(SETTLE_S)
        if not cleanup:
            run.on_event({"event": "kept", "commands": _kept_commands(run)})
            return
        _clean_up(run, created)
        if created and not has_settled.is_set() and has_settled.wait(LATE_S):
            _clean_up(run, created)

    # Twice: Ctrl-C may arrive at any instruction, also in the first `finally`.
    try:
        try:
            # Inside the try: Ctrl-C may arrive in start(), when the thread already writes.
            threading.Thread(target=_deploy, args=arguments, name="deploy", daemon=True).start()
            payload = follow(run, cancel)
            return Result(payload, run.node_name)
        finally:
            ending.ensure(end)
    finally:
        ending.ensure(end)


def parse_result(payload: bytes, types: Container[str], checks: Checks) -> Snapshot:
    """Return the agent's document, reduced to measurements of the requested types.

    The node is not trusted: size, schema and types are checked. Raises Internal for an invalid
    document.
    """
    try:
        snapshot = parse_node_document(payload, checks)
    except InvalidRequest as error:
        raise Internal(
            "the agent's result is not a valid snapshot",
            str(error),
            CHECK_IMAGE,
        ) from error
    requested = tuple(m for m in snapshot.measurements if m.type in types)
    return replace(snapshot, measurements=requested)


def _deploy(
    run: RunState,
    expires: str,
    created: list[CreatedObject],
    cancelled: threading.Event,
    has_settled: threading.Event,
) -> None:
    failure: SnapshotError | None = Internal("the deploy thread crashed")
    if cancelled.is_set():
        return
    try:
        job = deploy(run.kube, run.options, expires, created, cancelled, run.deadline)
        run.inbox.put(("started", job))
        failure = None
    except SnapshotError as error:
        failure = error
    finally:
        has_settled.set()
        if failure is not None:
            run.inbox.put(("failure", failure))


def _clean_up(run: RunState, created: list[CreatedObject]) -> None:
    deadline = time.monotonic() + CLEANUP_S
    if run.is_complete:
        left = delete_finished(run.kube, created, run.pod, deadline)
    else:
        left = delete_created(run.kube, created, deadline)
    if run.pod and not run.pod["metadata"].get("ownerReferences"):
        # `kubectl delete --cascade=orphan`, or a webhook, has taken the pod from its Job.
        left += delete_pods(run.kube, run.options, deadline)
    if run.options.sets_up_rbac:
        delete_expired_roles(run.kube, deadline)
    if left:
        reasons: list[Any] = [f"{created.kind} {created.name}: {error}" for created, error in left]
        commands = [run.kube.render_kubectl(render_cleanup_command(run.options))]
        run.on_event({"event": "left-behind", "reasons": reasons, "commands": commands})


def _kept_commands(run: RunState) -> list[str]:
    options = run.options
    read_log = f"logs job/{options.name} -n {options.namespace}"
    return [
        run.kube.render_kubectl(command) for command in (read_log, render_cleanup_command(options))
    ]
