"""Both transports for every test of the client: a kubeconfig, and the caller's own ApiClient."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube, use_api_client
from tests.servers.http_server import Server

# The zipapp's slim packages have no ApiClient.
HAS_API_CLIENT = importlib.util.find_spec("kubernetes.client.api_client") is not None
TRANSPORTS = ["kubeconfig", *(["api_client"] if HAS_API_CLIENT else [])]


@pytest.fixture(params=TRANSPORTS)
def connect_to(
    request: pytest.FixtureRequest, connect_to: Callable[..., Kube], tmp_path: Path
) -> Callable[..., Kube]:
    if request.param == "kubeconfig":
        return connect_to

    def build(server: Server, *keys: Any, options: Any = None, **more: Any) -> Kube:
        from kubernetes.client import ApiClient, Configuration
        from kubernetes.config import load_kube_config

        connect_to(server, *keys, options=options, **more)  # writes the kubeconfig
        path = str(tmp_path / "kubeconfig")
        configuration = Configuration()
        configuration.retries = False
        configuration.connection_pool_maxsize = 64
        load_kube_config(path, client_configuration=configuration)
        known = ConnectionOptions(kubeconfig=path, **(options or {}))
        return use_api_client(ApiClient(configuration), known)

    return build
