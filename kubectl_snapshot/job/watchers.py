"""What is seen of one run: daemon threads that watch, read and ask, and put it into one queue.

They decide nothing: the caller's thread (job/follow.py) takes it out and can be interrupted at any
time. What the node writes is bounded here before it is kept.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import RUN_LABEL
from kubectl_snapshot.errors import Internal, SnapshotError, Timeout
from kubectl_snapshot.job.frame import FRAME_PREFIX, MAX_LINE_BYTES, PROGRESS_PREFIX
from kubectl_snapshot.job.manifest import CONTAINER, core_path
from kubectl_snapshot.job.pod import pod_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubectl_snapshot.clients.kube.stream import Stream
    from kubectl_snapshot.job.run_state import RunState

# How long a kubelet may refuse before its node counts as lost; one that restarts takes a second.
PROBE_S = 5.0
VERSION_S = 3.0
LAST_WORDS = 5
LAST_WORDS_LENGTH = 300
# Of a line without an end only this much is kept; a frame's line is shorter.
MAX_REST_BYTES = 65536
FRAME_MARK, PROGRESS_MARK = FRAME_PREFIX.encode(), PROGRESS_PREFIX.encode()
# In the API server's words where a log's kubelet cannot be asked (its URL there).
KUBELET_MARK = "/containerLogs/"


@dataclass(frozen=True)
class LogEnd:
    """How one reading of the log ended; `error` is None where it ended in good order."""

    error: SnapshotError | None
    was_ended: bool
    last_words: tuple[str, ...]


def watch_pods(run: RunState) -> None:
    """Put each change of the run's pod into the queue, as `pod`."""
    path = core_path(run.options.namespace, "pods")
    query = {"labelSelector": f"{RUN_LABEL}={run.options.run_id}"}
    _start_thread(run, "pod", _watch, "pod", path, query, "watch the agent's pod")


def watch_events(run: RunState, name: str) -> None:
    """Put the events about one object into the queue, as `event`."""
    _start_thread(run, "event", _watch_events, name)


def read_log(run: RunState, was_ended: bool, pause_s: float) -> None:
    """Read the pod's log from its beginning, after a pause; ends as `log-end` or `complete`.

    `was_ended` is whether the container is known to have ended before.
    """
    _start_thread(run, "log", _read_log, was_ended, pause_s)


def probe_node(run: RunState) -> None:
    """Ask the pod's kubelet for nothing of its log: ends as `alive`, `node-lost` or `outage`."""
    _start_thread(run, "probe", _probe)


def _start_thread(run: RunState, kind: str, target: Callable[..., None], *arguments: Any) -> None:
    """Run in a daemon thread; what it raises comes as `failure`."""

    def call() -> None:
        failure: SnapshotError | None = Internal(f"the {kind} reader ended early")
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
    for event in run.kube.watch(path, doing=doing, query=query, stop=run.stop):
        if event.type != "SYNC":
            run.inbox.put((kind, event))


def _watch_events(run: RunState, name: str) -> None:
    """Events are extra: who may not watch them does without."""
    path = core_path(run.options.namespace, "events")
    query = {"fieldSelector": f"involvedObject.name={name}"}
    try:
        _watch(run, "event", path, query, "watch events")
    except SnapshotError as error:
        if error.status != 403:
            raise


def _read_log(run: RunState, was_ended: bool, pause_s: float) -> None:
    run.stop.wait(pause_s)
    words: deque[str] = deque(maxlen=LAST_WORDS)
    error: SnapshotError | None = None
    try:
        stream = _open_log(run)
        try:
            if _read_lines(run, stream, words):
                run.inbox.put(("complete", None))
                return
        finally:
            stream.close()
    except SnapshotError as caught:
        error = caught
    run.inbox.put(("log-end", LogEnd(error, was_ended, tuple(words))))


def _open_log(run: RunState) -> Stream:
    return run.kube.open_stream(
        _log_path(run),
        doing=f"read the log of pod {pod_title(run.pod)}",
        query={"container": CONTAINER, "follow": "true"},
    )


def _log_path(run: RunState) -> str:
    pods = core_path(run.options.namespace, "pods")
    return f"{pods}/{run.pod['metadata']['name']}/log"


def _read_lines(run: RunState, stream: Stream, words: deque[str]) -> bool:
    """Hand the lines on until all of the frame is here; return whether it is."""
    for line in _split_lines(stream):
        run.reader.feed(line)
        if PROGRESS_MARK in line:
            run.inbox.put(("line", line.decode("utf-8", "replace")))
        elif FRAME_MARK not in line and line.strip():
            words.append(line[:LAST_WORDS_LENGTH].decode("utf-8", "replace").strip())
        if run.reader.is_complete:
            return True
    return False


def _split_lines(stream: Stream) -> Iterator[bytes]:
    rest = b""
    for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > MAX_REST_BYTES:
            rest = rest[-MAX_LINE_BYTES:]
    yield rest


def _probe(run: RunState) -> None:
    query = {"container": CONTAINER, "tailLines": "0"}
    try:
        run.kube.request(
            "GET",
            _log_path(run),
            doing=f"ask node {run.node_name} for the log of pod {pod_title(run.pod)}",
            query=query,
            deadline=time.monotonic() + PROBE_S,
        )
    except SnapshotError as error:
        if error.status == 401:
            raise
        run.inbox.put(_judge_refusal(run, error))
    else:
        run.inbox.put(("alive", None))


def _judge_refusal(run: RunState, error: SnapshotError) -> tuple[str, Any]:
    """Return who it is that does not answer: the node, or the API server before it."""
    if error.status >= 500 and KUBELET_MARK in error.why:
        return "node-lost", error.why
    if 400 <= error.status < 500:
        return "alive", None  # a container that waits to start is refused, by its kubelet
    if isinstance(error, Timeout) and _has_answer(run):
        return "node-lost", f"the API server answers, and the node's kubelet not in {PROBE_S:g} s"
    return "outage", error


def _has_answer(run: RunState) -> bool:
    """Return whether the API server itself answers."""
    deadline = time.monotonic() + VERSION_S
    try:
        run.kube.request("GET", "/version", doing="ask the API server", deadline=deadline)
    except SnapshotError as error:
        return 400 <= error.status < 500
    return True
