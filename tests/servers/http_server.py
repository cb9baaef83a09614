"""An HTTP/1.1 server; a function of the test writes its responses and breaks connections."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.certificates import Certificate


class Exchange:
    """One request, with methods to respond to it."""

    def __init__(self, handler: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        self._handler = handler
        self.stopped = stopped
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.connection = handler.connection
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    def send(
        self,
        status: int,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        cut_to: float = 1.0,
    ) -> None:
        """Send JSON, or bytes unchanged; `cut_to` is the fraction of the body that is sent."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._begin(status, {"Content-Length": str(len(data)), **(headers or {})})
        if self.method != "HEAD":
            self._write(data[: int(len(data) * cut_to)])
        if cut_to < 1:
            self._handler.close_connection = True

    def peer_certificate(self) -> dict[str, Any]:
        """Return the client's certificate, empty if it sent no trusted one."""
        return dict(self._handler.connection.getpeercert() or {})

    def begin_chunks(self, status: int = 200) -> None:
        self._begin(status, {"Transfer-Encoding": "chunked"})

    def send_chunk(self, data: bytes) -> None:
        """Send a chunk immediately; an empty one ends the response."""
        self._write(b"%x\r\n%s\r\n" % (len(data), data))

    def send_event(self, kind: str, body: object) -> None:
        self.send_chunk(json.dumps({"type": kind, "object": body}).encode() + b"\n")

    def cut(self) -> None:
        """Close the connection in the middle of the response, without RST."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """Close the connection with RST."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # socket's close, not SSLSocket's: that would send an alert before the RST.
        socket.socket.close(self._handler.connection)
        self._handler.close_connection = True

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._handler.send_response_only(status)
        date = self._handler.date_time_string()
        for name, value in {"Content-Type": "application/json", "Date": date, **headers}.items():
            for line in value.split("\n"):
                self._handler.send_header(name, line)
        self._handler.end_headers()

    def _write(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()


@dataclass(frozen=True)
class Server:
    """A running server; `seen` are the requests so far, in order of arrival."""

    url: str
    seen: list[Exchange] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)


@contextmanager
def serve(
    answer: Callable[[Exchange], None],
    certificate: Certificate | None = None,
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    protocol: str = "HTTP/1.1",
) -> Iterator[Server]:
    """Run a server, with TLS if a certificate or context is given; close all at exit."""
    tls = server_context(certificate) if certificate else context
    stopped = threading.Event()
    open_sockets: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol
        disable_nagle_algorithm = True

        def setup(self) -> None:
            if tls:
                # Not at accept: a client that rejects the certificate fails only its own thread.
                self.request = tls.wrap_socket(self.request, server_side=True)
            open_sockets.append(self.request)
            server.connections.append(self.client_address[0])
            super().setup()

        def handle_one_request(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().handle_one_request()
                return
            self.close_connection = True

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()
            self.request.close()

        def do_any(self) -> None:
            exchange = Exchange(self, stopped)
            server.seen.append(exchange)
            answer(exchange)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # the client reports connection errors

    with Listener((host, port), Handler) as listener:
        scheme = "https" if tls else "http"
        server = Server(f"{scheme}://{host}:{listener.server_address[1]}")
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            stopped.set()
            listener.shutdown()
            for open_socket in open_sockets:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
            thread.join()


def server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
