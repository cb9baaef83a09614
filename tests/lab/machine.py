"""Run commands on this machine, wait for conditions, read process status."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

# The limit of a wait whose duration is not the point: a busy machine is many times slower.
PATIENCE_S = 120


class Problem(Exception):
    """An error of the user's machine or input; printed without a traceback."""


class ProcessStat(NamedTuple):
    state: str
    start_time: str


def say(text: str) -> None:
    print(text, flush=True)


def run(*argv: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
    return subprocess.run([str(word) for word in argv], check=True, **options)


def quiet(*argv: Any) -> bool:
    """Run a command without output; return whether it succeeded."""
    words = [str(word) for word in argv]
    null = subprocess.DEVNULL
    return subprocess.run(words, stdout=null, stderr=null).returncode == 0


def wait_for(
    what: str, condition: Callable[[], Any], seconds: float = PATIENCE_S, pause: float = 0.1
) -> Any:
    """Return the condition's first true value; raise Problem after the timeout."""
    end = time.monotonic() + seconds
    clock = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Problem(f"timed out after {seconds} s: {what}")
        clock.wait(pause)


def read_process_stat(pid: int | str) -> ProcessStat | None:
    """Return a process's state and start time (proc_pid_stat(5), fields 3 and 22), or None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return ProcessStat(fields[0], fields[19])


def read_resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
