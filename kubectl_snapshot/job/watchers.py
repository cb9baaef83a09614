"""Watcher threads of one run: pod, events, log, node probe. All report through one queue.

They decide nothing: the caller's thread (job/follow.py) reads the queue and stays interruptible.
Output of the node is bounded here before it is kept.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import METADATA, TEXT, Call, Response
from kubectl_snapshot.constants import RUN_LABEL
from kubectl_snapshot.errors import Internal, SnapshotError, Timeout
from kubectl_snapshot.job.diagnose import kubelet
from kubectl_snapshot.job.frame.encode import FRAME_PREFIX, MAX_LINE_BYTES, PROGRESS_PREFIX
from kubectl_snapshot.job.manifest import CONTAINER, MERGE_PATCH, core_path, jobs_path
from kubectl_snapshot.job.pod import pod_title
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubectl_snapshot.clients.kube.stream import Stream
    from kubectl_snapshot.job.diagnose.mounts import MissingObject
    from kubectl_snapshot.job.run_state import RunState

# A log that cannot be read is requested once more for this long before it counts as broken.
AGAIN_S = 2.0
# A node counts as lost when its kubelet fails this long; a restart of the kubelet takes a second.
PROBE_S = 5.0
VERSION_S = 3.0
LAST_LINES = 5
LAST_LINE_LENGTH = 300
# An unterminated line is truncated to this; a frame's line is shorter.
MAX_REST_BYTES = 65536
FRAME_MARK, PROGRESS_MARK = FRAME_PREFIX.encode(), PROGRESS_PREFIX.encode()
# Part of the kubelet's URL, which the API server's error names when the kubelet is unreachable.
KUBELET_MARK = "/containerLogs/"
# Its other ways to say so: a node without an address; the tunnel to the nodes (Konnectivity).
KUBELET_MARKS = (KUBELET_MARK, "preferred addresses", "dialing backend")


@dataclass(frozen=True)
class LogEnd:
    """How one log stream ended; `error` is None after a clean EOF."""

    error: SnapshotError | None
    had_terminated: bool
    last_output: tuple[str, ...]


@dataclass(frozen=True)
class StartProbe:
    """The Job, None if it could not be read, and its pods."""

    job: dict[str, Any] | None
    pods: tuple[dict[str, Any], ...]


def watch_pods(run: RunState) -> None:
    """Watch the run's pod; each change goes into the queue as `pod`."""
    path = core_path(run.options.namespace, "pods")
    query = {"labelSelector": f"{RUN_LABEL}={run.options.run_id}"}
    _start_thread(run, "pod", _watch, "pod", path, query, "watch the agent's pod")


def watch_events(run: RunState, name: str) -> None:
    """Watch the events of one object; each goes into the queue as `event`."""
    _start_thread(run, "event", _watch_events, name)


def read_log(run: RunState, had_terminated: bool, pause_s: float) -> None:
    """Read the pod's log from its start, after a pause; reports `log-end` or `complete`.

    `had_terminated` is whether the container had terminated before the log was opened.
    """
    _start_thread(run, "log", _read_log, had_terminated, pause_s)


def probe_start(run: RunState) -> None:
    """Read the Job and its pods, which no watch has shown; reports `start-probed`."""
    _start_thread(run, "probe", _probe_start)


def probe_node(run: RunState) -> None:
    """Request zero lines of log from the kubelet; reports `alive`, `node-lost` or `outage`."""
    _start_thread(run, "probe", _probe)


def probe_object(run: RunState, missing: MissingObject) -> None:
    """Ask the API server for an object that a kubelet does not find; reports `failure` if so."""
    _start_thread(run, "probe", _probe_object, missing)


def _start_thread(run: RunState, kind: str, target: Callable[..., None], *arguments: Any) -> None:
    """Run in a daemon thread; an exception is reported as `failure`."""

    def call() -> None:
        failure: SnapshotError | None = Internal(f"the {kind} thread crashed")
        try:
            target(run, *arguments)
            failure = None
        except SnapshotError as error:
            failure = error
        finally:
            if failure is not None:
                run.inbox.put(("failure", failure))

    threading.Thread(target=call, name=f"{kind} of {run.options.name}", daemon=True).start()


def _watch(run: RunState, kind: str, path: str, query: dict[str, str], doing: str) -> None:
    # No pod of the run exists yet, and no list tells more than the watch. Events are older.
    lists_first = kind == "event"
    events = run.kube.watch(path, doing=doing, query=query, stop=run.stop, lists_first=lists_first)
    for event in events:
        if event.type != "SYNC":
            run.inbox.put((kind, event))


def _watch_events(run: RunState, name: str) -> None:
    """Events are optional: where they cannot be watched the run goes on."""
    path = core_path(run.options.namespace, "events")
    query = {"fieldSelector": f"involvedObject.name={name}"}
    try:
        _watch(run, "event", path, query, "watch events")
    except SnapshotError as error:
        if error.status == 401:
            raise


