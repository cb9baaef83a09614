"""An HTTP proxy that supports CONNECT only, like corporate egress proxies."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.certificates import Certificate
from tests.servers.http_server import server_context

PIECE_BYTES = 65536


@dataclass(frozen=True)
class Proxy:
    """A running proxy; `targets` are the HOST:PORT of its requests."""

    url: str
    targets: list[str] = field(default_factory=list)


@contextmanager
def serve_proxy(
    login: str = "",
    certificate: Certificate | None = None,
    hosts: Mapping[str, str] | None = None,
) -> Iterator[Proxy]:
    """Run a proxy; `login` is the required USER:PASSWORD, a certificate enables TLS.

    `hosts` are names that only the proxy can resolve.
    """
    expected = "Basic " + base64.b64encode(login.encode()).decode() if login else ""
    context = server_context(certificate) if certificate else None

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if context:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self) -> None:
            method, target, _ = self.rfile.readline().decode().split()
            headers = dict(iter(self._read_header, ("", "")))
            proxy.targets.append(target)
            if method != "CONNECT":
                self._refuse("405 Method Not Allowed")
            elif headers.get("proxy-authorization", "") != expected:
                self._refuse("407 Proxy Authentication Required")
            else:
                self._tunnel(target)

        def _tunnel(self, target: str) -> None:
            host, port = target.rsplit(":", 1)
            try:
                upstream = socket.create_connection(((hosts or {}).get(host, host), int(port)), 5)
            except OSError:
                self._refuse("502 Bad Gateway")
                return
            with upstream:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pump_both_ways(self.request, upstream)

        def _refuse(self, status: str) -> None:
            self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()
            self.request.close()

        def _read_header(self) -> tuple[str, str]:
            name, _, value = self.rfile.readline().decode().strip().partition(": ")
            return name.lower(), value

    class Listener(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # the client reports connection errors

    with Listener(("127.0.0.1", 0), Handler) as listener:
        scheme = "https" if certificate else "http"
        proxy = Proxy(f"{scheme}://127.0.0.1:{listener.server_address[1]}")
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown()
            thread.join()


def pump_both_ways(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while piece := source.recv(PIECE_BYTES):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(end, socket.SHUT_RDWR)
