"""Run all benchmarks, print the table, write benchmarks/results/<date>.json; exit 1 on a miss.

Figures are ratios to `python3 -I -S -c pass` of the same interpreter in the same interleaved
rounds. Absolute times are valid for this machine at this moment only.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.budgets import is_missed, render_table, to_json
from benchmarks.cluster import measure_cluster
from benchmarks.gpu import measure_gpus
from benchmarks.size import measure_size
from benchmarks.startup import PYTHON, ZIPAPP, measure_starts

RESULTS = Path(__file__).with_name("results")


def main() -> int:
    if os.getloadavg()[0] > (os.cpu_count() or 1) / 2:
        # A long process is delayed more by others than a short one: every ratio grows.
        print("warning: this machine is busy, the figures will be too high", file=sys.stderr)
    with tempfile.TemporaryDirectory() as home:
        rows = [*measure_starts(), *measure_gpus()]
        cluster_rows, kubernetes = measure_cluster(Path(home))
        rows += [*cluster_rows, *measure_size()]
    machine = read_machine(kubernetes)
    print("  ".join(f"{name}: {value}" for name, value in machine.items()))
    print(render_table(rows), end="")
    path = RESULTS / f"{time.strftime('%Y-%m-%d')}.json"
    path.write_text(json.dumps({"machine": machine, "rows": to_json(rows)}, indent=2) + "\n")
    print(path)
    return int(is_missed(rows))


def read_machine(kubernetes: str) -> dict[str, object]:
    """Return the machine, interpreter and zipapp of the figures."""
    return {
        "python": f"{platform.python_version()} ({PYTHON[0]})",
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "kubernetes": kubernetes or "none",
        "zipapp": hashlib.sha256(ZIPAPP.read_bytes()).hexdigest()[:16],
    }


if __name__ == "__main__":
    sys.exit(main())
