"""Measure the zipapp's start-up and its collection on this machine, as multiples of the base."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.budgets import BASE, BUDGETS, Row
from benchmarks.processes import Command, Times, measure, run_alone

ROOT = Path(__file__).resolve().parents[1]
ZIPAPP = ROOT / "dist" / "kubectl-snapshot"
# The resolved path excludes the start-up of virtual environments and pyenv, -S that of the
# machine's .pth files.
PYTHON = (os.path.realpath(sys.executable), "-I", "-S")
# No HOME, no cache: everything is imported from inside the zip, as in a pod.
FROM_THE_ZIP = {"PATH": os.defpath, "LANG": "C.UTF-8"}
COLLECT = ("collect", "--run-id=benchmarks", "--host-root=/", "--level=privileged")
NODE_ONLY = "--cluster-scope=skip"
PROGRESS = "kubectl-snapshot:progress1 "
ROUNDS = 31


def base() -> Command:
    return Command((*PYTHON, "-c", "pass"), FROM_THE_ZIP)


def zipapp(*words: str, env: dict[str, str] | None = None, until: bytes = b"") -> Command:
    return Command((*PYTHON, str(ZIPAPP), *words), env or FROM_THE_ZIP, until)


def measure_starts() -> list[Row]:
    """Return the rows of the base and of the commands that need no cluster."""
    with list_starts() as commands:
        rows = build_rows(measure(commands, ROUNDS))
    name = "collect: peak memory"
    peak_mib = run_alone(zipapp(*COLLECT, NODE_ONLY).argv, FROM_THE_ZIP).peak_mib
    return [*rows, Row(name, peak_mib, "MiB", BUDGETS[name])]


@contextlib.contextmanager
def list_starts() -> Iterator[dict[str, Command]]:
    """Return the base and the commands that need no cluster, by name."""
    with tempfile.TemporaryDirectory() as home:
        yield {
            BASE: base(),
            "--help": zipapp("--help"),
            "version --client": zipapp("version", "--client"),
            "completion, by the shim": install_completion(Path(home)),
            "collect, up to its first collector": zipapp(*COLLECT, NODE_ONLY, until=b'"started"'),
            "collect --profile reference": zipapp(*COLLECT, NODE_ONLY, "--profile=reference"),
            "collect, whole process": zipapp(*COLLECT, NODE_ONLY),
            "--local --profile reference, from the cache": zipapp(
                "--local", "--profile=reference", env={**FROM_THE_ZIP, "HOME": home}
            ),
            "--local, from the cache": zipapp("--local", env={**FROM_THE_ZIP, "HOME": home}),
        }


def install_completion(home: Path) -> Command:
    """Return the command that kubectl runs for TAB, after a first run has filled the cache."""
    (home / "python3").symlink_to(PYTHON[0])
    shutil.copy(ZIPAPP, home)
    env = {**FROM_THE_ZIP, "PATH": f"{home}{os.pathsep}{os.defpath}", "HOME": str(home)}
    install = [str(home / "kubectl-snapshot"), "completion", "bash", "--install"]
    subprocess.run(install, env=env, check=True, stdout=subprocess.DEVNULL)
    command = Command((str(home / "kubectl_complete-snapshot"), "--no-"), env)
    # Unpacks and compiles the zipapp.
    subprocess.run(command.argv, env=env, check=True, stdout=subprocess.DEVNULL)
    return command


def build_rows(times: dict[str, Times]) -> list[Row]:
    """Return a row for each command, as multiples of the base's median in the same rounds."""
    unit_ms = times[BASE].median_ms
    return [build_row(name, found, found.median_ms / unit_ms) for name, found in times.items()]


def build_row(name: str, times: Times, value: float, note: str = "") -> Row:
    cpu_ms = sorted(times.cpu_ms)[len(times.cpu_ms) // 2]
    wall = (times.median_ms, min(times.wall_ms), max(times.wall_ms))
    return Row(name, value, "x", BUDGETS.get(name), *wall, cpu_ms, note)


def measure_overhead(name: str, command: Command, rounds: int = ROUNDS) -> Row:
    """Return the time of all node collectors minus that of the slowest one."""
    found = sorted(read_overhead_ms(command) for _ in range(rounds))
    return Row(name, found[len(found) // 2], "ms", BUDGETS[name], None, found[0], found[-1])


def read_overhead_ms(command: Command) -> float:
    """Return that overhead of one run, from the first start to the last finish."""
    seen: list[tuple[float, dict[str, object]]] = []
    with subprocess.Popen(
        command.argv, env=command.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(PROGRESS):
                seen.append((time.perf_counter(), json.loads(line[len(PROGRESS) :])))
    slowest_ms = max(float(str(event.get("elapsed-ms", 0))) for _, event in seen)
    return 1e3 * (seen[-1][0] - seen[0][0]) - slowest_ms
