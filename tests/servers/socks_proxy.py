"""A SOCKS5 proxy (RFC 1928, RFC 1929): CONNECT only, without or with a login."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.servers.connect_proxy import Proxy, pump_both_ways
from tests.servers.listener import QuietHandler, listen

NO_LOGIN, LOGIN, NONE_ACCEPTED = 0, 2, 255
IPV4, NAME, IPV6 = 1, 3, 4
SUCCEEDED, REFUSED = 0, 5


@contextmanager
def serve_socks(login: str = "", hosts: Mapping[str, str] | None = None) -> Iterator[Proxy]:
    """Run a proxy; its targets are HOST:PORT as the client sent them, unresolved."""

    class Handler(QuietHandler):
        def handle(self) -> None:
            _, count = self.rfile.read(2)
            offered = self.rfile.read(count)
            method = LOGIN if login else NO_LOGIN
            if method not in offered:
                self.wfile.write(bytes((5, NONE_ACCEPTED)))
                return
            self.wfile.write(bytes((5, method)))
            if login and not self._is_logged_in():
                return
            _, _, _, kind = self.rfile.read(4)
            host = self._read_host(kind)
            (port,) = struct.unpack("!H", self.rfile.read(2))
            proxy.targets.append(f"{host}:{port}")
            self._tunnel(host, port)

        def _is_logged_in(self) -> bool:
            self.rfile.read(1)
            name = self.rfile.read(self.rfile.read(1)[0]).decode()
            password = self.rfile.read(self.rfile.read(1)[0]).decode()
            is_right = f"{name}:{password}" == login
            self.wfile.write(bytes((1, 0 if is_right else 1)))
            return is_right

        def _read_host(self, kind: int) -> str:
            if kind == NAME:
                return self.rfile.read(self.rfile.read(1)[0]).decode()
            family, length = (socket.AF_INET, 4) if kind == IPV4 else (socket.AF_INET6, 16)
            return socket.inet_ntop(family, self.rfile.read(length))

        def _tunnel(self, host: str, port: int) -> None:
            reply = struct.pack("!BBBB4sH", 5, SUCCEEDED, 0, IPV4, b"\0" * 4, 0)
            try:
                upstream = socket.create_connection(((hosts or {}).get(host, host), port), 5)
            except OSError:
                self.wfile.write(reply[:1] + bytes((REFUSED,)) + reply[2:])
                return
            with upstream:
                self.wfile.write(reply)
                pump_both_ways(self.request, upstream)

    with listen(Handler) as port:
        proxy = Proxy(f"socks5://127.0.0.1:{port}")
        yield proxy
