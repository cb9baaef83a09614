"""Measure reading, comparing and rendering of large documents, in CPU time. `make bench-documents`.

Each figure is the ratio to `json.loads` or `json.dumps` of what is read or compared, the least of
several interleaved runs: wall time says nothing on a busy machine. Garbage collection is off, as
in the command.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.budgets import Budget, Row, is_missed, render_table
from benchmarks.processes import run_alone
from kubectl_snapshot.collectors.node_topology import build_topology
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype
from kubectl_snapshot.render.report.node import render_report

ROOT = Path(__file__).resolve().parents[1]
READ = (
    "import gc, sys; from kubectl_snapshot.storage.source import read_document;"
    " gc.disable(); read_document(sys.argv[1], None)"
)
RUNS = 7
READINGS = 40_500
WORDS = (
    "vm net kernel fs max min default limit size count timeout enabled driver image version tag"
    " resources memory cpu requests replicas service port type node selector policy backlog queue"
).split()
UNITS = ("containerd.service", "docker.service", "kubelet.service")
ONLY = tuple(
    [f"OS.sysctl./proc/sys/{word}/*" for word in WORDS[:20]]
    + [f"K8s.helm.*.{word}.*" for word in WORDS[:10]]
    + [f"SystemD.{unit}" for unit in UNITS]
    + [f"K8s.helm.rel-{number}.*" for number in range(7)]
)
IGNORE = tuple(
    [f"OS.sysctl.*/{word}/*-1*" for word in WORDS[:20]]
    + [f"K8s.helm.*.{word}-7*" for word in WORDS[:15]]
    + ["SystemD.*.IO*", "OS.kmod", "SystemD.*.Mem*", "K8s.helm.*secret*", "K8s.helm.x.*"]
)


def main() -> int:
    """Print a table of the ratios; exit 1 if one is over its limit."""
    gc.disable()
    pick = random.Random(7)
    one, other = build_snapshot(pick, READINGS), build_snapshot(pick, READINGS)
    text, as_json = render_yaml(one), render_json(one)
    print(f"{READINGS:,} readings: {len(text):,} bytes of YAML, {len(as_json):,} of JSON")
    tree = json.loads(as_json)
    loads, read, dumps, plain, chosen, html = measure(
        partial(json.loads, as_json),
        partial(parse_document, text),
        partial(json.dumps, tree),
        partial(diff_snapshots, one, other, REGISTRY),
        partial(diff_snapshots, one, other, REGISTRY, selection=Selection(ONLY, IGNORE)),
        partial(render_report, one),
    )
    rows = [
        Row("json.loads", 1, "x", cpu_ms=loads * 1e3),
        Row("read YAML of our own form", read / loads, "x", Budget(25), cpu_ms=read * 1e3),
        Row("json.dumps of one document", 1, "x", cpu_ms=dumps * 1e3),
        Row("diff, all different", plain / dumps / 2, "x", Budget(10), cpu_ms=plain * 1e3),
        Row(
            "diff, 40 --only, 40 --ignore", chosen / dumps / 2, "x", Budget(10), cpu_ms=chosen * 1e3
        ),
        Row("HTML report", html / dumps, "x", Budget(8), cpu_ms=html * 1e3),
    ]
    rows.append(measure_memory(build_large_snapshot()))
    print(render_table(rows), end="")
    return int(is_missed(rows))


def measure(*functions: Callable[[], object]) -> list[float]:
    """Return the least CPU seconds of each function."""
    least = [float("inf")] * len(functions)
    for _ in range(RUNS):
        for index, function in enumerate(functions):
            before = time.process_time()
            function()
            least[index] = min(least[index], time.process_time() - before)
    return least


def measure_memory(snapshot: Snapshot) -> Row:
    """Return the peak memory of a process that reads a document, as a multiple of its size."""
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(render_yaml(snapshot).encode())
        file.flush()
        size_mib = Path(file.name).stat().st_size / 2**20
        argv = (sys.executable, "-c", READ, file.name)
        peak_mib = run_alone(argv, {**os.environ, "PYTHONPATH": str(ROOT)}).peak_mib
    name = f"peak memory of reading {size_mib:.0f} MiB of YAML, of its size"
    return Row(name, peak_mib / size_mib, "x", Budget(6))


def build_large_snapshot() -> Snapshot:
    """Return the topology of 5,000 nodes with 173 labels."""
    nodes = [
        {
            "metadata": {
                "name": f"ip-10-{i // 250}-{i % 250}-17.eu-central-1.compute.internal",
                "labels": {
                    **{f"feature.node.kubernetes.io/cpu-cpuid.{k:03}": "true" for k in range(150)},
                    **{f"nvidia.com/label-{k}": f"value-{i % 7}" for k in range(22)},
                    "kubernetes.io/hostname": f"ip-10-{i // 250}-{i % 250}-17",
                },
            }
        }
        for i in range(5000)
    ]
    return Snapshot({"version": "v0.9.0"}, (Measurement("NodeTopology", build_topology(nodes)),))


def build_snapshot(pick: random.Random, count: int) -> Snapshot:
    """Return a document with so many readings: Helm values, sysctls, properties of units."""
    helm = {
        f"rel-{i // 150}.values.{WORDS[i % 28]}.{WORDS[i % 27]}-{i}": make_value(pick, i)
        for i in range(count // 2)
    }
    sysctl = {
        f"/proc/sys/{WORDS[i % 28]}/{WORDS[i % 25]}/{WORDS[i % 27]}-{i}": make_value(pick, i)
        for i in range(count // 4)
    }
    properties = count - len(helm) - len(sysctl)
    units = [
        Subtype(unit, {f"Property{i}": make_value(pick, i) for i in range(start, properties, 3)})
        for start, unit in enumerate(UNITS)
    ]
    return Snapshot(
        {"source-node": "gpu-1", "timestamp": "2026-03-09T18:42:07Z", "version": "v0.9.0"},
        (
            Measurement("K8s", (Subtype("helm", helm, {"elapsed-ms": "12"}),)),
            Measurement("OS", (Subtype("sysctl", sysctl, {"elapsed-ms": "12"}),)),
            Measurement("SystemD", tuple(units)),
        ),
    )


def make_value(pick: random.Random, index: int) -> Scalar:
    """Return a value that no other document has, of the kind that the index says."""
    number = pick.randrange(10**9)
    kinds: tuple[Scalar, ...] = (
        number,
        str(number),
        f"v1.{number}.3",
        f"nvcr.io/nvidia/driver-{number}",
        f"[{number} multi-user.target local-fs.target]",
    )
    return kinds[index % len(kinds)]


if __name__ == "__main__":
    sys.exit(main())
