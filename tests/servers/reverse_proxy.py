"""A reverse proxy before a real API server; a test decides what becomes of each answer.

What comes is handed on as it comes, watches and logs too.
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

# Gets the pieces of an answer and returns those that go on; raising CutShort ends it in the middle.
Shape = Callable[[Exchange, Iterator[bytes]], Iterable[bytes]]


class CutShort(Exception):
    """The answer ends here, not in good order."""


@contextmanager
def serve_shaped(
    upstream: str, authority: str, certificate: Certificate, shape: Shape
) -> Iterator[Server]:
    """Run the proxy before `upstream`, whose CA is the file `authority`."""
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)

    def answer(exchange: Exchange) -> None:
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
