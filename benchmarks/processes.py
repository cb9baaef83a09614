"""Time processes in interleaved rounds, so that other load affects all of them alike."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# A child's peak memory begins with its parent's, and this process reads audit logs.
LAUNCHER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
wall_s = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Command:
    """A process to time; `until` is part of the line of stdout at which the clock stops."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    until: bytes = b""


@dataclass(frozen=True)
class Times:
    """Times per round. CPU time is the whole process's, even if `until` stops the clock."""

    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        return statistics.median(self.wall_ms)


@dataclass(frozen=True)
class Usage:
    """One process: wall and CPU time in seconds, and its peak memory in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def no_pause(index: int) -> float:
    return 0.0


def measure(
    commands: Mapping[str, Command], rounds: int, pause_s: Callable[[int], float] = no_pause
) -> dict[str, Times]:
    """Return the times of all commands, one after the other in each round.

    A first round warms caches and does not count. `pause_s` returns the pause before each process
    of a round.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for index in range(-1, rounds):
        for name, command in commands.items():
            time.sleep(pause_s(index))
            times = run(command)
            if index >= 0:
                found[name].append(times)
    return {
        name: Times(tuple(wall for wall, _ in times), tuple(cpu for _, cpu in times))
        for name, times in found.items()
    }


def run(command: Command) -> tuple[float, float]:
    """Return wall and CPU time of one process in ms; RuntimeError if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        env=command.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    stopped = 0.0
    last = b""
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if command.until and command.until in line and not stopped:
                stopped = time.perf_counter()
            last = line
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or (command.until and not stopped):
        raise RuntimeError(f"{' '.join(command.argv)} exited with {process.returncode}: {last!r}")
    return 1e3 * ((stopped or ended) - began), 1e3 * (usage.ru_utime + usage.ru_stime)


def run_alone(argv: tuple[str, ...], env: Mapping[str, str]) -> Usage:
    """Run a process to its end, its output on ours; RuntimeError if it fails."""
    launcher = subprocess.run(
        (sys.executable, "-I", "-S", "-c", LAUNCHER, *argv),
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    code, *used = json.loads(launcher.stdout.splitlines()[-1])
    if code:
        raise RuntimeError(f"{' '.join(argv)} ended with {code}")
    return Usage(*used)
