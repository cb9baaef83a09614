"""A reverse proxy in front of a real API server; a function of the test changes each response.

Responses are streamed, including watches and logs.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve

HOP_HEADERS = frozenset(("host", "connection", "content-length", "accept-encoding"))
PIECE_BYTES = 65536

# Takes the chunks of a response and returns those to send; raising CutShort breaks it off.
Shape = Callable[[Exchange, Iterator[bytes]], Iterable[bytes]]


# Returns status and body of an answer of the proxy's own, None to ask the API server.
Refuse = Callable[[Exchange], "tuple[int, object] | None"]


class CutShort(Exception):
    """Break off the response with RST."""


@contextmanager
def serve_shaped(
    upstream: str,
    authority: str,
    certificate: Certificate,
    shape: Shape,
    refuse: Refuse | None = None,
) -> Iterator[Server]:
    """Run the proxy in front of `upstream`, whose CA is the file `authority`."""
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)

    def answer(exchange: Exchange) -> None:
        own = refuse(exchange) if refuse is not None else None
        if own is not None:
            exchange.send(*own)
            return
        headers = {k: v for k, v in exchange.headers.items() if k.lower() not in HOP_HEADERS}
        address = urlsplit(upstream).netloc
        with closing(http.client.HTTPSConnection(address, context=context)) as connection:
            connection.request(exchange.method, exchange.path, exchange.body or None, headers)
            response = connection.getresponse()
            pieces = iter(lambda: response.read1(PIECE_BYTES), b"")
            exchange.begin_chunks(response.status)
            try:
                for piece in shape(exchange, pieces):
                    exchange.send_chunk(piece)
            except CutShort:
                exchange.reset()
                return
            exchange.send_chunk(b"")

    with serve(answer, certificate) as server:
        yield server
