"""Baseline of a fleet: a minimal client that creates the same pods, reads their logs, deletes them.

One Job without pods, one ConfigMap, one watch, and threads with one connection each, with the
standard library only. It checks no permission, names no cause, writes no file, and waits for ever
for a pod that fails. `python -I -S bare_fleet_client.py KUBECONFIG OBJECTS.json PARALLEL`.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import queue
import ssl
import sys
import threading
import urllib.parse
import zlib
from collections.abc import Iterator
from typing import Any

THREADS = 64


class Client:
    """Connections to the cluster of a self-contained JSON kubeconfig with a token."""

    def __init__(self, kubeconfig: str) -> None:
        with open(kubeconfig, encoding="utf-8") as file:
            config = json.load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = urllib.parse.urlsplit(cluster["server"]).netloc
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        self.headers = {
            "Authorization": f"Bearer {user['token']}",
            "Content-Type": "application/json",
        }
        self.local = threading.local()

    def open(self, method: str, path: str, body: object = None, fresh: bool = False) -> Any:
        connection = None if fresh else getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=120)
            if not fresh:
                self.local.connection = connection
        metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
        accept = {"Accept": metadata} if method in ("POST", "DELETE") else {}
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {**self.headers, **accept})
        answer = connection.getresponse()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.read().decode()}")
        return answer

    def send(self, method: str, path: str, body: object = None) -> bytes:
        return bytes(self.open(method, path, body).read())


def main(kubeconfig: str, objects: str, parallel: str) -> None:
    client = Client(kubeconfig)
    with open(objects, encoding="utf-8") as file:
        given = json.load(file)
    nodes = list(list_nodes(client, given["selector"]))
    namespace, name = given["namespace"], given["name"]
    core, jobs = f"/api/v1/namespaces/{namespace}", f"/apis/batch/v1/namespaces/{namespace}/jobs"
    uid = json.loads(client.send("POST", jobs, given["job"]))["metadata"]["uid"]
    client.send("POST", f"{core}/configmaps", given["configmap"])
    given["pod"]["metadata"]["ownerReferences"][0]["uid"] = uid
    run_pods(client, given, nodes, int(parallel))
    # The server may have closed a connection that was idle for so long.
    client.local.connection = None
    goodbye = {"propagationPolicy": "Background"}
    client.send("DELETE", f"{jobs}/{name}", goodbye)
    client.send("DELETE", f"{core}/configmaps/{name}", goodbye)


def list_nodes(client: Client, selector: str) -> Iterator[str]:
    token = ""
    while True:
        query = {"labelSelector": selector, "limit": "500", "continue": token}
        page = json.loads(client.send("GET", f"/api/v1/nodes?{urllib.parse.urlencode(query)}"))
        yield from (item["metadata"]["name"] for item in page["items"])
        token = page["metadata"].get("continue", "")
        if not token:
            return


def run_pods(client: Client, given: dict[str, Any], nodes: list[str], parallel: int) -> None:
    tasks: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    pods = f"/api/v1/namespaces/{given['namespace']}/pods"
    names = {f"{given['name']}-{index:05d}": node for index, node in enumerate(nodes)}
    seen: set[str] = set()

    def work() -> None:
        while True:
            task = tasks.get()
            if task is None:
                return
            verb, name = task
            try:
                if verb == "create":
                    client.send("POST", pods, build_pod(given["pod"], name, names[name]))
                    continue
                check_log(client.send("GET", f"{pods}/{name}/log?follow=true"), given["run-id"])
                client.send("DELETE", f"{pods}/{name}", {"gracePeriodSeconds": 0})
                ended.put(None)
            except Exception as error:  # noqa: BLE001  reported by the main thread
                ended.put(error)

    def watch() -> None:
        selector = urllib.parse.quote(f"kubectl-snapshot/run={given['run-id']}")
        while len(seen) < len(nodes):
            page = json.loads(client.send("GET", f"{pods}?labelSelector={selector}"))
            version = page["metadata"]["resourceVersion"]
            for pod in page["items"]:
                look(pod)
            path = f"{pods}?labelSelector={selector}&watch=1&resourceVersion={version}"
            for line in client.open("GET", path, fresh=True):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    break
                look(event["object"])

    def look(pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        if pod["status"].get("phase") in ("Running", "Succeeded") and name not in seen:
            seen.add(name)
            tasks.put(("read", name))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    threads.append(threading.Thread(target=watch, daemon=True))
    for thread in threads:
        thread.start()
    waiting = iter(names)
    for _ in range(min(parallel, len(names))):
        tasks.put(("create", next(waiting)))
    for _ in names:
        error = ended.get()
        if error is not None:
            raise error
        name = next(waiting, "")
        if name:
            tasks.put(("create", name))


def build_pod(template: dict[str, Any], name: str, node: str) -> dict[str, Any]:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {
        **template,
        "metadata": {**template["metadata"], "name": name},
        "spec": {**template["spec"], "affinity": {"nodeAffinity": affinity}},
    }


def check_log(log: bytes, run_id: str) -> None:
    """Raise RuntimeError unless the frame's SHA-256 is that of its content."""
    lines = [line.split(b" ") for line in log.splitlines() if run_id.encode() in line]
    size, _, digest = lines[0][4].split(b",")
    packed = b"".join(base64.b64decode(line[4]) for line in lines[1:-1])
    content = zlib.decompress(packed, wbits=31)
    if len(content) != int(size) or hashlib.sha256(content).hexdigest().encode() != digest:
        raise RuntimeError("the digest of a log does not match")


if __name__ == "__main__":
    main(*sys.argv[1:])
