"""An answer of an API server that is read while it comes: a log that is followed, a watch."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stream:
    """The bytes of one answer as they arrive, for one reader; any thread may close it."""

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
        """Yield what has arrived, waiting for more; ends with the answer or with close().

        Raises ServiceUnavailable where the answer is cut, Timeout where the silence is too long.
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
            # The last two are what http.client meets on a socket that is closed beside it.
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
        """End the answer; a reader that waits for more comes back at once.

        The descriptor is closed by nobody while it is read: a new connection could get its number,
        and the reader would take bytes out of that one's handshake. After the end the connection
        may serve another request already.
        """
        with self._lock:
            self._is_closed = True
            is_reading, has_ended = self._is_reading, self._has_ended
        # The plain socket's own shutdown: an SSLSocket's takes its state from under a reader, and
        # close() alone waits for one.
        if self._sock is not None and not has_ended:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(getattr(self._sock, "socket", self._sock), socket.SHUT_RDWR)
        if not is_reading:
            self._response.close()

    def _was_closed(self) -> bool:
        with self._lock:
            return self._is_closed


def socket_options() -> list[tuple[int, int, int]]:
    """Return what makes a dead peer known within a minute, also where nobody sends anything."""
    options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options
