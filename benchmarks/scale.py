"""Compare the cluster-wide collectors in a large cluster with `kubectl get --raw` of their lists.

`make bench-scale` starts its own cluster, fills it with API objects, and deletes it. With 5,000
nodes and 50,000 pods that takes minutes, and the API server uses about 2 GiB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.budgets import BUDGETS, Row, is_missed, render_table
from benchmarks.cluster import run_kit
from benchmarks.startup import PYTHON, ROOT
from tests.cluster import support
from tests.lab import bulk, fake_nodes, processes, requirements

PACKAGES = ROOT / "build" / "zipapp" / "site-packages"
COLLECTOR = Path(__file__).with_name("scale_collector.py")
ROUNDS = 3
STARTS = 5
PAGE_SIZE = 500
CONTINUE = re.compile(rb'"continue":"([^"]+)"')
NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
# The lists of each collector; `both` reads the two in one process.
LISTS = {"K8s": (PODS,), "NodeTopology": (NODES,), "both": (PODS, NODES)}
# Stopped: they would mark the nodes NotReady, evict the pods, and distort the figures.
CONTROLLERS = ("controller-manager", "scheduler")


@dataclass(frozen=True)
class Collected:
    """Time and memory of one collector process."""

    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Round:
    """Seconds of kubectl by list, and the figures of each collector.

    `paged_s` starts kubectl once per page and excludes its start-up.
    """

    paged_s: Mapping[str, float]
    whole_s: Mapping[str, float]
    collected: Mapping[str, Collected]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--pods", type=int, default=50_000)
    args = parser.parse_args()
    missing = requirements.find_missing()
    if missing:
        print(f"the lab cannot run here: missing {missing}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as home, open_cluster(Path(home)) as cluster:
        began = time.perf_counter()
        fill(cluster, args.nodes, args.pods)
        seconds = time.perf_counter() - began
        print(f"{args.nodes:,} nodes and {args.pods:,} pods written in {seconds:.0f} s")
        rows = measure(cluster, args.nodes)
        print(f"API server: {read_server_mib(cluster):,.0f} MiB")
    print(f"load: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
    print(render_table(rows), end="")
    return int(is_missed(rows))


@contextlib.contextmanager
def open_cluster(home: Path) -> Iterator[support.Cluster]:
    """Start a cluster without real nodes and delete it at exit; SIGTERM acts as Ctrl-C."""
    name = f"scale-{os.getpid()}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_kit("build")
        run_kit("up", "--name", name, "--nodes", "0")
        cluster = support.use_lab(name, home)
        with contextlib.closing(cluster.client):
            yield cluster
    finally:
        run_kit("down", "--name", name)


def fill(cluster: support.Cluster, node_count: int, pod_count: int) -> None:
    """Create the objects while the controllers are stopped."""
    with support.temporary_namespace(cluster) as namespace:
        pids = [processes.alive(cluster.require_lab())[key] for key in CONTROLLERS]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        bulk.create_nodes(cluster.client, node_count)
        bulk.create_pods(cluster.client, namespace, pod_count, node_count)


def measure(cluster: support.Cluster, node_count: int) -> list[Row]:
    """Return time and peak memory of each collector, and of both, from interleaved rounds.

    A first round warms caches and does not count.
    """
    rounds = []
    for index in range(-1, ROUNDS):
        found = measure_round(cluster, node_count)
        if index >= 0:
            rounds.append(found)
    return [row for name in LISTS for row in build_rows(name, rounds)]


def measure_round(cluster: support.Cluster, node_count: int) -> Round:
    # The minimum: subtracting a slow start from each page could give a negative time.
    start_s = min(run_kubectl(cluster, "/version")[1] for _ in range(STARTS))
    paged = {path: read_pages(cluster, path, start_s) for path in (PODS, NODES)}
    whole = {path: run_kubectl(cluster, path)[1] for path in (PODS, NODES)}
    return Round(paged, whole, {name: run_collector(cluster, name, node_count) for name in LISTS})


def build_rows(name: str, rounds: Sequence[Round]) -> list[Row]:
    """Return the rows of one collector, its time as a multiple of the paged lists' time."""
    paged = [sum(r.paged_s[path] for path in LISTS[name]) for r in rounds]
    whole = [sum(r.whole_s[path] for path in LISTS[name]) for r in rounds]
    ours = [r.collected[name].seconds for r in rounds]
    unit_s = statistics.median(paged)
    times = (
        (f"{name}: the same lists by kubectl, paged", paged, None),
        (f"{name}: the same lists by kubectl, whole", whole, None),
        (f"{name}: collected", ours, BUDGETS["cluster collector, time"]),
    )
    peak_mib = max(r.collected[name].peak_mib for r in rounds)
    memory = BUDGETS["cluster collector, memory"]
    return [
        *(Row(title, statistics.median(s) / unit_s, "x", b, *in_ms(s)) for title, s, b in times),
        Row(f"{name}: peak memory", peak_mib, "MiB", memory),
    ]


def in_ms(seconds: list[float]) -> tuple[float, float, float]:
    return 1e3 * statistics.median(seconds), 1e3 * min(seconds), 1e3 * max(seconds)


def run_collector(cluster: support.Cluster, name: str, node_count: int) -> Collected:
    """Return time and memory of a collector process; RuntimeError for an incomplete result."""
    types = [name] if name != "both" else [type_ for type_ in LISTS if type_ != "both"]
    words = [str(PACKAGES), cluster.kubeconfig, fake_nodes.name(1), *types]
    began = time.perf_counter()
    done = subprocess.run(
        [*PYTHON, str(COLLECTOR), *words],
        env=cluster.environment(),
        check=True,
        stdout=subprocess.PIPE,
    )
    seconds = time.perf_counter() - began
    result: dict[str, Any] = json.loads(done.stdout)
    check_document(result["subtypes"], node_count)
    return Collected(seconds, result["peak_mib"])


def check_document(subtypes: Mapping[str, Mapping[str, Any]], node_count: int) -> None:
    """Raise RuntimeError unless everything was read: each node's name is a label value."""
    wanted = {
        "K8s.image": bulk.IMAGES,
        # The taint of the lab, and that of nodes that are not Ready.
        "NodeTopology.taint": 2,
        "NodeTopology.label": len(bulk.LABELS) + bulk.POOLS + 3 + 5 + node_count,
    }
    found = {name: subtypes[name]["keys"] for name in wanted if name in subtypes}
    failed = {name: s for name, s in subtypes.items() if s["status"] not in ("ok", "absent")}
    if failed or found != {name: wanted[name] for name in found}:
        raise RuntimeError(f"incomplete result: {failed or found}, expected {wanted}")


def read_pages(cluster: support.Cluster, path: str, start_s: float) -> float:
    """Return the seconds of kubectl for all pages of a list, counting one start-up."""
    token, seconds = "", 0.0
    while True:
        query = f"?limit={PAGE_SIZE}" + (f"&continue={quote(token, safe='')}" if token else "")
        page, took = run_kubectl(cluster, path + query)
        seconds += took - start_s
        # The list's metadata precedes its items.
        found = CONTINUE.search(page[:2000])
        if not found:
            return seconds + start_s
        token = found[1].decode()


def run_kubectl(cluster: support.Cluster, path: str) -> tuple[bytes, float]:
    began = time.perf_counter()
    done = subprocess.run(
        [cluster.kubectl_path, "get", "--raw", path],
        env=cluster.environment(),
        check=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout, time.perf_counter() - began


def read_server_mib(cluster: support.Cluster) -> float:
    pid = processes.alive(cluster.require_lab())["apiserver"]
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
