"""Run a module or a program in a child process, and read its output until a deadline.

A driver may hang the child: it is killed at the deadline, or once it has written nothing for some
time. A process that even SIGKILL does not end is not waited for.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import TYPE_CHECKING

import kubectl_snapshot
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

CHUNK_BYTES = 65_536
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
KILL_WAIT_S = 0.2
# For callers without a limit: poll(2) needs a finite number of milliseconds.
MAX_WAIT_S = 3600.0

# RLIMIT_NOFILE: code that closes every possible descriptor (a driver's library, a daemon's client)
# takes 24 s if the limit is 2**30, as under some container runtimes. PR_SET_PDEATHSIG (prctl(2)):
# the kernel kills the child when its parent dies.
PREPARE = """\
import os, resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
limit = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
import ctypes
ctypes.CDLL(None).prctl(1, 9)
"""
# In a zipapp, its own importer reads the packages (scripts/zipapp/front).
RUN_MODULE = (
    PREPARE
    + """\
import importlib
front, packages, module, *arguments = sys.argv[1:]
if front:
    sys.path.insert(0, front)
    import importer
    importer.import_from(front)
else:
    sys.path.insert(0, packages)
importlib.import_module(module).main(*arguments)
"""
)
# LANG=C: its messages are parsed. No other variable of this process is passed on.
RUN_PROGRAM = (
    PREPARE
    + """\
os.execve(sys.argv[1], sys.argv[1:], {"LANG": "C"})
"""
)


@dataclass(frozen=True)
class Output:
    """A child's output. `status` is its exit status, None if it was killed.

    `is_silent` says that it was killed before its deadline, because it wrote nothing.
    """

    content: bytes
    status: int | None
    is_silent: bool = False


def run_module(
    module: str, arguments: Sequence[str], deadline: float, silence_s: float = MAX_WAIT_S
) -> Output:
    """Return the output of `main(*arguments)` of a module of this package, stdout and stderr.

    `deadline` is a time.monotonic() value; a child that writes nothing for `silence_s` is killed.
    It imports from the same place as this process; in a pod that is a file descriptor
    (job/bootstrap.py), which the child inherits.
    """
    packages = os.path.dirname(os.path.dirname(os.path.abspath(kubectl_snapshot.__file__)))
    front = os.path.dirname(packages)
    is_zipped = hasattr(sys.modules.get("importer"), "import_from") and not os.path.isdir(front)
    given = [front if is_zipped else "", packages, module, *arguments]
    return _run(RUN_MODULE, given, deadline, silence_s, _parse_descriptors(packages))


def run_program(arguments: Sequence[str], deadline: float) -> Output:
    """Return the output of a program, given by its path, stdout and stderr."""
    return _run(RUN_PROGRAM, arguments, deadline)


def _parse_descriptors(packages: str) -> tuple[int, ...]:
    parts = packages.split("/")
    return (int(parts[4]),) if parts[1:4] == ["proc", "self", "fd"] else ()


def _run(
    program: str,
    arguments: Sequence[str],
    deadline: float,
    silence_s: float = MAX_WAIT_S,
    descriptors: tuple[int, ...] = (),
) -> Output:
    import subprocess  # late: 5 ms, and a node without a driver starts no child

    deadline = min(deadline, time.monotonic() + MAX_WAIT_S)
    # -I: neither the environment nor the working directory decides what is imported.
    flags = "-IB" if sys.dont_write_bytecode else "-I"
    command = [sys.executable, flags, "-c", program, *arguments]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            close_fds=True,
        )
    except OSError as error:
        why = error.strerror or str(error)
        raise Internal(f"cannot start {sys.executable or 'Python'}", why=why) from error
    try:
        content, is_complete, is_silent = _read_until(process, deadline, silence_s)
        deadline = min(deadline, time.monotonic() + silence_s)
        return Output(content, _wait(process, deadline) if is_complete else None, is_silent)
    finally:
        _end(process)


def _read_until(
    process: subprocess.Popen[bytes], deadline: float, silence_s: float
) -> tuple[bytes, bool, bool]:
    """Return the output, whether it is complete, and whether it ended in a silence.

    Each wait starts anew: time in which this process itself did not run is not a silence.
    """
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    content = bytearray()
    while len(content) < MAX_OUTPUT_BYTES:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(min(left_s, silence_s) * 1000):
            return bytes(content), False, silence_s < left_s
        chunk = os.read(descriptor, CHUNK_BYTES)
        if not chunk:
            return bytes(content), True, False
        content += chunk
    return bytes(content), False, False


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    import subprocess

    try:
        return process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child if it still runs, and wait for it as long as an ordinary process needs."""
    import subprocess

    if process.poll() is None:
        process.kill()
        try:
            process.wait(KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            # Uninterruptible in a driver call. Set, because Python warns of a running process.
            process.returncode = -9
    assert process.stdout is not None
    process.stdout.close()
