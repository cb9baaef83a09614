"""Encode a document as log lines, and progress events, as the agent writes them.

A log can be truncated, repeated, reordered and mixed with other output, so every line is
self-contained: prefix, run id, position, CRC-32, body.
"""

from __future__ import annotations

import json
import zlib
from binascii import b2a_base64
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAME_PREFIX = "kubectl-snapshot:frame1"
PROGRESS_PREFIX = "kubectl-snapshot:progress1"

# Container runtimes split lines of 16 KiB, and other output may come between the parts.
MAX_LINE_BYTES = 4096
# 2,940 bytes are 3,920 characters of base64, which leaves room for prefix, run id, place and CRC.
CHUNK_BYTES = 2940
# zlib's window bits for a gzip header; zlib writes neither a time nor a name into it.
GZIP = 31
TEXT_LENGTHS = (1000, 300, 100, 30, 0)


def encode_frame(payload: bytes, run_id: str) -> list[str]:
    """Return a payload as log lines without line breaks; deterministic.

    The begin line has the payload's size in bytes, the number of lines and the payload's SHA-256.
    """
    packer = zlib.compressobj(wbits=GZIP)
    packed = packer.compress(payload) + packer.flush()
    chunks = [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
    lines = [
        frame_line(run_id, str(number), b2a_base64(chunk, newline=False).decode())
        for number, chunk in enumerate(chunks, 1)
    ]
    facts = f"{len(payload)},{len(lines)},{sha256(payload).hexdigest()}"
    begin, end = frame_line(run_id, "begin", facts), frame_line(run_id, "end", str(len(lines)))
    return [begin, *lines, end]


def render_progress(event: Mapping[str, object]) -> str:
    """Return an event as one line of ASCII of at most 4 KiB; long texts are truncated."""
    for length in TEXT_LENGTHS:
        shown = {
            key: single_line(value)[:length] if isinstance(value, str) else value
            for key, value in event.items()
        }
        line = f"{PROGRESS_PREFIX} {json.dumps(shown)}"
        if len(line) <= MAX_LINE_BYTES:
            return line
    raise ValueError(f"an event of {len(event)} fields does not fit a line")


def frame_line(run_id: str, place: str, body: str) -> str:
    """Return one line: prefix, run id, position, CRC-32, body."""
    crc = zlib.crc32(f"{run_id} {place} {body}".encode())
    return f"{FRAME_PREFIX} {run_id} {place} {crc:08x} {body}"
