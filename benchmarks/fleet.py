"""Compare two real nodes with one, and a fleet of 1,000 fake nodes with a bare client.

`make bench-fleet` starts its own clusters and deletes them: one of two real nodes, then one with
fake nodes, too; with NODES=5000 it compares 5,000 nodes with 1,000 of them. Both clients create the
same pods on the same fake nodes, in the same window, and read the same logs of 40 KB, one after the
other. Exit code 1 if a budget is missed; the last line names which.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from benchmarks.budgets import BUDGETS, MISSED, Row, is_missed, render_table
from benchmarks.cluster import run_kit
from benchmarks.processes import Usage, run_alone
from benchmarks.startup import PYTHON, ZIPAPP
from kubectl_snapshot.document.codec.json_codec import canonical_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.fleet.run.pods import build_template
from kubectl_snapshot.job import manifest
from kubectl_snapshot.job.options import JobOptions, Zipapp
from tests.cluster import support
from tests.lab import fake_nodes, requirements

BARE = Path(__file__).with_name("bare_fleet_client.py")
SELECTOR = "lab/fake=true"
PARALLEL = 64
# Readings of a node's document, and as many more as make its log 40 KB long.
READINGS, FILLING = 1000, 640
REAL_ROUNDS = 8
RUN_ID = "benchfleet"
FEW = 1_000
# The bare client's Job must not expire, with its pods, before they have ended.
HOUR_S = 3600
PER_NODE = ("create pods", "get pods/log", "delete pods")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    missing = requirements.find_missing()
    if missing:
        print(f"the lab cannot run here: missing {missing}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as home:
        # Fake nodes would load the two cores that the kubelets of the real ones share with all.
        with open_cluster(Path(home), 0) as cluster:
            rows = measure_real(cluster, Path(home))
        with open_cluster(Path(home), args.nodes) as cluster:
            write_log(cluster)
            rows += measure_fake(cluster, Path(home), args.nodes, args.rounds)
    print(f"load: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
    print(render_table(rows), end="")
    missed = [row.name for row in rows if row.verdict == MISSED]
    print(f"missed: {', '.join(missed)}" if missed else "every budget is kept")
    return int(is_missed(rows))


@contextlib.contextmanager
def open_cluster(home: Path, nodes: int) -> Iterator[support.Cluster]:
    """Start a cluster with two real nodes and delete it at exit; SIGTERM acts as Ctrl-C."""
    name = f"bench-fleet-{os.getpid()}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_kit("build")
        run_kit("up", "--name", name, "--nodes", "2", "--fake-nodes", str(nodes))
        cluster = support.use_lab(name, home)
        with contextlib.closing(cluster.client):
            yield cluster
    finally:
        run_kit("down", "--name", name)


def write_log(cluster: support.Cluster) -> None:
    """Give every fake node the same document, whose frame is 40 KB."""
    data = {f"net.core.key{index:04d}": str(index) for index in range(READINGS)}
    filling = {
        f"net.lab.key{index:04d}": sha256(str(index).encode()).hexdigest()[:52]
        for index in range(FILLING)
    }
    sysctl = Subtype("sysctl", {**data, **filling})
    metadata = {"version": "0.1.0", "timestamp": "2026-11-28T00:00:00Z", "source-node": "fake"}
    snapshot = Snapshot(metadata, (Measurement("OS", (sysctl,)),))
    assert cluster.state is not None
    (cluster.state / "fake-logs" / "default.json").write_bytes(canonical_json(snapshot))


def measure_real(cluster: support.Cluster, home: Path) -> list[Row]:
    """Return the row of two real nodes in one run, as a multiple of one node."""
    node = cluster.nodes[-1], cluster.nodes[-2]
    times: dict[str, list[float]] = {"one": [], "two": []}
    for index in range(-1, REAL_ROUNDS):
        time.sleep(0.3 + index % 4 / 4)  # the kubelet relists once a second
        one = run_ours(cluster, "--node", node[0], "-o", f"{home}/one.yaml")
        time.sleep(0.3 + index % 4 / 4)
        two = run_ours(cluster, "--node", node[0], "--node", node[1], "-o", f"{home}/two/")
        shutil.rmtree(home / "two")
        if index >= 0:
            times["one"].append(one.wall_s)
            times["two"].append(two.wall_s)
    one_s, two_s = (statistics.median(found) for found in times.values())
    budget = BUDGETS["two real nodes, against one"]
    return [
        Row("two real nodes, against one", two_s / one_s, "x", budget, *in_ms(times["two"])),
        Row("one real node", 1.0, "x", None, *in_ms(times["one"])),
    ]


def measure_fake(cluster: support.Cluster, home: Path, nodes: int, rounds: int) -> list[Row]:
    """Return the rows of the fake nodes: time, CPU, memory, requests and what is missing."""
    bare, ours, few = [], [], []
    missing, requests = 0, Counter[str]()
    for index in range(rounds):
        bare.append(run_bare(cluster, home))
        wait_until_empty(cluster)
        since = cluster.audit_size()
        ours.append(run_ours(cluster, "-l", SELECTOR, "-o", f"{home}/{index}/"))
        requests = max(
            requests, count_requests(cluster, since), key=lambda found: sum(found.values())
        )
        missing = max(missing, report_missing(home / str(index), nodes))
        shutil.rmtree(home / str(index))
        wait_until_empty(cluster)
        if nodes > FEW:
            few.append(run_few(cluster, home))
            wait_until_empty(cluster)
    name = f"{nodes:,} fake nodes"
    print("requests:", ", ".join(f"{n} {what}" for what, n in requests.most_common()))
    rows = build_rows(name, nodes, bare, ours)
    if few:
        ratio = statistics.median(o.wall_s / f.wall_s for o, f in zip(ours, few))
        times = in_ms([usage.wall_s for usage in few])
        rows.append(Row(f"{name}, against {FEW:,}", ratio, "x", BUDGETS["5,000, against 1,000"]))
        rows.append(Row(f"{FEW:,} of them", 1.0, "x", None, *times))
    for what in PER_NODE:
        budget = BUDGETS["fleet, requests per node"]
        rows.append(Row(f"{name}: {what}, per node", requests[what] / nodes, "x", budget))
    watches = sum(n for what, n in requests.items() if what.startswith("watch "))
    rows.append(Row(f"{name}: watches", watches, "", BUDGETS["fleet, watches"]))
    rows.append(Row(f"{name}: nodes without document", missing, "", BUDGETS["fleet, missing"]))
    return rows


def build_rows(name: str, nodes: int, bare: list[Usage], ours: list[Usage]) -> list[Row]:
    ratio = statistics.median(o.wall_s / b.wall_s for o, b in zip(ours, bare))
    cpu_ms = 1e3 * statistics.median(usage.cpu_s for usage in ours) / nodes
    bare_cpu_ms = 1e3 * statistics.median(usage.cpu_s for usage in bare) / nodes
    memory = BUDGETS["fleet, memory" if nodes <= FEW else "fleet of 5,000, memory"]
    budget = BUDGETS["fake nodes, against a bare client"]
    times = in_ms([usage.wall_s for usage in ours])
    peak = max(usage.peak_mib for usage in ours)
    return [
        Row(f"{name}, against a bare client", ratio, "x", budget, *times),
        Row(f"{name}: the bare client", 1.0, "x", None, *in_ms([b.wall_s for b in bare])),
        Row(f"{name}: CPU per node", cpu_ms, "ms", BUDGETS["fleet, CPU per node"]),
        Row(f"{name}: CPU per node of the bare client", bare_cpu_ms, "ms"),
        Row(f"{name}: peak memory", peak, "MiB", memory),
    ]


def run_few(cluster: support.Cluster, home: Path) -> Usage:
    """Run ours with the first of the fake nodes."""
    names = home / "few.txt"
    names.write_text("".join(f"{fake_nodes.name(index + 1)}\n" for index in range(FEW)))
    used = run_ours(cluster, "--nodes-from", str(names), "-o", f"{home}/few/")
    shutil.rmtree(home / "few")
    return used


def report_missing(directory: Path, nodes: int) -> int:
    """Return how many nodes have no document; print why."""
    manifest = load_fleet(str(directory)).manifest
    causes = Counter(f"{n.cause}: {n.reason}" for n in manifest.nodes if not n.has_file)
    for cause, count in causes.most_common():
        print(f"missing: {count} {cause}")
    return nodes - len(list((directory / "nodes").iterdir()))


def in_ms(seconds: list[float]) -> tuple[float, float, float]:
    return 1e3 * statistics.median(seconds), 1e3 * min(seconds), 1e3 * max(seconds)


def run_ours(cluster: support.Cluster, *words: str) -> Usage:
    return run_alone((*PYTHON, str(ZIPAPP), *words, "--quiet"), cluster.environment())


def run_bare(cluster: support.Cluster, home: Path) -> Usage:
    """Run the bare client with the objects that ours creates."""
    path = home / "objects.json"
    path.write_text(json.dumps(build_objects()))
    words = (str(BARE), cluster.kubeconfig, str(path), str(PARALLEL))
    return run_alone((*PYTHON, "-I", "-S", *words), cluster.environment())


def build_objects() -> dict[str, object]:
    content = ZIPAPP.read_bytes()
    zipapp = Zipapp(content, sha256(content).hexdigest())
    options = JobOptions(RUN_ID, "default", zipapp=zipapp, job_deadline_margin_s=HOUR_S)
    owner = manifest.build_owner(options, manifest.NO_UID)
    config_map = manifest.build_config_map(options, zipapp, owner)
    del config_map["metadata"]["ownerReferences"]
    return {
        "run-id": RUN_ID,
        "namespace": options.namespace,
        "name": options.name,
        "selector": SELECTOR,
        "job": manifest.build_job(options, ""),
        "configmap": config_map,
        "pod": build_template(options, manifest.NO_UID),
    }


def wait_until_empty(cluster: support.Cluster) -> None:
    support.assert_nothing_left(cluster, within_s=60)
    time.sleep(2)  # the caches of the control plane


def count_requests(cluster: support.Cluster, since: int) -> Counter[str]:
    """Return how often each request of our client was answered, dry runs and probes apart."""
    counted: Counter[str] = Counter()
    for event in cluster.audit(since):
        is_ours = event.get("userAgent", "").startswith("kubectl-snapshot/")
        if is_ours and event["stage"] == "ResponseComplete":
            of, uri = event.get("objectRef", {}), event["requestURI"]
            title = "/".join(filter(None, (of.get("resource"), of.get("subresource"))))
            suffix = ", dry run" * ("dryRun" in uri) + ", probe" * ("tailLines" in uri)
            counted[f"{event['verb']} {title or uri}{suffix}"] += 1
    return counted


if __name__ == "__main__":
    sys.exit(main())
