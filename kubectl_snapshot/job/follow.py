"""From the pod's first sign of life to the last line of its result.

Daemon threads watch the pod and the run's events and read the log; each only puts what it saw into
one queue. The caller's thread takes it out, decides, and can be interrupted at any time.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES, RUN_LABEL
from kubectl_snapshot.document.frame import FRAME_PREFIX, FrameReader, parse_progress
from kubectl_snapshot.errors import Internal, SnapshotError
from kubectl_snapshot.job import diagnose
from kubectl_snapshot.job.manifest import CONTAINER, core_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.clients.kube import Kube
    from kubectl_snapshot.job.options import JobOptions

# The scheduler says Unschedulable at its first look; a node that is just coming up gets this long.
UNSCHEDULABLE_GRACE_S = 5.0
# The end of the log stream is not the end of the log (a stopped kubelet gives a clean EOF): it is
# opened again, at most this often.
LOG_ATTEMPTS = 5
LOG_PAUSE_S = 0.3
TICK_S = 0.5
LAST_WORDS = 5
FRAME_MARK = FRAME_PREFIX.encode()


@dataclass
class Run:
    """What is known of one run while it lasts; changed by the caller's thread only.

    `on_event` gets the agent's progress, `on_scheduled` the node's name, in the caller's thread.
    """

    kube: Kube
    options: JobOptions
    deadline: float
    on_event: Callable[[Mapping[str, Any]], None]
    on_scheduled: Callable[[str], None]
    reader: FrameReader
    inbox: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    pod: Mapping[str, Any] = field(default_factory=dict)
    unschedulable_since: float = 0.0
    log_attempts: int = 0
    is_complete: bool = False
    last_warning: str = ""
    last_words: list[str] = field(default_factory=list)

    @property
    def node_name(self) -> str:
        """Return the node that the pod is bound to, empty before."""
        return str(self.pod.get("spec", {}).get("nodeName", ""))


def follow(run: Run, cancel: threading.Event | None = None) -> bytes:
    """Return the document's bytes once all of the frame has come and its digest is right.

    Raises the diagnosis where the pod cannot be made, scheduled, started, or ends without a result;
    Timeout at the run's deadline; KeyboardInterrupt when `cancel` is set.
    """
    _start_thread(run, "pod", _watch_pods)
    _start_thread(run, "event", _watch_events, run.options.name)
    while not run.is_complete:
        if cancel is not None and cancel.is_set():
            raise KeyboardInterrupt
        _check_time(run)
        try:
            kind, value = run.inbox.get(timeout=TICK_S)
        except queue.Empty:
            continue
        HANDLERS[kind](run, value)
    return run.reader.payload(MAX_DOCUMENT_BYTES)


def _check_time(run: Run) -> None:
    now = time.monotonic()
    if now > run.deadline:
        raise diagnose.diagnose_timeout(run.pod, CONTAINER, run.options, run.last_warning)
    if run.unschedulable_since and now - run.unschedulable_since > UNSCHEDULABLE_GRACE_S:
        raise diagnose.diagnose_unschedulable(run.pod, run.options)


def _on_pod(run: Run, event: Any) -> None:
    if event.type == "DELETED":
        raise Internal(
            "the agent's pod was deleted before its result came",
            f"pod {run.options.namespace}/{event.object['metadata']['name']}",
            "run it again",
        )
    was_on, is_new = run.node_name, not run.pod
    run.pod = event.object
    if is_new:
        _start_thread(run, "event", _watch_events, run.pod["metadata"]["name"])
    if run.node_name and not was_on:
        run.on_scheduled(run.node_name)
    waits = diagnose.is_unschedulable(run.pod)
    run.unschedulable_since = (run.unschedulable_since or time.monotonic()) if waits else 0.0
    error = diagnose.diagnose_waiting(run.pod, CONTAINER, run.options.image)
    if error is not None:
        raise error
    if _has_log(run) and not run.log_attempts:
        _open_log(run)
    elif run.pod.get("status", {}).get("phase") == "Failed" and not run.log_attempts:
        raise _diagnose_end(run)


def _on_event(run: Run, event: Any) -> None:
    if event.object.get("type") != "Warning":
        return
    error = diagnose.diagnose_event(event.object, run.options)
    if error is not None:
        raise error
    run.last_warning = str(event.object.get("message", ""))


def _on_line(run: Run, line: str) -> None:
    progress = parse_progress(line)
    if progress is not None:
        run.on_event(progress)
    elif line.strip():
        run.last_words = [*run.last_words, line.strip()][-LAST_WORDS:]


def _on_log_end(run: Run, error: SnapshotError | None) -> None:
    """Read the log once more, from its beginning: lines of both readings are merged by number."""
    has_ended = "terminated" in diagnose.container_state(run.pod, CONTAINER)
    if has_ended and error is None and run.log_attempts > 1:
        raise _diagnose_end(run)
    if run.log_attempts >= LOG_ATTEMPTS:
        raise error or _diagnose_end(run)
    _open_log(run)


def _on_complete(run: Run, _: None) -> None:
    run.is_complete = True


def _on_failure(run: Run, error: SnapshotError) -> None:
    raise error


def _diagnose_end(run: Run) -> SnapshotError:
    words = " / ".join(run.last_words)
    return diagnose.diagnose_terminated(run.pod, CONTAINER, run.options.image, words)


HANDLERS: dict[str, Callable[[Run, Any], None]] = {
    "pod": _on_pod,
    "event": _on_event,
    "line": _on_line,
    "log-end": _on_log_end,
    "failure": _on_failure,
    "complete": _on_complete,
}


def _has_log(run: Run) -> bool:
    state = diagnose.container_state(run.pod, CONTAINER)
    return "running" in state or "terminated" in state


def _open_log(run: Run) -> None:
    run.log_attempts += 1
    pause = LOG_PAUSE_S if run.log_attempts > 1 else 0.0
    _start_thread(run, "log-end", _read_log, run.pod["metadata"]["name"], pause)


def _start_thread(run: Run, kind: str, target: Callable[..., None], *arguments: Any) -> None:
    """Run in a daemon thread; a failure comes as `log-end` of a log, else as `failure`."""
    failed = kind if kind == "log-end" else "failure"

    def call() -> None:
        failure: SnapshotError | None = Internal(f"the {kind} reader ended early")
        try:
            target(run, *arguments)
            failure = None
        except SnapshotError as error:
            failure = error
        finally:
            if failure is not None:
                run.inbox.put((failed, failure))

    threading.Thread(target=call, name=f"{kind} of {run.options.name}", daemon=True).start()


def _watch_pods(run: Run) -> None:
    path = core_path(run.options.namespace, "pods")
    query = {"labelSelector": f"{RUN_LABEL}={run.options.run_id}"}
    _watch(run, "pod", path, query, "watch the agent's pod")


def _watch_events(run: Run, name: str) -> None:
    """Tell warnings about one object. Events are extra: who may not watch them does without."""
    path = core_path(run.options.namespace, "events")
    query = {"fieldSelector": f"involvedObject.name={name}"}
    try:
        _watch(run, "event", path, query, "watch events")
    except SnapshotError as error:
        if error.status != 403:
            raise


def _watch(run: Run, kind: str, path: str, query: dict[str, str], doing: str) -> None:
    for event in run.kube.watch(path, doing=doing, query=query, stop=run.stop):
        if event.type != "SYNC":
            run.inbox.put((kind, event))


def _read_log(run: Run, pod_name: str, pause: float) -> None:
    run.stop.wait(pause)
    path = f"{core_path(run.options.namespace, 'pods')}/{pod_name}/log"
    doing = f"read the log of pod {run.options.namespace}/{pod_name}"
    stream = run.kube.open_stream(
        path, doing=doing, query={"container": CONTAINER, "follow": "true"}
    )
    rest = b""
    try:
        for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                run.reader.feed(line)
                if FRAME_MARK not in line:
                    run.inbox.put(("line", line.decode("utf-8", "replace")))
            if run.reader.is_complete:
                run.inbox.put(("complete", None))
                return
    finally:
        stream.close()
    run.inbox.put(("log-end", None))
