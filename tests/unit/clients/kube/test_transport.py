"""Server URLs, and the caller's own ApiClient as the transport."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from kubectl_snapshot.agent.plan import plan_capture
from kubectl_snapshot.clients.kube import rest_client
from kubectl_snapshot.clients.kube.client import Call, ConnectionOptions, Kube, use_api_client
from kubectl_snapshot.clients.kube.transport import parse_server
from kubectl_snapshot.errors import InvalidRequest, ServiceUnavailable
from kubectl_snapshot.snapshotter import AgentConfig
from tests.servers.http_server import Exchange, Server, serve
from tests.servers.transports import HAS_API_CLIENT

needs_api_client = pytest.mark.skipif(
    not HAS_API_CLIENT, reason="the zipapp's slim packages have no ApiClient"
)


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"server": "https://api:6443/"}, "https://api:6443"),
        ({"server": "https://rancher/k8s/clusters/c-1/"}, "https://rancher/k8s/clusters/c-1"),
        ({"server": "https://ann:secret@api"}, "https://api"),
        ({"server": "localhost:8080"}, "http://localhost:8080"),
        ({"server": "api:6443", "certificate-authority": "x"}, "http://api:6443"),
        ({"server": "https://[fd00::1]:6443"}, "https://[fd00::1]:6443"),
    ],
)
def test_a_server_is_an_address_without_a_login(cluster: dict[str, Any], expected: str) -> None:
    assert parse_server(cluster) == expected


@pytest.mark.parametrize(
    "server",
    ["ftp://x", "https://", " https://x", "https://x y", "https://a:port", "https://u:secret@"],
)
def test_what_is_no_server_is_an_invalid_request(server: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_server({"server": server})
    assert "secret" not in str(caught.value)


def new_api_client(server: Server, **settings: Any) -> Any:
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=server.url)
    for name, value in settings.items():
        setattr(configuration, name, value)
    return ApiClient(configuration)


def read(kube: Kube) -> None:
    kube.request("GET", "/x", doing="read x")


@needs_api_client
def test_an_api_client_refreshes_its_token_before_each_request() -> None:
    tokens = iter(("first", "second"))

    def refresh(configuration: Any) -> None:
        configuration.api_key["authorization"] = f"Bearer {next(tokens)}"

    with serve(lambda exchange: exchange.send(200, {})) as server:
        client = new_api_client(server, api_key={"authorization": ""}, refresh_api_key_hook=refresh)
        kube = use_api_client(client, ConnectionOptions())
        read(kube)
        read(kube)
        sent = [exchange.headers["Authorization"] for exchange in server.seen]
    assert sent == ["Bearer first", "Bearer second"]


@needs_api_client
def test_an_api_clients_default_headers_are_sent_and_its_impersonated_user_is_known() -> None:
    with serve(lambda exchange: exchange.send(200, {})) as server:
        client = new_api_client(server)
        client.set_default_header("Impersonate-User", "ann")
        kube = use_api_client(client, ConnectionOptions(namespace="ops"))
        read(kube)
        assert server.seen[0].headers["Impersonate-User"] == "ann"
    assert (kube.user, kube.namespace, kube.server) == ("ann", "ops", server.url)


@needs_api_client
def test_no_more_requests_run_in_parallel_than_an_api_clients_pool_keeps() -> None:
    together = threading.Barrier(2)

    def answer(exchange: Exchange) -> None:
        together.wait(10)
        exchange.send(200, {})

    with serve(answer) as server:
        kube = use_api_client(
            new_api_client(server, connection_pool_maxsize=2), ConnectionOptions()
        )
        kube.request_all([Call("GET", "/x", "read x") for _ in range(8)])
        assert len(server.connections) == 2


@needs_api_client
def test_an_api_clients_own_retries_end_in_our_error_with_the_root_cause() -> None:
    client = new_api_client(Server("http://ann:secret@127.0.0.1:1"))
    with pytest.raises(ServiceUnavailable) as caught:
        read(use_api_client(client, ConnectionOptions()))
    assert caught.value.why == "http://127.0.0.1:1: Connection refused"


@needs_api_client
def test_a_capture_sends_through_the_api_client_of_its_configuration() -> None:
    with serve(lambda exchange: exchange.send(200, {})) as server:
        config = AgentConfig(api_client=new_api_client(server), agent="image", namespace="ops")
        kube = plan_capture(config).kube
        read(kube)
        assert len(server.seen) == 1
    assert (kube.server, kube.namespace) == (server.url, "ops")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://host:6443/api/v1?x=/y", ("https://host:6443", "/api/v1?x=/y")),
        ("https://host/", ("https://host", "/")),
        ("https://host", ("https://host", "/")),
    ],
)
def test_a_url_is_a_server_and_a_path(url: str, parts: tuple[str, str]) -> None:
    assert rest_client.split_url(url) == parts
