"""Measure an Indexed Job with one pod per node: python -m tests.lab.fleet KUBECONFIG.

Each pod is created with a scheduling gate. One patch pins it to the next node (matchFields on
metadata.name) and removes the gate; when the pod has ended, its log is read.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import time
from collections.abc import Iterator
from typing import Any

from tests.lab import kube
from tests.lab.machine import wait_for

GATE = "lab/pin"
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def build_job(name: str, options: argparse.Namespace, count: int) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", "print('done')"],
    }
    pod = {
        "restartPolicy": "Never",
        "schedulingGates": [{"name": GATE}],
        "tolerations": [{"operator": "Exists"}],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    spec = {
        "completions": count,
        "parallelism": min(count, options.parallelism),
        "completionMode": "Indexed",
        "backoffLimitPerIndex": 0,
        "maxFailedIndexes": count,
        "template": {"spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def build_pin(node: str) -> dict[str, Any]:
    match = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [match]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return {"spec": {"schedulingGates": None, "affinity": affinity}}


def watch_pods(client: kube.Client, job: str, end: float) -> Iterator[Any]:
    """Yield every pod as it changes.

    The apiserver drops a watch that falls behind in a burst; then this lists and watches again.
    """
    selector = f"labelSelector=job-name={job}"
    while time.monotonic() < end:
        listed = client.get(f"{PODS}?{selector}")
        yield from listed["items"]
        version = listed["metadata"]["resourceVersion"]
        query = f"watch=1&{selector}&resourceVersion={version}&timeoutSeconds=60"
        for event in client.watch(f"{PODS}?{query}", 90):
            if event["type"] == "ERROR":
                break
            yield event["object"]


def measure(client: kube.Client, options: argparse.Namespace) -> dict[str, Any]:
    listed = client.get(f"/api/v1/nodes?labelSelector={options.selector}")["items"]
    nodes = [item["metadata"]["name"] for item in listed][: options.limit]
    name, began = f"fleet-{int(time.time())}", time.monotonic()
    free, marks = iter(nodes), {}
    phases: dict[str, str] = {}
    pinned: set[str] = set()

    def mark(what: str) -> None:
        marks[what] = round(time.monotonic() - began, 1)

    client.call("POST", JOBS, build_job(name, options, len(nodes)))
    with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
        patches, logs = [], []
        for pod in watch_pods(client, name, began + options.timeout):
            path, phase = f"{PODS}/{pod['metadata']['name']}", pod["status"]["phase"]
            if path not in pinned and pod["spec"].get("schedulingGates"):
                pinned.add(path)
                patches.append(pool.submit(client.patch, path, build_pin(next(free))))
                if len(pinned) == len(nodes):
                    mark("pods created")
            if path not in phases and phase in ("Succeeded", "Failed"):
                phases[path] = phase
                logs.append(pool.submit(client.raw, "GET", f"{path}/log"))
                if len(phases) == len(nodes):
                    mark("pods ended")
                    break
        for patch in patches:
            patch.result()
        read = [len(log.result()) for log in logs]
        mark("logs read")
    if len(phases) == len(nodes):
        wait_for("the Job to end", lambda: has_ended(client, name), options.timeout, pause=0.5)
        mark("job ended")
    client.call("DELETE", f"{JOBS}/{name}", {"propagationPolicy": "Background"})
    failed = sum(phase == "Failed" for phase in phases.values())
    found = {"nodes": len(nodes), "parallelism": options.parallelism, "ended": len(phases)}
    return {**found, "failed": failed, "log bytes": sum(read), "seconds": marks}


def has_ended(client: kube.Client, job: str) -> bool:
    conditions = client.get(f"{JOBS}/{job}")["status"].get("conditions", [])
    return any(condition["type"] in ("Complete", "Failed") for condition in conditions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig")
    parser.add_argument("--selector", default="lab/fake=true", help="labels of the nodes")
    parser.add_argument("--limit", type=int, help="maximum number of nodes")
    parser.add_argument("--parallelism", type=int, default=1000, help="concurrent pods")
    parser.add_argument("--threads", type=int, default=16, help="concurrent requests")
    parser.add_argument("--image", default="python:3.11-slim")
    parser.add_argument("--timeout", type=int, default=600)
    options = parser.parse_args()
    print(json.dumps(measure(kube.Client(options.kubeconfig), options)))


if __name__ == "__main__":
    main()
