"""A response body that is read as it arrives: a followed log, a watch."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_BYTES = 65536
# 500 objects a page of 512 KiB each; etcd stores at most 1.5 MiB an object.
# Read in vain while the end of a response is waited for.
MAX_PIECES = 4
MAX_BODY_BYTES = 256 * 1024 * 1024


class Stream:
    """The bytes of one response as they arrive, for one reader; any thread may close it."""

    def __init__(self, response: Any, sock: Any, read: Callable[[], bytes]) -> None:
        self.status: int = response.status
        self._response = response
        self._sock = sock
        self._read = read
        self._lock = threading.Lock()
        self._is_reading = False
        self._has_ended = False
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield bytes as they arrive; ends with the response or with close().

        Raises ServiceUnavailable if the connection breaks, Timeout after too long a silence.
        """
        while True:
            piece = self._read_unless_closed()
            if not piece:
                return
            yield piece

    def _read_unless_closed(self) -> bytes:
        with self._lock:
            if self._is_closed or self._has_ended:
                return b""
            self._is_reading = True
        piece = b""
        try:
            piece = self._read()
        except (SnapshotError, ValueError, AttributeError):
            # http.client raises the last two when another thread closes its socket.
            if not self._was_closed():
                raise
        finally:
            with self._lock:
                self._is_reading = False
                self._has_ended = not piece
            if self._was_closed():
                self._response.close()
        return b"" if self._was_closed() else piece

    def close(self) -> None:
        """End the response; a blocked reader returns at once.

        The descriptor stays open while it is read: a new connection could get the same number,
        and the reader would steal bytes of its handshake. After the end of the response the
        connection may serve another request already.
        """
        with self._lock:
            self._is_closed = True
            is_reading, has_ended = self._is_reading, self._has_ended
        # socket.socket's shutdown: SSLSocket's drops the TLS state that a reader is using, and
        # close() alone waits for the reader.
        if self._sock is not None and not has_ended:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(getattr(self._sock, "socket", self._sock), socket.SHUT_RDWR)
        if not is_reading:
            self._response.close()

    def finish(self, within_s: float) -> None:
        """Close the response; if its end arrives in time, its connection serves again.

        Otherwise the next request pays for another TLS handshake.
        """
        with contextlib.suppress(SnapshotError, OSError):
            self._sock.settimeout(within_s)
            for _ in zip(range(MAX_PIECES), self):
                pass
        self.close()

    def _was_closed(self) -> bool:
        with self._lock:
            return self._is_closed


def set_keepalive(sock: Any) -> None:
    """Let the kernel detect a dead peer within a minute, although nobody sends anything."""
    plain = getattr(sock, "socket", sock)  # of urllib3's TLS within TLS
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def read_body(response: Any, doing: str, end: float) -> bytes:
    """Return the whole decompressed body; Timeout after `end`, ServiceUnavailable over 256 MiB."""
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = response.read1(READ_BYTES)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            response.close()
            limit = f"{MAX_BODY_BYTES // 2**20} MiB"
            raise ServiceUnavailable(f"cannot {doing}", why=f"the response exceeds {limit}")
        if time.monotonic() > end:
            response.close()
            raise Timeout(f"cannot {doing}", why="the response did not end in time")
