"""urllib3's connections with one deadline for a request: name, TCP, proxy, TLS, headers, body.

urllib3 and http.client limit each read: a server that sends a byte a second holds them for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, connection, exceptions

from kubectl_snapshot.clients.kube.dial import open_socket, request_socks_tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.auth.proxy import Proxy

_request = threading.local()


@contextmanager
def deadline(end: float) -> Iterator[None]:
    """Limit this thread's request to `end` (time.monotonic())."""
    _request.end = end
    try:
        yield
    finally:
        _request.end = None


def lift_deadline(response: Any, silence_s: float | None) -> None:
    """Let a response be read without a deadline; a read that takes `silence_s` times out."""
    body = getattr(getattr(response, "_fp", None), "fp", None)
    raw = getattr(body, "raw", None)
    if isinstance(raw, _DeadlineReader):
        raw.lift(silence_s)


class _DeadlineReader(io.RawIOBase):
    """A socket's reading end whose reads end at one time altogether."""

    def __init__(self, sock: Any, end: float) -> None:
        self._sock = sock
        self._inner = socket.SocketIO(sock, "r")
        sock_of = getattr(sock, "socket", sock)  # of urllib3's TLS within TLS
        sock_of._io_refs += 1  # as socket.makefile does; SocketIO.close releases it
        self._end: float | None = end

    def lift(self, silence_s: float | None) -> None:
        self._end = None
        self._sock.settimeout(silence_s)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            remaining_s = self._end - time.monotonic()
            if remaining_s <= 0:
                raise socket.timeout("timed out")
            self._sock.settimeout(remaining_s)
        return self._inner.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        end = getattr(_request, "end", None)
        if end is not None:
            reader: Any = io.BufferedReader(_DeadlineReader(sock, end))
            self.fp.close()
            self.fp = reader


def build_pool_classes(socks: Proxy | None) -> dict[str, type[Any]]:
    """Return the pool classes of a PoolManager by scheme; `socks` is the SOCKS5 proxy to use."""

    class Plain(connection.HTTPConnection):
        response_class = _Response

        def _new_conn(self) -> socket.socket:
            return _connect(self, socks)

    class Tls(connection.HTTPSConnection):
        response_class = _Response

        def _new_conn(self) -> socket.socket:
            return _connect(self, socks)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def _connect(conn: Any, socks: Proxy | None) -> socket.socket:
    """Return a connected socket, through the SOCKS proxy if there is one; urllib3's exceptions."""
    end = getattr(_request, "end", None)
    if end is None:
        end = time.monotonic() + (conn.timeout or 0.0)
    host, port = (socks.host, socks.port) if socks else (conn._dns_host, conn.port)
    try:
        sock = open_socket(host, port, end, conn.socket_options or ())
    except socket.gaierror as error:
        raise exceptions.NameResolutionError(host, conn, error) from error
    except socket.timeout as error:
        raise exceptions.ConnectTimeoutError(conn, str(error)) from error
    except OSError as error:
        failure = exceptions.NewConnectionError(conn, str(error))
        raise exceptions.ProxyError("", error) if socks else failure from error
    if socks is None:
        return sock
    try:
        request_socks_tunnel(sock, socks, conn._dns_host, conn.port)
    except socket.timeout as error:
        sock.close()
        raise exceptions.ConnectTimeoutError(conn, str(error)) from error
    except (OSError, UnicodeError) as error:
        sock.close()
        raise exceptions.ProxyError("", error) from error
    return sock
