"""The requests of a fleet's pods, or of one Job a node: create, read the log, probe, delete.

Run by worker threads.
Each reports through the inbox and decides nothing; state.py decides.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import METADATA, Call
from kubectl_snapshot.clients.kube.errors import WriteConflict
from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES, RUN_LABEL
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.run.pods import name_pod
from kubectl_snapshot.fleet.run.state import LogEnd
from kubectl_snapshot.job.frame.decode import FrameReader
from kubectl_snapshot.job.frame.encode import FRAME_PREFIX, PROGRESS_PREFIX
from kubectl_snapshot.job.manifest import CONTAINER, core_path, jobs_path
from kubectl_snapshot.job.watchers import KUBELET_MARK, LAST_LINE_LENGTH, LAST_LINES, split_lines
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.clients.kube.stream import Stream
    from kubectl_snapshot.fleet.run.workers import RateLimit
    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions

DELETE_S = 15.0
PROBE_S = 5.0
# A fleet of 5,000 nodes takes three minutes: one watch follows it.
WATCH_S = 600
# How long the end of a log is awaited after that of the result.
LOG_END_S = 0.02
OUR_MARKS = (FRAME_PREFIX.encode(), PROGRESS_PREFIX.encode())

# The Job controller's label on a pod.
JOB_LABEL = "job-name"
NO_POD_EVENTS = "involvedObject.kind=Job,reason=FailedCreate"

# Kinds of messages in the inbox: (kind, node, value).
CREATED, REFUSED, POD, LOG_END, NO_POD = "created", "refused", "pod", "log-end", "no-pod"
PROBED, INVALID, BROKEN, CAPTURED = "probed", "invalid", "broken", "captured"


@dataclass
class PodRequests:
    """The pods of one run; its methods may be called from any thread.

    `build` returns the pod, or the Job, with a number and for a node.
    """

    kube: Kube
    options: JobOptions
    build: Callable[[int, str], Manifest]
    indexes: dict[str, int]
    limit: RateLimit
    deadline: float
    inbox: queue.SimpleQueue[tuple[str, str, Any]] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    _pods: dict[str, str] = field(default_factory=dict)
    _readers: dict[str, FrameReader] = field(default_factory=dict)
    _streams: dict[str, Stream] = field(default_factory=dict)

    def create(self, node: str) -> None:
        """Create a node's pod, or its Job; reports `created` with the pod's UID, or `refused`."""
        body = self.build(self.indexes[node], node)
        doing = f"create the pod of node {node}"
        self.limit.wait()
        try:
            call = Call(
                "POST", self._path, doing, body=body, deadline=self.deadline, accept=METADATA
            )
            uid = self.kube.send(call).read_uid()
        except SnapshotError as error:
            # A retried create conflicts with its own pod; the watch reports that pod's UID.
            exists = error.status == 409 and not isinstance(error, WriteConflict)
            self.inbox.put((CREATED, node, "") if exists else (REFUSED, node, error))
        else:
            self.inbox.put((CREATED, node, "" if self.options.creates_jobs else uid))

    @property
    def _path(self) -> str:
        """Return the API path of what is created for each node."""
        namespace, of_jobs = self.options.namespace, self.options.creates_jobs
        return jobs_path(namespace) if of_jobs else core_path(namespace, "pods")

    def watch(self) -> None:
        """Watch all pods of the run until `stop` is set; reports each change as `pod`."""
        nodes = {name_pod(self.options, index): node for node, index in self.indexes.items()}
        query = {"labelSelector": f"{RUN_LABEL}={self.options.run_id}"}
        of_jobs = self.options.creates_jobs
        path = core_path(self.options.namespace, "pods")
        try:
            for event in self.kube.watch(
                path,
                doing="watch the fleet's pods",
                query=query,
                stop=self.stop,
                lasts_s=WATCH_S,
            ):
                metadata = event.object.get("metadata", {})
                pod = metadata.get("name", "")
                name = (metadata.get("labels") or {}).get(JOB_LABEL, "") if of_jobs else pod
                node = nodes.get(name)
                if node is not None:
                    self._pods[node] = pod
                    self.inbox.put((POD, node, event))
        except SnapshotError as error:
            self.inbox.put((BROKEN, "", error))

    def watch_events(self) -> None:
        """Watch what the Job controller says about pods that it cannot create; optional.

        Reports each as `no-pod`.
        """
        nodes = {name_pod(self.options, index): node for node, index in self.indexes.items()}
        query = {"fieldSelector": NO_POD_EVENTS}
        path = core_path(self.options.namespace, "events")
        with contextlib.suppress(SnapshotError):
            for event in self.kube.watch(path, doing="watch events", query=query, stop=self.stop):
                node = nodes.get((event.object.get("involvedObject") or {}).get("name", ""))
                if node is not None:
                    self.inbox.put((NO_POD, node, str(event.object.get("message", ""))))

    def read(self, node: str, had_terminated: bool) -> bytes | None:
        """Return the payload of a node's log, or None after reporting `log-end` or `invalid`."""
        reader = self._readers.setdefault(node, FrameReader(self.options.run_id))
        output: deque[str] = deque(maxlen=LAST_LINES)
        error: SnapshotError | None = None
        try:
            self._read_lines(node, reader, output)
        except SnapshotError as caught:
            error = caught
        incomplete: SnapshotError | None = None
        if reader.has_begun:
            try:
                payload = reader.payload(MAX_DOCUMENT_BYTES)
            except SnapshotError as caught:
                if reader.is_complete:
                    self.inbox.put((INVALID, node, caught))
                    return None
                incomplete = caught
            else:
                # The node may have failed meanwhile, at its deadline.
                self._readers.pop(node, None)
                return payload
        end = LogEnd(error, had_terminated, incomplete, tuple(output))
        self.inbox.put((LOG_END, node, end))
        return None

    def _read_lines(self, node: str, reader: FrameReader, output: deque[str]) -> None:
        self.limit.wait()
        stream = self.kube.open_stream(
            self._log_path(node),
            doing=f"read the log of node {node}'s pod",
            query={"container": CONTAINER, "follow": "true"},
        )
        self._streams[node] = stream
        try:
            for line in split_lines(stream):
                reader.feed(line)
                if line.strip() and not any(mark in line for mark in OUR_MARKS):
                    output.append(line[:LAST_LINE_LENGTH].decode("utf-8", "replace").strip())
                if reader.is_complete:
                    stream.finish(LOG_END_S)
                    return
        finally:
            stream.close()
            self._streams.pop(node, None)

    def probe(self, node: str) -> None:
        """Ask the node's kubelet for no lines of log; reports `probed`, with an error if lost."""
        query = {"container": CONTAINER, "tailLines": "0"}
        self.limit.wait()
        deadline = time.monotonic() + PROBE_S
        lost = ""
        try:
            doing = f"probe node {node}"
            self.kube.send(Call("GET", self._log_path(node), doing, query, deadline=deadline))
        except SnapshotError as error:
            if error.status >= 500 and KUBELET_MARK in error.why:
                lost = error.why
        self.inbox.put((PROBED, node, lost))

    def delete(self, node: str, uid: str) -> None:
        """Delete a node's pod, or its Job; what cannot be deleted is removed with the run's Job."""
        self.forget(node)
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if self.options.creates_jobs:
            options["propagationPolicy"] = "Background"
        elif uid:
            options["preconditions"] = {"uid": uid}
        path = f"{self._path}/{name_pod(self.options, self.indexes[node])}"
        self.limit.wait()
        call = Call(
            "DELETE",
            path,
            f"delete the pod of node {node}",
            body=options,
            deadline=time.monotonic() + DELETE_S,
            accept=METADATA,
        )
        with contextlib.suppress(SnapshotError):
            self.kube.send(call)

    def forget(self, node: str) -> None:
        """Drop what was read of a node; a read in flight ends."""
        self._readers.pop(node, None)
        stream = self._streams.pop(node, None)
        if stream is not None:
            stream.close()

    def crash(self, error: SnapshotError) -> None:
        """Report a thread that ended with an unexpected exception."""
        self.inbox.put((BROKEN, "", error))

    def _log_path(self, node: str) -> str:
        pod = self._pods.get(node) or name_pod(self.options, self.indexes[node])
        return f"{core_path(self.options.namespace, 'pods')}/{pod}/log"
