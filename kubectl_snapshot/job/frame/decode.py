"""Assemble a document from the agent's log lines, and read its progress events."""

from __future__ import annotations

import json
import zlib
from binascii import a2b_base64
from hashlib import sha256

from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.frame.encode import (
    CHUNK_BYTES,
    FRAME_PREFIX,
    GZIP,
    MAX_LINE_BYTES,
    PROGRESS_PREFIX,
    frame_line,
)
from kubectl_snapshot.text import single_line

MAX_LINES = MAX_DOCUMENT_BYTES // CHUNK_BYTES + 1
NUMBERS_SHOWN = 20


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
        if text == frame_line(self.run_id, place, body):
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


def _ascii(line: bytes | str) -> str:
    raw = line.encode("ascii", "replace") if isinstance(line, str) else line
    return raw.decode("ascii", "replace")
