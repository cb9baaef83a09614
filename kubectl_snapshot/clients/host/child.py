"""A child process that a driver may hang: what it writes is read until a deadline, then it ends.

What runs in it is the business of the clients that start one. The deadline is always kept: neither
a call that never returns nor a process that even SIGKILL does not end is waited for.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Internal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

CHUNK_BYTES = 65_536
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
KILLED_WITHIN_S = 0.2
# A caller may set no limit; poll(2) wants one that it can count in milliseconds.
LONGEST_S = 3600.0

# What closes every possible descriptor takes 24 s where the limit is 2**30, as under some container
# runtimes (a driver's library, a daemon's client). PR_SET_PDEATHSIG (prctl(2)): nobody who ends the
# parent has to know of the child.
PREPARE = """\
import os, resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
limit = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
import ctypes
ctypes.CDLL(None).prctl(1, 9)
"""
# From inside a zip the zipapp's own importer takes half the time (scripts/zipapp/front).
RUN_MODULE = (
    PREPARE
    + """\
import importlib
front, packages, module, *arguments = sys.argv[1:]
if front:
    sys.path.insert(0, front)
    import importer
    importer.import_from(packages)
else:
    sys.path.insert(0, packages)
importlib.import_module(module).main(*arguments)
"""
)
# `LANG=C`: what a program says is looked at; no other variable of ours means anything to it.
RUN_PROGRAM = (
    PREPARE
    + """\
os.execve(sys.argv[1], sys.argv[1:], {"LANG": "C"})
"""
)


@dataclass(frozen=True)
class Output:
    """What a child wrote. `status` is its exit status, None where it was ended at the deadline."""

    content: bytes
    status: int | None


def run_module(module: str, arguments: Sequence[str], deadline: float) -> Output:
    """Return what `main(*arguments)` of one of our modules writes to stdout and stderr.

    `deadline` is a time.monotonic() value. The child imports from where we were imported from; in a
    pod this is a descriptor (job/bootstrap.py), which it then inherits.
    """
    import kubectl_snapshot

    packages = os.path.dirname(os.path.dirname(os.path.abspath(kubectl_snapshot.__file__)))
    front = os.path.dirname(packages)
    is_zipped = hasattr(sys.modules.get("importer"), "import_from") and not os.path.isdir(front)
    words = [front if is_zipped else "", packages, module, *arguments]
    return _run(RUN_MODULE, words, deadline, _parse_descriptors(packages))


def run_program(arguments: Sequence[str], deadline: float) -> Output:
    """Return what a program, given by its path, writes to stdout and stderr."""
    return _run(RUN_PROGRAM, arguments, deadline)


def _parse_descriptors(packages: str) -> tuple[int, ...]:
    words = packages.split("/")
    return (int(words[4]),) if words[1:4] == ["proc", "self", "fd"] else ()


def _run(
    program: str, arguments: Sequence[str], deadline: float, descriptors: tuple[int, ...] = ()
) -> Output:
    import subprocess

    deadline = min(deadline, time.monotonic() + LONGEST_S)
    # -I, so that nothing of the environment or the directory decides what is imported.
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
        content, is_whole = _read_until(process, deadline)
        return Output(content, _wait(process, deadline) if is_whole else None)
    finally:
        _end(process)


def _read_until(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
    """Return what is written by the deadline, and whether that is all."""
    import select

    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    content = bytearray()
    while len(content) < MAX_OUTPUT_BYTES:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            return bytes(content), False
        chunk = os.read(descriptor, CHUNK_BYTES)
        if not chunk:
            return bytes(content), True
        content += chunk
    return bytes(content), False


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    import subprocess

    try:
        return process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs, and wait no longer than an ordinary process takes to go."""
    import subprocess

    if process.poll() is None:
        process.kill()
        try:
            process.wait(KILLED_WITHIN_S)
        except subprocess.TimeoutExpired:
            # In the driver, and not to be interrupted. Python would complain that it still runs.
            process.returncode = -9
    assert process.stdout is not None
    process.stdout.close()
