"""A list of 50,000 pods over 20 Mbit/s: compressed, as kubectl asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kubectl_parity.binaries import ALL, ensure_kubectl
from tests.kubectl_parity.test_moments import OURS
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

PODS = 50_000 if ALL else 5_000
PAGE = 500
BYTES_PER_S = 20e6 / 8
PIECE_BYTES = 16384
GZIP = 31
DISCOVERY: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["get", "list"]}
        ],
    },
}
# Through the library in the zipapp: no command of ours lists all pods of a cluster.
LIST = """
import os, sys
import importer
importer.import_from(os.environ["PYTHONPATH"])
from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
kube = connect(ConnectionOptions(kubeconfig=sys.argv[1]), {})
print(sum(1 for _ in kube.list_items("/api/v1/pods", doing="list pods")))
"""


def build_pod(number: int) -> dict[str, Any]:
    """Return a pod of about 2.7 kB with values of its own."""
    uid = f"{number * 2654435761 % 2**32:08x}-8a1b-4c3d-9e5f-{number * 40503 % 2**48:012x}"
    labels = {"app": f"app-{number % 97}", "pod-template-hash": uid[:8]}
    container = {
        "name": "main",
        "image": f"registry.example/team/app-{number % 97}:v1.{number % 13}",
        "resources": {"requests": {"cpu": f"{number % 9}00m", "memory": f"{number % 31}Mi"}},
        "env": [{"name": f"VARIABLE_{i}", "value": f"{uid[:6]}-{i}"} for i in range(40)],
    }
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    metadata = {"name": f"app-{uid[:13]}", "namespace": "a", "uid": uid, "labels": labels}
    spec = {"containers": [container], "nodeName": f"node-{number % 500}"}
    status = {"phase": "Running", "podIP": f"10.0.{number % 250}.7", "conditions": conditions}
    return {"metadata": metadata, "spec": spec, "status": status}


@dataclass
class Api:
    """Pages of pods; all of its answers share 20 Mbit/s, and `sent` is their size in bytes."""

    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0
    encodings: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        pods = json.dumps([build_pod(number) for number in range(PAGE)])
        head = f'{{"kind":"PodList","apiVersion":"v1","items":{pods},"metadata":'.encode()
        self.plain_bytes = len(head) * (PODS // PAGE)
        packer = zlib.compressobj(1, zlib.DEFLATED, GZIP)
        self.heads = {"": head, "gzip": packer.compress(head)}
        self.packer = packer

    def answer(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        if parts.path in DISCOVERY:
            exchange.send(200, DISCOVERY[parts.path])
            return
        begins = int(parse_qs(parts.query).get("continue", ["0"])[0]) + PAGE
        position = {"continue": str(begins)} if begins < PODS else {}
        tail = json.dumps({"resourceVersion": "1", **position}).encode() + b"}"
        encoding = "gzip" if "gzip" in exchange.headers.get("Accept-Encoding", "") else ""
        if encoding:
            packer = self.packer.copy()
            tail = packer.compress(tail) + packer.flush()
        self.encodings.add(encoding)
        self._send(exchange, self.heads[encoding] + tail, encoding)

    def _send(self, exchange: Exchange, body: bytes, encoding: str) -> None:
        headers = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        headers += f"\r\nContent-Encoding: {encoding}" if encoding else ""
        exchange.connection.sendall(f"{headers}\r\n\r\n".encode())
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            with self.lock:
                self.free_at = max(self.free_at, time.monotonic()) + len(piece) / BYTES_PER_S
                self.sent += len(piece)
                wait_s = self.free_at - time.monotonic()
            exchange.stopped.wait(max(wait_s, 0))
            exchange.connection.sendall(piece)


def list_pods(command: Sequence[str], home: Path, path: str, **env: str) -> tuple[int, float]:
    """Return how many pods a command lists, and its seconds."""
    environment = {"PATH": os.defpath, "HOME": str(home), "KUBECONFIG": path, **env}
    began = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    return (int(lines[0]) if len(lines) == 1 else len(lines)), time.monotonic() - began


def test_many_pods_come_compressed_as_for_kubectl(kubectl_version: str, tmp_path: Path) -> None:
    python, _, zipapp = OURS
    kubectl = str(ensure_kubectl(kubectl_version))
    results = []
    for name in ("kubectl", "ours"):
        api = Api()
        with serve(api.answer) as server:
            path = write_kubeconfig(tmp_path / name, {"server": server.url}, {})
            theirs = (kubectl, "get", "pods", "-A", "-o", "name", f"--chunk-size={PAGE}")
            command = theirs if name == "kubectl" else (python, "-c", LIST, path)
            listed, seconds = list_pods(command, tmp_path, path, PYTHONPATH=str(zipapp))
        assert (listed, api.encodings) == (PODS, {"gzip"})
        results.append((api.sent, seconds))
    (sent_to_kubectl, theirs_s), (sent_to_ours, ours_s) = results
    plain_s = api.plain_bytes / BYTES_PER_S
    print(
        f"{PODS} pods, {api.plain_bytes} bytes of JSON, over 20 Mbit/s: kubectl {theirs_s:.1f} s, "
        f"ours {ours_s:.1f} s, {sent_to_ours} bytes; uncompressed at least {plain_s:.0f} s"
    )
    assert sent_to_ours == sent_to_kubectl < api.plain_bytes / 4
