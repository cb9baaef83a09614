"""A TCP server of a protocol of its own: a handler for each connection."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class QuietHandler(socketserver.StreamRequestHandler):
    """Handles a connection that the client may drop at any time."""

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.request.close()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the client reports connection errors


@contextmanager
def listen(handler: type[QuietHandler]) -> Iterator[int]:
    """Serve on a free port of 127.0.0.1, and yield the port."""
    with _Listener(("127.0.0.1", 0), handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield listener.server_address[1]
        finally:
            listener.shutdown()
            thread.join()