def _read_log(run: RunState, had_terminated: bool, pause_s: float) -> None:
    run.stop.wait(pause_s)
    output: deque[str] = deque(maxlen=LAST_LINES)
    error: SnapshotError | None = None
    try:
        stream = _open_log(run)
        try:
            if _read_lines(run, stream, output):
                run.inbox.put(("complete", None))
                return
        finally:
            stream.close()
    except SnapshotError as caught:
        error = caught
    run.inbox.put(("log-end", LogEnd(error, had_terminated, tuple(output))))


def _open_log(run: RunState) -> Stream:
    return run.kube.open_stream(
        _log_path(run),
        doing=f"read the log of pod {pod_title(run.pod)}",
        query={"container": CONTAINER, "follow": "true"},
    )


def _log_path(run: RunState) -> str:
    pods = core_path(run.options.namespace, "pods")
    return f"{pods}/{run.pod['metadata']['name']}/log"


def _read_lines(run: RunState, stream: Stream, output: deque[str]) -> bool:
    """Read lines until the frame is complete or the stream ends; return whether it is complete."""
    for line in split_lines(stream):
        run.reader.feed(line)
        if PROGRESS_MARK in line:
            run.inbox.put(("line", line.decode("utf-8", "replace")))
        elif FRAME_MARK not in line and line.strip():
            output.append(line[:LAST_LINE_LENGTH].decode("utf-8", "replace").strip())
        if run.reader.is_complete:
            return True
    return False


def split_lines(stream: Stream) -> Iterator[bytes]:
    """Yield the lines of a log; an unterminated line is truncated, and the rest comes last."""
    rest = b""
    for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > MAX_REST_BYTES:
            rest = rest[-MAX_LINE_BYTES:]
    yield rest


def _probe(run: RunState) -> None:
    error = _read_log_error(run, PROBE_S)
    if error is not None and error.status == 401:
        raise error
    run.inbox.put(_classify_probe_error(run, error) if error is not None else ("alive", None))


def _read_log_error(run: RunState, limit_s: float) -> SnapshotError | None:
    """Return the error of a request for the end of the log, None if it succeeds.

    The answer is empty, or has lines that were written meanwhile.
    """
    doing = f"probe node {run.node_name} through the log of pod {pod_title(run.pod)}"
    query = {"container": CONTAINER, "tailLines": "0"}
    limit = time.monotonic() + limit_s
    call = Call("GET", _log_path(run), doing, query, deadline=limit, accept=TEXT)
    (answer,) = run.kube.request_all([call])
    return answer if isinstance(answer, SnapshotError) else None


def _probe_start(run: RunState) -> None:
    """An empty patch returns the Job without the permission to get it.

    Pods are listed by the Job controller's label: admission may have removed ours.
    """
    options, deadline = run.options, time.monotonic() + PROBE_S
    job = f"{jobs_path(options.namespace)}/{options.name}"
    pods = core_path(options.namespace, "pods")
    query = {"labelSelector": f"job-name={options.name}"}
    answers = run.kube.request_all(
        [
            Call("PATCH", job, "read the Job", {}, {}, MERGE_PATCH, deadline),
            Call("GET", pods, "list the agent's pods", query, deadline=deadline),
        ]
    )
    body, listed = (a.body if isinstance(a, Response) else None for a in answers)
    items = listed.get("items") or () if listed else ()
    run.inbox.put(("start-probed", StartProbe(body, tuple(items))))


def _probe_object(run: RunState, missing: MissingObject) -> None:
    """A deletion that is tried only says whether it exists without the permission to get it."""
    path = f"{core_path(run.options.namespace, missing.resource)}/{run.options.name}"
    limit = time.monotonic() + PROBE_S
    query = {"dryRun": "All"}
    call = Call("DELETE", path, f"try to delete {path}", query, deadline=limit, accept=METADATA)
    (answer,) = run.kube.request_all([call])
    if isinstance(answer, SnapshotError) and answer.status in (401, 404):
        raise missing.error if answer.status == 404 else answer


def _classify_probe_error(run: RunState, error: SnapshotError) -> tuple[str, Any]:
    """Return whether the node is lost, alive, or the API server itself is down."""
    if error.status >= 500 and any(mark in error.why for mark in KUBELET_MARKS):
        return "node-lost", error.why
    if error.status == 404 and kubelet.build_missing_mark(run.node_name) in error.why:
        return "node-lost", error.why
    if 400 <= error.status < 500:
        return "alive", None  # the kubelet answers so while the container waits to start
    if error.status >= 500 and is_api_server_up(run):
        again = _read_log_error(run, AGAIN_S)
        return ("log-broken", again) if again and again.status >= 500 else ("alive", None)
    if isinstance(error, Timeout) and is_api_server_up(run):
        return (
            "node-lost",
            f"the API server responds, but the node's kubelet not within {PROBE_S:g} s",
        )
    return "outage", error


def is_api_server_up(run: RunState) -> bool:
    """Return whether the API server itself responds."""
    deadline = time.monotonic() + VERSION_S
    try:
        run.kube.request("GET", "/version", doing="probe the API server", deadline=deadline)
    except SnapshotError as error:
        return 400 <= error.status < 500
    return True
