"""Benchmarks on a real cluster: the first response of its API, and the capture of one node.

The cluster is chosen as in the cluster tests: SNAPSHOT_TEST_CLUSTER=1 uses that of KUBECONFIG,
SNAPSHOT_TEST_LAB=NAME a lab cluster that is up; otherwise the run starts its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bare_client import build_config_map, build_job
from benchmarks.budgets import BASE, BUDGETS, Row
from benchmarks.processes import Command, measure, run, run_alone
from benchmarks.startup import PYTHON, ROOT, ROUNDS, ZIPAPP, base, build_row, build_rows, zipapp
from kubectl_snapshot.constants import DEFAULT_IMAGE
from tests.cluster import support
from tests.lab import requirements

FIRST_ANSWER = "first API answer (version)"
STOCK = "the same with the stock packages"
CAPTURE = "one node, against a bare client"
BARE = "the bare client"
KUBECTL = "kubectl create, wait, logs, delete"
AGAINST_KUBECTL = "one node, against kubectl"
CPU, MEMORY = "one node: client CPU", "one node: client's peak memory"
REQUESTS = "one node: requests"
# The same entry point with pip's packages instead of the zipapp's reduced ones.
STOCK_PROGRAM = (
    "import sys; sys.path[:0] = sys.argv[1:3]; sys.argv[1:3] = []; "
    "from kubectl_snapshot.main import main; sys.exit(main())"
)
CAPTURES = 16
# The kubelet relists its containers once a second. With equal pauses, all captures of a run would
# hit the same phase of that period.
RELIST_S = 1.0
SETTLE_S = 0.3


def measure_cluster(home: Path) -> tuple[list[Row], str]:
    """Return the rows and the server's version; rows without value if there is no cluster."""
    reason = find_reason()
    if reason:
        return [
            Row(name, None, "x", BUDGETS.get(name), note=reason) for name in (FIRST_ANSWER, CAPTURE)
        ], ""
    with open_cluster(home) as cluster, contextlib.closing(cluster.client):
        version = str(cluster.client.get("/version")["gitVersion"])
        with support.temporary_namespace(cluster) as namespace:
            return [*measure_answers(cluster), *measure_captures(cluster, namespace, home)], version


def find_reason() -> str:
    """Return the reason that there is no cluster to measure on, or ""."""
    if os.environ.get("SNAPSHOT_TEST_CLUSTER") == "1" or os.environ.get("SNAPSHOT_TEST_LAB"):
        return ""
    missing = requirements.find_missing()
    return f"the lab cannot run here: missing {missing}" if missing else ""


@contextlib.contextmanager
def open_cluster(home: Path) -> Iterator[support.Cluster]:
    if os.environ.get("SNAPSHOT_TEST_CLUSTER") == "1":
        yield support.use_kubeconfig(home)
    elif os.environ.get("SNAPSHOT_TEST_LAB"):
        yield support.use_lab(os.environ["SNAPSHOT_TEST_LAB"], home)
    else:
        with support.temporary_lab(run_kit) as name:
            yield support.use_lab(name, home)


def run_kit(*argv: str) -> None:
    subprocess.run([sys.executable, "-B", str(support.KIT), *argv], check=True, stdout=sys.stderr)


def measure_answers(cluster: support.Cluster) -> list[Row]:
    """Return the time of a command that sends one request to the API server."""
    env = cluster.environment()
    words = ("version", "-o", "json")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    stock = (*PYTHON, "-c", STOCK_PROGRAM, packages, str(ROOT), *words)
    commands = {
        BASE: base(),
        FIRST_ANSWER: zipapp(*words, env=env),
        STOCK: Command(stock, env),
    }
    return build_rows(measure(commands, ROUNDS))[1:]


def measure_captures(cluster: support.Cluster, namespace: str, home: Path) -> list[Row]:
    """Return the times of a capture, of a bare client, and of kubectl with the same pod."""
    env, node = cluster.environment(), cluster.nodes[0]
    script = Path(__file__).with_name("bare_client.py")
    words = (cluster.kubeconfig, namespace, node, DEFAULT_IMAGE, str(ZIPAPP))
    commands = {
        BARE: Command((*PYTHON, str(script), *words), env),
        CAPTURE: zipapp("--node", node, "--quiet", "-n", namespace, env=env),
        KUBECTL: use_kubectl(cluster, namespace, home),
    }
    times = measure(commands, CAPTURES, pause_s)
    bare, capture, kubectl = (times[name] for name in commands)
    cpu_ms = statistics.median(capture.cpu_ms)
    used = run_alone(commands[CAPTURE].argv, env)
    since = cluster.audit_size()
    run(commands[CAPTURE])
    requests = count_requests(cluster, since)
    return [
        build_row(CAPTURE, capture, capture.median_ms / bare.median_ms),
        build_row(BARE, bare, 1.0),
        Row(AGAINST_KUBECTL, capture.median_ms / kubectl.median_ms, "x", BUDGETS[AGAINST_KUBECTL]),
        build_row(KUBECTL, kubectl, kubectl.median_ms / bare.median_ms),
        Row(CPU, cpu_ms, "ms", BUDGETS[CPU]),
        Row(MEMORY, used.peak_mib, "MiB", BUDGETS[MEMORY]),
        Row(REQUESTS, requests, "", BUDGETS[REQUESTS], note="reviews and dry runs apart"),
    ]


def use_kubectl(cluster: support.Cluster, namespace: str, home: Path) -> Command:
    """Return a script that runs the bare client's pod with kubectl alone."""
    name = "by-kubectl"
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", **build_config_map(name, str(ZIPAPP))},
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            **build_job(name, cluster.nodes[0], DEFAULT_IMAGE),
        },
    ]
    path = home / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    script = Path(__file__).with_name("kubectl_client.sh")
    env = cluster.environment()
    return Command(("sh", str(script), cluster.kubectl_path, namespace, str(path), name), env)


def count_requests(cluster: support.Cluster, since: int) -> int:
    """Return how many requests of our client were answered, without reviews and dry runs."""
    return sum(
        event["stage"] == "ResponseComplete"
        and event.get("userAgent", "").startswith("kubectl-snapshot/")
        and "dryRun" not in event["requestURI"]
        and "/authorization.k8s.io/" not in event["requestURI"]
        for event in cluster.audit(since)
    )


def pause_s(index: int) -> float:
    """Return a pause; together they spread the rounds evenly over the relist period, shuffled."""
    return SETTLE_S + RELIST_S * (index * 7 % CAPTURES) / CAPTURES
