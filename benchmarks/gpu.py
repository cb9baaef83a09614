"""Benchmarks with slow GPUs and one that hangs, of the lab's fake driver.

A real driver may serialise its callers: the time that threads save is valid for the fake only.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from benchmarks.budgets import BUDGETS, Row
from benchmarks.processes import Command, measure
from benchmarks.startup import (
    COLLECT,
    FROM_THE_ZIP,
    NODE_ONLY,
    PYTHON,
    ZIPAPP,
    build_row,
    measure_overhead,
    zipapp,
)
from tests.lab import build

SLOW = "eight slow GPUs, against one"
TWO = "collect with two GPUs, whole process"
OVER = "node collectors over the slowest, which waits"
HANGS = "GPUs read, one of eight hangs"
LIBRARY = Path("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")
CALL_MS = 10
ROUNDS = 5
DEADLINE = "--timeout=3s"


def measure_gpus() -> list[Row]:
    """Return the rows, without value if there is no C compiler for the fake driver."""
    if shutil.which("gcc") is None:
        note = "missing gcc for the fake driver"
        return [
            Row(name, None, "", BUDGETS.get(name), note=note) for name in (SLOW, TWO, OVER, HANGS)
        ]
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        eight = {f"gpu.{index}.fault": f"slow:{CALL_MS}" for index in range(8)}
        commands = {
            "two": collect(build_host(root / "two", {"gpus": "2"})),
            "one": collect(build_host(root / "one", {"gpus": "1", **eight})),
            "eight": collect(build_host(root / "eight", {"gpus": "8", **eight})),
        }
        times = measure(commands, ROUNDS)
        hanging = build_host(root / "hangs", {"gpus": "8", "gpu.5.fault": "hang"})
        ratio = times["eight"].median_ms / times["one"].median_ms
        note = f"each call takes {CALL_MS} ms"
        return [
            build_row(SLOW, times["eight"], ratio, note),
            Row(TWO, times["two"].median_ms, "ms"),
            measure_overhead(OVER, commands["eight"], ROUNDS),
            Row(
                HANGS, count_complete(hanging), "GPUs", BUDGETS.get(HANGS), note=f"of 8; {DEADLINE}"
            ),
        ]


def collect(root: Path) -> Command:
    return zipapp(*COLLECT[:2], f"--host-root={root}", "--level=privileged", NODE_ONLY)


def build_host(root: Path, settings: dict[str, str]) -> Path:
    """Return a host tree with only the fake driver, configured by `settings`."""
    library = root / LIBRARY
    library.parent.mkdir(parents=True)
    build.build_gpu_driver()
    shutil.copy(build.GPU / library.name, library)
    lines = [f"{key} = {value}\n" for key, value in {"device_node": "0", **settings}.items()]
    (library.parent / "fake-nvml.conf").write_text("".join(lines))
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    (root / "proc/driver/nvidia").mkdir(parents=True)
    (root / "proc/driver/nvidia/version").write_text("NVRM version: Kernel Module  570.124.06\n")
    return root


def count_complete(root: Path) -> int:
    """Return the number of GPUs that a capture read completely."""
    words = [*PYTHON, str(ZIPAPP), "collect", f"--host-root={root}", "--quiet", DEADLINE]
    done = subprocess.run(words, env=FROM_THE_ZIP, check=True, capture_output=True)
    (part,) = [m for m in yaml.safe_load(done.stdout)["measurements"] if m["type"] == "GPU"]
    states = [s for s in part["subtypes"] if s["subtype"].endswith("-state")]
    return sum("status" not in state["context"] for state in states)
