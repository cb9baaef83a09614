"""Every test of the client runs over both transports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import Kube
from tests.servers.http_server import Server
from tests.servers.transports import API_CLIENT, KUBECONFIG, TRANSPORTS, connect_through


@pytest.fixture(params=TRANSPORTS)
def connect_to(
    request: pytest.FixtureRequest, connect_to: Callable[..., Kube], tmp_path: Path
) -> Callable[..., Kube]:
    if request.param == KUBECONFIG:
        return connect_to

    def build(server: Server, user: Any = None, cluster: Any = None, options: Any = None) -> Kube:
        connect_to(server, user, cluster)  # writes the kubeconfig
        proxy_url = (cluster or {}).get("proxy-url", "")
        path = str(tmp_path / "kubeconfig")
        return connect_through(API_CLIENT, path, proxy_url, **(options or {}))

    return build
