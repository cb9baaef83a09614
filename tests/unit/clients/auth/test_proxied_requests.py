"""Requests through a local CONNECT proxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError
from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.connect_proxy import serve_proxy
from tests.servers.http_server import Exchange, serve

Connect = Callable[..., Kube]


def succeed(exchange: Exchange) -> None:
    exchange.send(200, {"ok": True})


def read(kube: Kube) -> object:
    return kube.request("GET", "/x", doing="read x").body


def failure(kube: Kube) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        read(kube)
    return caught.value


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_tunnel_leads_to_the_server(
    connect_to: Connect, server_certificate: Certificate, is_tls: bool
) -> None:
    with (
        serve(succeed, server_certificate) as server,
        serve_proxy(certificate=server_certificate if is_tls else None) as proxy,
    ):
        kube = connect_to(server, {"token": "abc"}, cluster={"proxy-url": proxy.url})
        assert read(kube) == {"ok": True}
        assert proxy.targets == [server.url.partition("://")[2]]
    assert server.seen[0].headers["Authorization"] == "Bearer abc"


def test_the_proxys_login_goes_to_the_proxy_alone(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(succeed, server_certificate) as server, serve_proxy("ann:p@ss") as proxy:
        url = proxy.url.replace("://", "://ann:p%40ss@")
        assert read(connect_to(server, cluster={"proxy-url": url})) == {"ok": True}
    assert server.seen[0].headers["Proxy-Authorization"] is None


def test_a_refused_login_names_the_proxy_and_not_the_login(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(succeed, server_certificate) as server, serve_proxy("ann:right") as proxy:
        url = proxy.url.replace("://", "://ann:wrong@")
        caught = failure(connect_to(server, cluster={"proxy-url": url}))
        assert len(proxy.targets) == 1
    assert isinstance(caught, ServiceUnavailable)
    assert f"the proxy {proxy.url}" in caught.why
    assert "407" in caught.why
    assert "wrong" not in str(caught)


def test_a_proxy_that_is_not_there_is_named(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(succeed, server_certificate) as server:
        caught = failure(connect_to(server, cluster={"proxy-url": "http://127.0.0.1:1"}))
    assert caught.why == "the proxy http://127.0.0.1:1: Connection refused"


def test_a_server_that_the_proxy_cannot_reach_is_reported_in_the_proxys_words(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(succeed, server_certificate) as server, serve_proxy() as proxy:
        nowhere = {"server": "https://127.0.0.1:1", "proxy-url": proxy.url}
        caught = failure(connect_to(server, cluster=nowhere))
    assert isinstance(caught, ServiceUnavailable)
    assert "502 Bad Gateway" in caught.why


def test_a_proxy_whose_certificate_is_not_trusted_is_refused(
    connect_to: Connect, server_certificate: Certificate, tmp_path: Path
) -> None:
    stranger = certificates.make_authority(tmp_path, "stranger")
    strange = certificates.sign(stranger, tmp_path, "strange", "/CN=strange")
    with (
        serve(succeed, server_certificate) as server,
        serve_proxy(certificate=strange) as proxy,
    ):
        caught = failure(connect_to(server, cluster={"proxy-url": proxy.url}))
    assert isinstance(caught, ServiceUnavailable)
    assert f"the proxy {proxy.url} is not trusted" in caught.why
