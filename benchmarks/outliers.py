"""Measure `diff DIR` of 5,000 node documents of 60 KB, without and with its cache.

`make bench-outliers` writes the documents into a temporary directory. The limits are for one core:
CPU time, which other processes hardly change.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.budgets import Budget, Row, is_missed, render_table
from benchmarks.fleet_documents import differs
from benchmarks.startup import PYTHON, ZIPAPP

MAX_FIRST_S, MAX_SECOND_S, MAX_MIB = 20.0, 3.0, 300.0
DIFFERENCE = 1


class Usage(NamedTuple):
    """One process: wall and CPU time in seconds, and its peak memory in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outliers", description=__doc__)
    parser.add_argument("--nodes", type=int, default=5_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        fleet, cache = Path(home, "fleet"), Path(home, "cache")
        cache.mkdir()
        # In a process of its own: a child's peak memory begins with its parent's.
        argv = [sys.executable, "-m", "benchmarks.fleet_documents", str(fleet), str(args.nodes)]
        subprocess.run(argv, check=True)
        first, second = (measure(fleet, cache, args.nodes) for _ in range(2))
    rows = [
        Row(f"diff of {args.nodes:,} nodes, CPU", first.cpu_s, "s", Budget(MAX_FIRST_S)),
        Row("second time, CPU", second.cpu_s, "s", Budget(MAX_SECOND_S)),
        Row("peak memory", max(first.peak_mib, second.peak_mib), "MiB", Budget(MAX_MIB)),
        Row("wall", first.wall_s, "s"),
        Row("second time, wall", second.wall_s, "s"),
    ]
    print(f"load: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
    print(render_table(rows), end="")
    return int(is_missed(rows))


def measure(fleet: Path, cache: Path, count: int) -> Usage:
    """Return what one `diff DIR` used; its answer must be the seeded one."""
    argv = [*PYTHON, str(ZIPAPP), "diff", str(fleet)]
    began = time.monotonic()
    with subprocess.Popen(
        argv, env={**os.environ, "XDG_CACHE_HOME": str(cache)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seeded = sum(bool(differs(number)) for number in range(count))
    assert process.returncode == DIFFERENCE, process.returncode
    assert text.endswith(f"\n{seeded} nodes differ\n"), text[-500:]
    wall = time.monotonic() - began
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main())
