#!/usr/local/bin/python3.11
"""Stand-in for the agent in the faults' images: its directory's name selects its misbehaviour.

Runs in a container, with this checkout's frame beside it; tests import it for the documents.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from kubectl_snapshot.job.frame.encode import encode_frame, render_progress

MIB = 1024 * 1024
# In the lab, the kubelet checks a running container's log every 3 s and rotates it at 10 MiB.
ROTATED_AFTER_S = 10
ESCAPE = "\x1b]0;owned\x07\x1b[2J\x1b[31mred"
CLOCK = threading.Event()

TIMESTAMP = "2026-01-02T03:04:05Z"


def main() -> None:
    # The first process of a PID namespace ignores signals without a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    MODES[Path(sys.argv[0]).parent.name]()


def build_document(data: dict[str, str] | None = None) -> bytes:
    subtype = {"subtype": "sysctl", "data": data or {"kernel.osrelease": "6.1"}}
    return json.dumps(
        {
            "kind": "Snapshot",
            "apiVersion": "aicr.nvidia.com/v1alpha1",
            "metadata": {"version": "0", "source-node": "elsewhere", "timestamp": TIMESTAMP},
            "measurements": [{"type": "OS", "subtypes": [subtype]}],
        }
    ).encode()


def build_compressible(size_bytes: int) -> dict[str, str]:
    """Return compressible data of about this size."""
    return {f"net.key{number:06}": "0123456789" * 8 for number in range(size_bytes // 100)}


def build_incompressible(frame_bytes: int) -> dict[str, str]:
    """Return data whose frame has about this size: hex compresses to half, base64 adds 37 %."""
    source = random.Random(0)
    count = int(frame_bytes / 1.39 / 1024)
    return {f"net.key{number:06}": source.randbytes(1000).hex() for number in range(count)}


def frame(data: dict[str, str] | None = None) -> list[str]:
    run_id = next(word.partition("=")[2] for word in sys.argv if word.startswith("--run-id="))
    return encode_frame(build_document(data), run_id)


def write(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def tell(event: str) -> None:
    write([render_progress({"collector": "OS", "event": event})])


def hang() -> None:
    tell("started")
    CLOCK.wait(600)


def be_late() -> None:
    for _ in range(24):
        tell("started")
        CLOCK.wait(0.25)
    write(frame())


def crash() -> None:
    sys.exit(f"the collector's table is upside down {ESCAPE}")


def fault_segment() -> None:
    tell("started")
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)
    sys.exit(128 + signal.SIGSEGV)


def eat_memory() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(4096)) * 1024)


def fill_disk() -> None:
    tell("started")
    with open("/filler", "wb") as file:
        for _ in range(64):
            file.write(bytes(MIB))
    CLOCK.wait(600)


def damage() -> None:
    """Send a complete frame with the digest of another document."""
    write([frame({"kernel.osrelease": "6.2"})[0], *frame()[1:]])


def lie() -> None:
    run_id = frame()[0].split()[1]
    write(encode_frame(b'{"kind": "Secret"}', run_id))


def explode() -> None:
    """Send a decompression bomb: 300 MiB of zeros."""
    run_id = frame()[0].split()[1]
    write(encode_frame(bytes(300 * MIB), run_id))


def rotate() -> None:
    """Write more than one log file holds, and the rest after the rotation."""
    lines = frame(build_incompressible(13 * MIB))
    last = len(lines) - 100
    write(lines[:last])
    CLOCK.wait(ROTATED_AFTER_S)
    write(lines[last:])


def make_noise() -> None:
    """Write the frame between garbage on both streams."""
    source = random.Random(0)
    foreign = encode_frame(build_document({"foreign": "run"}), "zzzzzzzzzz")
    for line in frame(build_incompressible(MIB // 4)):
        os.write(2, source.randbytes(300) + b"\n" + ESCAPE.encode() + b"\n")
        os.write(1, f"{foreign[0]}\n{line}\n{foreign[1][:100]}\n".encode())
        os.write(1, b'kubectl-snapshot:progress1 {"event": "left-behind", "commands": "rm"}\n')
    os.write(1, b"x" * 200_000)


MODES: dict[str, Callable[[], None]] = {
    "hang": hang,
    "late": be_late,
    "crash": crash,
    "segfault": fault_segment,
    "eat-memory": eat_memory,
    "fill-disk": fill_disk,
    "damage": damage,
    "lie": lie,
    "explode": explode,
    "rotate": rotate,
    "noise": make_noise,
    "30mb": lambda: write(frame(build_compressible(30_000_000))),
    "8mib": lambda: write(frame(build_incompressible(8 * MIB))),
    "20mib": lambda: write(frame(build_incompressible(20 * MIB))),
}

if __name__ == "__main__":
    main()
