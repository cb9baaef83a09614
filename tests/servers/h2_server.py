"""An HTTP/2 server (RFC 9113) that speaks nothing else; it gives every request one answer."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers.certificates import Certificate
from tests.servers.http_server import server_context
from tests.servers.listener import QuietHandler, listen

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1
# RFC 7541: `:status: 200` is entry 8; content-type, entry 31, has its value beside it.
OK = b"\x88" + b"\x0f\x10\x10application/json"


@contextmanager
def serve_h2(
    certificate: Certificate, body: object, on_request: Callable[[], None]
) -> Iterator[str]:
    """Run a server and yield its URL; `on_request` is called for each request."""
    context = server_context(certificate)
    context.set_alpn_protocols(["h2"])
    data = json.dumps(body).encode()

    class Handler(QuietHandler):
        def setup(self) -> None:
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self) -> None:
            self._send(SETTINGS, 0, 0, b"")
            if self.rfile.read(len(PREFACE)) != PREFACE:
                return
            while head := self.rfile.read(9):
                size = int.from_bytes(head[:3], "big")
                kind, flags, stream = struct.unpack("!BBI", head[3:])
                content = self.rfile.read(size)
                if kind in (SETTINGS, PING) and not flags & ACK:
                    self._send(kind, ACK, 0, content if kind == PING else b"")
                if kind == HEADERS:
                    on_request()
                    self._send(HEADERS, END_HEADERS, stream, OK)
                    self._send(DATA, END_STREAM, stream, data)

        def _send(self, kind: int, flags: int, stream: int, content: bytes) -> None:
            size = len(content).to_bytes(3, "big")
            self.wfile.write(size + struct.pack("!BBI", kind, flags, stream) + content)
            self.wfile.flush()

    with listen(Handler) as port:
        yield f"https://127.0.0.1:{port}"
