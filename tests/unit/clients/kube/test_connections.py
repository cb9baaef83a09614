"""One deadline for a whole request, and compressed answers."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable

import pytest

from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.errors import ServiceUnavailable, Timeout
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, serve
from tests.servers.socks_proxy import serve_socks
from tests.servers.transports import KUBECONFIG

Connect = Callable[..., Kube]
SOON_S = 10.0
# The caller's own ApiClient has connections of its own.
pytestmark = pytest.mark.parametrize("connect_to", [KUBECONFIG], indirect=True)


def read(kube: Kube, **more: float) -> object:
    return kube.request("GET", "/x", doing="read x", **more).body


def trickle(exchange: Exchange) -> None:
    """Send headers without an end, a line every 50 ms."""
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not exchange.stopped.wait(0.05):
        exchange.connection.sendall(b"X-More: 1\r\n")


@pytest.mark.parametrize("is_tls", [False, True])
def test_headers_that_trickle_end_at_the_deadline(
    connect_to: Connect, server_certificate: Certificate, is_tls: bool
) -> None:
    with serve(trickle, server_certificate if is_tls else None) as server:
        kube = connect_to(server, options={"request_timeout_s": 0.3})
        before = time.monotonic()
        with pytest.raises(Timeout):
            read(kube)
        assert time.monotonic() - before < SOON_S


def test_a_stream_outlives_the_deadline_of_its_request(connect_to: Connect) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.stopped.wait(0.5)
        exchange.send_chunk(b"late")
        exchange.send_chunk(b"")

    with serve(answer) as server:
        kube = connect_to(server, options={"request_timeout_s": 0.3})
        stream = kube.open_stream("/log", doing="read the log")
        assert list(stream) == [b"late"]
        assert "gzip" not in (server.seen[0].headers.get("Accept-Encoding") or "")


def test_a_compressed_answer_is_read(connect_to: Connect) -> None:
    whole = {"items": ["x" * 1000] * 1000}

    def answer(exchange: Exchange) -> None:
        assert exchange.headers["Accept-Encoding"] == "gzip"
        data = gzip.compress(json.dumps(whole).encode())
        assert len(data) < 10_000
        exchange.send(200, data, {"Content-Encoding": "gzip"})

    with serve(answer) as server:
        assert read(connect_to(server)) == whole


def test_a_cluster_can_ask_for_no_compression(connect_to: Connect) -> None:
    with serve(lambda exchange: exchange.send(200, {})) as server:
        read(connect_to(server, cluster={"disable-compression": True}))
        assert server.seen[0].headers["Accept-Encoding"] in (None, "identity")


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_socks_proxy_leads_to_the_server(
    connect_to: Connect, server_certificate: Certificate, is_tls: bool
) -> None:
    certificate = server_certificate if is_tls else None
    serving = serve(lambda exchange: exchange.send(200, {"ok": 1}), certificate)
    with serving as server, serve_socks("ann:p@ss") as proxy:
        url = proxy.url.replace("://", "://ann:p%40ss@")
        assert read(connect_to(server, cluster={"proxy-url": url})) == {"ok": 1}
        assert proxy.targets == [server.url.partition("://")[2]]


@pytest.mark.parametrize("login", ["ann:no@", ""])
def test_a_socks_proxy_that_refuses_is_named_without_the_login(
    connect_to: Connect, server_certificate: Certificate, login: str
) -> None:
    serving = serve(lambda exchange: exchange.send(200, {}), server_certificate)
    with serving as server, serve_socks("ann:p@ss") as proxy:
        url = proxy.url.replace("://", f"://{login}")
        with pytest.raises(ServiceUnavailable) as caught:
            read(connect_to(server, cluster={"proxy-url": url}))
    assert caught.value.why.startswith(f"the proxy {proxy.url}: it ")
