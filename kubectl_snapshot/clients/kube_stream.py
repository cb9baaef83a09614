"""An answer of an API server that is read while it comes: a log that is followed, a watch."""

from __future__ import annotations

import contextlib
import socket
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
        try:
            piece = self._read()
        except (SnapshotError, ValueError, AttributeError):
            # The last two are what http.client meets on a socket that is closed beside it.
            if self._is_closed:
                return b""
            raise
        return b"" if self._is_closed else piece

    def close(self) -> None:
        """End the answer; a reader that waits for more comes back at once."""
        self._is_closed = True
        # The plain socket's own shutdown: an SSLSocket's takes its state from under a reader, and
        # close() alone waits for one.
        with contextlib.suppress(OSError):
            if self._sock is not None:
                socket.socket.shutdown(getattr(self._sock, "socket", self._sock), socket.SHUT_RDWR)
        self._response.close()


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
