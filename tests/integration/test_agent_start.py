"""The agent's start: from memory, with nothing written, on every Python of this machine."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_snapshot.job.bootstrap import build_command
from tests.integration.conftest import Build

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd_create(2) is Linux's")

COLLECT = ("collect", "--cluster-scope", "skip", "--host-root", "/")
WROTE = 97

# Stands for the read-only root and the missing temporary directory: Python tells of every attempt
# to open a path for writing (sys.addaudithook), whoever swallows the error.
NOTHING_IS_WRITTEN = f"""
import os, sys
def watch(event, args):
    writes = event in ("os.mkdir", "os.rename", "os.symlink", "os.link", "tempfile.mkstemp")
    if event == "open" and isinstance(args[0], (str, bytes)) and args[0] != os.devnull:
        writes = bool(args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes:
        os.write(2, repr((event, args)).encode())
        os._exit({WROTE})
sys.addaudithook(watch)
"""


def start_agent(
    build: Build, python: str, *words: str, digest: str = ""
) -> subprocess.CompletedProcess[str]:
    digest = digest or hashlib.sha256(build.zipapp.read_bytes()).hexdigest()
    _, flags, c, program, *rest = build_command(digest, str(build.zipapp))
    return subprocess.run(
        [python, flags, c, NOTHING_IS_WRITTEN + program, *rest, *words],
        env={"TMPDIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_collects_and_writes_nothing(build: Build, python: str) -> None:
    answer = start_agent(build, python, *COLLECT)
    assert answer.returncode == 0, answer.stderr
    assert "apiVersion: aicr.nvidia.com/v1alpha1" in answer.stdout


def test_a_write_would_be_noticed(build: Build) -> None:
    words = ["-IB", "-c", NOTHING_IS_WRITTEN + "open('/dev/shm/x', 'w')"]
    assert subprocess.run([sys.executable, *words], check=False).returncode == WROTE


# System calls that change a node, run a program or send something, but for reads and memory.
TRACED = """
    %network execve execveat open openat openat2 creat unlink unlinkat rename renameat renameat2
    mkdir mkdirat rmdir chmod fchmod fchmodat chown lchown fchown fchownat mount umount2 symlink
    symlinkat link linkat truncate ftruncate mknod mknodat setxattr lsetxattr fsetxattr kill tgkill
    ptrace init_module finit_module delete_module swapon swapoff reboot sethostname settimeofday
    clock_settime adjtimex clock_adjtime bpf perf_event_open utimensat
"""


def test_its_system_calls_run_nothing_change_nothing_and_reach_systemd_only(
    build: Build, tmp_path: Path
) -> None:
    digest = hashlib.sha256(build.zipapp.read_bytes()).hexdigest()
    _, *command = build_command(digest, str(build.zipapp))
    trace = tmp_path / "trace"
    filters = ",".join(TRACED.split())
    strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={filters}"]
    subprocess.run(
        [*strace, os.path.realpath(sys.executable), *command, *COLLECT],
        env={"TMPDIR": "/nonexistent"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    calls = [line.partition(" ")[2].strip() for line in trace.read_text().splitlines()]
    reads = r"(?:<\.\.\. \S+ resumed|(?:<\.\.\. )?open(?:at2?)?\b(?!.*O_(?:WRONLY|RDWR|CREAT)))"
    calls = [call for call in calls if not re.match(reads, call)]
    (started, *others) = calls
    assert started.startswith("execve(")
    asked = [
        r"ftruncate\(\d+, ",  # the zipapp in its memfd
        r"socket\(AF_UNIX, ",
        r'connect\(\d+, \{sa_family=AF_UNIX, sun_path="/proc/self/fd/\d+/private"\}',
        r"clock_adjtime\(CLOCK_REALTIME, \{modes=0, ",
        # glibc's, of Python's start without HOME
        r'connect\(\d+, \{sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"\}',
    ]
    assert [call for call in others if not any(re.match(known, call) for known in asked)] == []
    assert any(call.startswith("connect(") for call in others)


def test_a_changed_file_does_not_run(build: Build, python: str) -> None:
    answer = start_agent(build, python, *COLLECT, digest="0" * 64)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "changed" in answer.stderr
