"""A reverse proxy in front of a real API server that injects faults.

Each request takes the next fault of the list; with an empty list, requests pass unchanged.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.error import HTTPError

from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve

Fault = Callable[[Exchange, int, bytes], None]
HOP_HEADERS = frozenset(("host", "connection", "content-length", "accept-encoding"))


def throttle(seconds: int) -> Fault:
    """Respond 429 as the API server's priority and fairness does."""
    body = {"kind": "Status", "message": "too many requests", "code": 429}
    return lambda exchange, status, data: exchange.send(429, body, {"Retry-After": str(seconds)})


def fail(status: int) -> Fault:
    body = {"kind": "Status", "message": "etcdserver: leader changed", "code": status}
    return lambda exchange, _, data: exchange.send(status, body)


def reset(exchange: Exchange, status: int, data: bytes) -> None:
    exchange.reset()


def cut_in_half(exchange: Exchange, status: int, data: bytes) -> None:
    exchange.send(status, data, cut_to=0.5)


@contextmanager
def serve_faulty(
    upstream: str, authority: str, certificate: Certificate, faults: list[Fault]
) -> Iterator[Server]:
    """Run the proxy in front of `upstream`, whose CA is the file `authority`."""
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )

    def answer(exchange: Exchange) -> None:
        headers = {k: v for k, v in exchange.headers.items() if k.lower() not in HOP_HEADERS}
        request = urllib.request.Request(
            upstream + exchange.path,
            data=exchange.body or None,
            headers=headers,
            method=exchange.method,
        )
        try:
            with direct.open(request, timeout=30) as response:
                status, data = response.status, response.read()
        except HTTPError as error:
            with error:
                status, data = error.code, error.read()
        fault = faults.pop(0) if faults else None
        if fault:
            fault(exchange, status, data)
        else:
            exchange.send(status, data)

    with serve(answer, certificate) as server:
        yield server
