"""The frame: encoding of a document as log lines, and of progress events. Both ends are here.

A log can be truncated, repeated, reordered and mixed with other output, so every line is
self-contained: prefix, run id, position, CRC-32, body.
"""

from __future__ import annotations

import json
import zlib
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAME_PREFIX = "kubectl-snapshot:frame1"
PROGRESS_PREFIX = "kubectl-snapshot:progress1"

# Container runtimes split lines of 16 KiB, and other output may come between the parts.
MAX_LINE_BYTES = 4096
# 2,940 bytes are 3,920 characters of base64, which leaves room for prefix, run id, place and CRC.
CHUNK_BYTES = 2940
MAX_LINES = MAX_DOCUMENT_BYTES // CHUNK_BYTES + 1
# zlib's window bits for a gzip header; zlib writes neither a time nor a name into it.
GZIP = 31
NUMBERS_SHOWN = 20
TEXT_LENGTHS = (1000, 300, 100, 30, 0)


def encode_frame(payload: bytes, run_id: str) -> list[str]:
    """Return a payload as log lines without line breaks; deterministic.

    The begin line has the payload's size in bytes, the number of lines and the payload's SHA-256.
    """
    packer = zlib.compressobj(wbits=GZIP)
    packed = packer.compress(payload) + packer.flush()
    chunks = [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
    lines = [
        _frame_line(run_id, str(number), b2a_base64(chunk, newline=False).decode())
        for number, chunk in enumerate(chunks, 1)
    ]
    facts = f"{len(payload)},{len(lines)},{sha256(payload).hexdigest()}"
    begin, end = _frame_line(run_id, "begin", facts), _frame_line(run_id, "end", str(len(lines)))
    return [begin, *lines, end]


class FrameReader:
    """Assembles one run's frame from log lines, read in any order and any number of times.

    Lines that are foreign, of another run, truncated or corrupt are ignored. MAX_DOCUMENT_BYTES
    bounds the memory that a hostile node can use.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.has_ended = False
        self._chunks: dict[int, bytes] = {}
        self._size_bytes = self._lines = 0
        self._digest = ""

    @property
    def has_begun(self) -> bool:
        """Whether a line of this run's frame has arrived."""
        return bool(self._digest or self._chunks)

    @property
    def is_complete(self) -> bool:
        """Whether the begin line and all numbered lines have arrived; the end line is optional."""
        return bool(self._digest) and len(self._chunks) == self._lines

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the numbers of missing lines; empty before the begin line has arrived."""
        return tuple(n for n in range(1, self._lines + 1) if n not in self._chunks)

    def count_lines(self) -> int:
        """Return how many of the result's lines have arrived."""
        return len(self._chunks) + bool(self._digest)

    def feed(self, line: bytes | str) -> None:
        """Add one line of a log, with or without line break; text before the prefix is ignored."""
        text = _ascii(line)
        start = text.rfind(FRAME_PREFIX)
        if start < 0:
            return
        text = text[start:].rstrip("\r\n")
        fields = text.split(" ")
        if len(fields) != 5 or len(text) > MAX_LINE_BYTES or fields[1] != self.run_id:
            return
        _, _, place, _, body = fields
        if text == _frame_line(self.run_id, place, body):
            self._take(place, body)

    def payload(self, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return the verified payload; Internal if incomplete, corrupt or over `max_bytes`."""
        if not self._digest:
            raise Internal("the node's result is incomplete", why="its begin line did not arrive")
        if not self.is_complete:
            raise Internal("the node's result is incomplete", why=self._render_missing())
        if self._size_bytes > max_bytes:
            why = f"it has {self._size_bytes} bytes, the limit is {max_bytes}"
            raise Internal("the node's result is too large", why=why)
        payload = self._decompress()
        if len(payload) != self._size_bytes or sha256(payload).hexdigest() != self._digest:
            raise Internal("the node's result is corrupt", why="its SHA-256 does not match")
        return payload

    def _take(self, place: str, body: str) -> None:
        if place == "begin":
            self._take_begin(body)
        elif place == "end":
            self.has_ended = True
        elif place.isdecimal() and 0 < int(place) <= (self._lines or MAX_LINES):
            try:
                self._chunks.setdefault(int(place), a2b_base64(body))
            except ValueError:
                return

    def _take_begin(self, body: str) -> None:
        size_bytes, lines, digest = [*body.split(","), "", ""][:3]
        if self._digest or not (size_bytes.isdecimal() and lines.isdecimal() and digest):
            return
        if int(lines) <= MAX_LINES:
            self._size_bytes, self._lines, self._digest = int(size_bytes), int(lines), digest
            self._chunks = {n: chunk for n, chunk in self._chunks.items() if n <= self._lines}

    def _decompress(self) -> bytes:
        packed = b"".join(self._chunks[number] for number in range(1, self._lines + 1))
        try:
            # One byte more than announced is enough to detect a mismatch.
            return zlib.decompressobj(wbits=GZIP).decompress(packed, self._size_bytes + 1)
        except zlib.error as e:
            raise Internal(
                "the node's result is corrupt", why=f"it cannot be decompressed: {e}"
            ) from e

    def _render_missing(self) -> str:
        missing = self.missing
        shown = ", ".join(map(str, missing[:NUMBERS_SHOWN]))
        more = f" and {len(missing) - NUMBERS_SHOWN} more" if len(missing) > NUMBERS_SHOWN else ""
        return f"{len(missing)} of {self._lines} lines are missing: {shown}{more}"


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


def parse_progress(line: bytes | str) -> dict[str, str | int | float] | None:
    """Return the event of a log line, without control characters; None if it has none."""
    text = _ascii(line)
    start = text.rfind(PROGRESS_PREFIX)
    if start < 0 or len(text) - start > MAX_LINE_BYTES + len("\r\n"):
        return None
    try:
        # NaN and Infinity are not JSON: they become None and are dropped.
        event = json.loads(text[start + len(PROGRESS_PREFIX) :], parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    return {
        single_line(key): single_line(value) if isinstance(value, str) else value
        for key, value in event.items()
        if isinstance(value, (str, int, float))
    }


def _frame_line(run_id: str, place: str, body: str) -> str:
    crc = zlib.crc32(f"{run_id} {place} {body}".encode())
    return f"{FRAME_PREFIX} {run_id} {place} {crc:08x} {body}"


def _ascii(line: bytes | str) -> str:
    raw = line.encode("ascii", "replace") if isinstance(line, str) else line
    return raw.decode("ascii", "replace")
