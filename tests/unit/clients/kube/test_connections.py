"""One deadline for a whole request, and compressed answers."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable

import pytest

from kubectl_snapshot.clients.kube import stream
from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.errors import ServiceUnavailable, Timeout
from tests.servers.certificates import Certificate
from tests.servers.h2_server import serve_h2
from tests.servers.http_server import Exchange, Server, serve
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
        exchange.stopped.wait(1.5)
        exchange.send_chunk(b"late")
        exchange.send_chunk(b"")

    with serve(answer) as server:
        kube = connect_to(server, options={"request_timeout_s": 1})
        log = kube.open_stream("/log", doing="read the log")
        assert list(log) == [b"late"]
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


def answer_in_bytes(data: bytes) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        exchange.connection.sendall(data)
        exchange.cut()

    return answer


# The SETTINGS frame of an HTTP/2 server, a TLS alert, SSH.
@pytest.mark.parametrize("data", [b"\0\0\0\4\0\0\0\0\0", b"\x15\3\3\0\2\2\x46", b"SSH-2.0-x\r\n"])
def test_a_server_that_speaks_something_else_is_asked_once(
    connect_to: Connect, data: bytes
) -> None:
    with serve(answer_in_bytes(data)) as server:
        with pytest.raises(ServiceUnavailable) as caught:
            read(connect_to(server))
        assert caught.value.why == f"{server.url}: the answer is not HTTP/1.1"
        assert len(server.seen) == 1


def test_a_server_that_only_speaks_http_2_is_named(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    asked: list[str] = []
    serving = serve_h2(server_certificate, {}, lambda: asked.append(""))
    with serving as url, pytest.raises(ServiceUnavailable) as caught:
        read(connect_to(Server(url)))
    assert caught.value.why == f"{url}: the answer is not HTTP/1.1"
    assert asked == []


def test_an_http_1_0_server_answers_and_is_watched(connect_to: Connect) -> None:
    item = {"metadata": {"name": "a", "uid": "1", "resourceVersion": "1"}}

    def answer(exchange: Exchange) -> None:
        if "watch=true" not in exchange.path:
            exchange.send(200, {"items": [item], "metadata": {"resourceVersion": "1"}})
            return
        changed = {"metadata": {**item["metadata"], "resourceVersion": "2"}}
        line = json.dumps({"type": "MODIFIED", "object": changed}).encode()
        exchange.connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + line + b"\n")
        exchange.stopped.wait(0.1)

    stop = threading.Event()
    with serve(answer, protocol="HTTP/1.0") as server:
        events = connect_to(server).watch("/x", doing="watch x", stop=stop)
        kinds = [next(events).type for _ in range(3)]
        stop.set()
    assert kinds == ["ADDED", "SYNC", "MODIFIED"]


def test_a_body_larger_than_the_limit_is_left(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_BODY_BYTES", 2**20)
    bomb = gzip.compress(b" " * (2**20 - 2) + b"{}")

    def answer(exchange: Exchange) -> None:
        more = gzip.compress(b" " * 2**26) if "more" in exchange.path else bomb
        exchange.send(200, more, {"Content-Encoding": "gzip"})

    with serve(answer) as server:
        kube = connect_to(server)
        assert read(kube) == {}
        with pytest.raises(ServiceUnavailable, match="the response exceeds 1 MiB"):
            kube.request("GET", "/more", doing="read x")


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
