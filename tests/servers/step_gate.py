"""A reverse proxy in front of a real API server that holds one request until the test releases it.

Responses are streamed, including watches and logs. The request is held before it is sent, or after
it was executed but before the client gets the response.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve

HOP_HEADERS = frozenset(("host", "connection", "content-length", "accept-encoding"))
PIECE_BYTES = 65536
POLL_S = 0.05


@dataclass(frozen=True)
class Gate:
    """The request to hold, by method and end of its path; dry runs pass.

    It is held until `opened` is set.
    """

    method: str
    resource: str
    is_carried_out: bool
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def stops(self, exchange: Exchange) -> bool:
        path, _, query = exchange.path.partition("?")
        if exchange.method != self.method or "dryRun" in query:
            return False
        return self.resource in path.split("/")[-2:]


@contextmanager
def serve_gate(
    upstream: str,
    authority: str,
    certificate: Certificate,
    gate: Gate,
    pause_s: Callable[[], float] = lambda: 0.0,
) -> Iterator[Server]:
    """Run the proxy in front of `upstream`, whose CA is the file `authority`.

    Each request waits for `pause_s()`, half of it before it is sent and half before its response.
    """
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)

    def answer(exchange: Exchange) -> None:
        is_held = gate.stops(exchange)
        pause = pause_s() / 2
        exchange.stopped.wait(pause)
        if is_held and not gate.is_carried_out and not hold(exchange):
            return
        forward(exchange, is_held and gate.is_carried_out, pause)

    def forward(exchange: Exchange, is_held: bool, pause: float) -> None:
        headers = {k: v for k, v in exchange.headers.items() if k.lower() not in HOP_HEADERS}
        address = urlsplit(upstream).netloc
        with closing(http.client.HTTPSConnection(address, context=context)) as connection:
            connection.request(exchange.method, exchange.path, exchange.body or None, headers)
            response = connection.getresponse()
            exchange.stopped.wait(pause)
            if is_held and not hold(exchange):
                return
            exchange.begin_chunks(response.status)
            while piece := response.read1(PIECE_BYTES):
                exchange.send_chunk(piece)
            exchange.send_chunk(b"")

    def hold(exchange: Exchange) -> bool:
        """Wait; return whether the gate was opened, False if the proxy stopped before."""
        gate.reached.set()
        while not gate.opened.wait(POLL_S) and not exchange.stopped.is_set():
            pass
        return gate.opened.is_set()

    with serve(answer, certificate) as server:
        yield server
