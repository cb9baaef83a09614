"""A small cluster on the wire, for fleets: API server, Job controller, scheduler and kubelets."""

from __future__ import annotations

import json
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubectl_snapshot.agent.config import AgentConfig
from kubectl_snapshot.clients.auth.access import ConnectionOptions
from kubectl_snapshot.document.codec.json_codec import canonical_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.fleet.planning.config import FleetConfig
from kubectl_snapshot.job.frame.encode import encode_frame
from kubectl_snapshot.settings import CollectSettings
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

DOCUMENT = canonical_json(
    Snapshot(
        {"version": "1", "timestamp": "2026-11-28T00:00:00Z", "source-node": "liar"},
        (Measurement("OS", (Subtype("sysctl", {"/proc/sys/vm/swappiness": "60"}),)),),
    )
)
QUOTA = 'pods "x" is forbidden: exceeded quota: few, requested: pods=1'
LOST = 'Get "https://10.0.0.2:10250/containerLogs/ops/p/c": dial tcp: connection refused'


def node(name: str, **changes: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-28T00:00:00Z"}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "spec": {},
        "status": {"conditions": [ready], "nodeInfo": {"bootID": f"boot-{name}"}},
        **changes,
    }


@dataclass
class Cluster:
    """The state of the cluster. `faults` maps a node to what happens to its pod:

    `refuse` (admission), `image` (never pulled), `exit` (the agent fails), `garbage` (no document),
    `cut` (half a frame, then it has ended), `hang` (no log), `broken` (its log is an error),
    `delete` (someone deletes it), `flaky` (its log ends too early, once), `lost` (no log, and a
    kubelet that does not answer). `denied` are verb and resource. `most` is how many pods there
    were at a time whose log was not read yet.
    """

    nodes: dict[str, dict[str, Any]]
    faults: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    max_pods: int = 1000
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    most: int = 0
    read: set[str] = field(default_factory=set)
    seen: list[tuple[str, str]] = field(default_factory=list)
    _watches: list[tuple[str, queue.SimpleQueue[dict[str, Any]]]] = field(default_factory=list)
    _version: int = 1
    _lock: Any = field(default_factory=threading.RLock)

    def answer(self, exchange: Exchange) -> None:
        url = urlsplit(exchange.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        path = url.path
        if "dryRun" not in query and "authorization" not in path:
            self.seen.append((exchange.method, path))
        if path == "/version":
            exchange.send(200, {"gitVersion": "v1.34.0", "major": "1", "minor": "34"})
        elif "authorization" in path:
            self._review(exchange, path)
        elif path == "/api/v1/nodes":
            self._list_nodes(exchange, query)
        elif path.endswith("/log"):
            self._log(exchange, path.split("/")[-2], query)
        elif "watch" in query:
            self._watch(exchange, path.rpartition("/")[2])
        elif exchange.method == "POST":
            self._create(exchange, path, "dryRun" in query)
        elif exchange.method == "DELETE":
            self._delete(exchange, path.rpartition("/")[2])
        else:
            listed = [item for item in self.objects.values() if path.endswith(kind_path(item))]
            exchange.send(200, {"items": listed, "metadata": {"resourceVersion": "1"}})

    def _review(self, exchange: Exchange, path: str) -> None:
        if "rules" in path:
            exchange.send(201, {"status": {"resourceRules": []}})
            return
        asked = json.loads(exchange.body)["spec"]["resourceAttributes"]
        allowed = f"{asked['verb']} {asked['resource']}" not in self.denied
        exchange.send(201, {"status": {"allowed": allowed}})

    def _list_nodes(self, exchange: Exchange, query: Mapping[str, str]) -> None:
        wanted = dict(
            part.split("=") for part in query.get("labelSelector", "").split(",") if "=" in part
        )
        items = [
            item
            for item in self.nodes.values()
            if wanted.items() <= item["metadata"]["labels"].items()
        ]
        exchange.send(200, {"items": items, "metadata": {"resourceVersion": "1"}})

    def _create(self, exchange: Exchange, path: str, is_dry_run: bool) -> None:
        body = json.loads(exchange.body)
        kind = path.rpartition("/")[2]
        if f"create {kind}" in self.denied:
            message = f'{kind} is forbidden: User "u" cannot create resource "{kind}"'
            exchange.send(403, {"kind": "Status", "message": message})
            return
        body["kind"] = {"pods": "Pod", "jobs": "Job"}.get(kind, body["kind"])
        body["metadata"]["uid"] = f"uid-{body['metadata']['name']}"
        if is_dry_run:
            exchange.send(201, body)
            return
        refusal = self._start(body) if kind == "pods" else ""
        if refusal:
            exchange.send(403, {"kind": "Status", "message": refusal})
            return
        self.objects[body["metadata"]["name"]] = body
        self.created.append(body["metadata"]["name"])
        exchange.send(201, body)
        if kind == "jobs" and body["spec"]["parallelism"]:
            self._control(body)

    def _control(self, job: dict[str, Any]) -> None:
        """Create the pod of a Job, as the Job controller does, or say why not in an event."""
        template, name = job["spec"]["template"], job["metadata"]["name"]
        labels = {**template["metadata"]["labels"], "job-name": name}
        metadata = {**template["metadata"], "labels": labels}
        pod = {"metadata": {**metadata, "name": f"{name}-x", "uid": f"uid-{name}-x"}}
        pod.update(kind="Pod", spec=template["spec"])
        refusal = self._start(pod)
        if refusal:
            event = {"metadata": {"name": f"{name}.1", "uid": f"{name}.1"}, "message": refusal}
            event.update(kind="Event", involvedObject={"name": name, "kind": "Job"})
            self.objects[f"event of {name}"] = event
            self._publish("events", "ADDED", event)
            if "quota" in refusal:
                threading.Timer(0.3, self._control, (job,)).start()

    def _start(self, pod: dict[str, Any]) -> str:
        """Bind a pod and run it; return why it is refused, if it is."""
        name = pin(pod)
        fault = self.faults.get(name, "")
        if fault == "refuse":
            return f'admission webhook "w" denied the request: not on {name}'
        with self._lock:
            pods = [item for item in self.objects.values() if item["kind"] == "Pod"]
            if len(pods) >= self.max_pods:
                return QUOTA
            unread = sum(item["metadata"]["name"] not in self.read for item in pods)
            self.most = max(self.most, unread + 1)
            self.objects[pod["metadata"]["name"]] = pod
        pod["spec"]["nodeName"] = name
        state: dict[str, Any] = {"running": {}}
        if fault == "image":
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
        if fault in ("exit", "cut"):
            state = {"terminated": {"exitCode": 1 if fault == "exit" else 0}}
        pod["status"] = {
            "phase": "Running",
            "containerStatuses": [{"name": "kubectl-snapshot", "state": state}],
        }
        self._publish("pods", "ADDED", pod)
        return ""

    def _publish(self, kind: str, event: str, body: dict[str, Any]) -> None:
        with self._lock:
            self._version += 1
            body["metadata"]["resourceVersion"] = str(self._version)
            for watched, events in self._watches:
                if watched == kind:
                    events.put({"type": event, "object": json.loads(json.dumps(body))})

    def _watch(self, exchange: Exchange, kind: str) -> None:
        events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._lock:
            self._watches.append((kind, events))
            for item in self.objects.values():
                if f"/{kind}" == kind_path(item):
                    events.put({"type": "ADDED", "object": json.loads(json.dumps(item))})
        exchange.begin_chunks()
        while not exchange.stopped.is_set():
            try:
                event = events.get(timeout=0.1)
            except queue.Empty:
                continue
            exchange.send_event(event["type"], event["object"])

    def _log(self, exchange: Exchange, pod: str, query: Mapping[str, str]) -> None:
        body = self.objects.get(pod)
        fault = self.faults.get(pin(body), "") if body else ""
        if body is None or fault == "exit":
            exchange.send(404 if body is None else 200, b"Traceback: boom\n")
            return
        if "tailLines" in query:
            refusal = {"kind": "Status", "message": LOST}
            exchange.send(500, refusal) if fault == "lost" else exchange.send(200, b"")
            return
        if fault == "broken":
            exchange.send(403, {"kind": "Status", "message": "no log for you"})
            return
        run_id = pod.split("-")[2]
        document = b'{"kind": 1}' if fault == "garbage" else DOCUMENT
        lines = [f"{line}\n".encode() for line in encode_frame(document, run_id)]
        if fault == "delete":
            lines = []
            self._publish("pods", "DELETED", self.objects.pop(pod))
        if fault == "cut":
            lines = lines[: len(lines) // 2]
        exchange.begin_chunks()
        if fault == "flaky" and pod not in self.read:
            lines = lines[:1]
        self.read.add(pod)
        if fault in ("hang", "lost"):
            exchange.stopped.wait()
        for line in lines:
            exchange.send_chunk(line)
        exchange.send_chunk(b"")

    def _delete(self, exchange: Exchange, name: str) -> None:
        with self._lock:
            self.objects.pop(f"event of {name}", None)
            # Without it, the pod of a Job is orphaned.
            options = json.loads(exchange.body or "{}")
            dependent = f"{name}-x" if options.get("propagationPolicy") == "Background" else ""
            found = [key for key in self.objects if key in (name, dependent)]
            for key in found:
                body = self.objects.pop(key)
                if body["kind"] == "Pod":
                    self._publish("pods", "DELETED", body)
        exchange.send(200 if found else 404, {"kind": "Status"})


def pin(pod: Mapping[str, Any]) -> str:
    """Return the node that a pod is pinned to."""
    found = re.search(r'"metadata\.name".*?"values": \["([^"]*)"\]', json.dumps(pod["spec"]))
    return found[1] if found else ""


def kind_path(item: Mapping[str, Any]) -> str:
    return f"/{item['kind'].lower()}s"


@contextmanager
def run_cluster(cluster: Cluster, tmp_path: Path) -> Iterator[ConnectionOptions]:
    """Serve a cluster; yields the connection of a client in namespace ops."""
    with serve(cluster.answer) as server:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url})
        yield ConnectionOptions(kubeconfig=str(kubeconfig), namespace="ops")


def build_config(connection: ConnectionOptions, directory: Path, **changes: Any) -> FleetConfig:
    """Return the configuration of a fleet with node facts only, from an image with the program."""
    agent = AgentConfig(
        namespace="",
        connection=connection,
        agent="image",
        cluster_scope="skip",
        collect=CollectSettings(),
        **changes.pop("agent", {}),
    )
    selection = {} if changes.keys() & {"selector", "nodes", "resume"} else {"all_nodes": True}
    return FleetConfig(str(directory), agent=agent, **selection, **changes)
