"""What the tests of the API client share: a certificate authority, a server, a client for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube, connect
from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.http_server import Server
from tests.servers.kubeconfigs import write_kubeconfig


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ca.crt, its key, and server.crt and server.key for 127.0.0.1."""
    directory = tmp_path_factory.mktemp("pki")
    authority = certificates.make_authority(directory)
    certificates.sign(authority, directory, "server", "/CN=server")
    return directory


@pytest.fixture(scope="session")
def server_certificate(pki: Path) -> Certificate:
    return Certificate(pki / "server.crt", pki / "server.key")


@pytest.fixture
def connect_to(tmp_path: Path, pki: Path) -> Callable[..., Kube]:
    """Returns a client of a test server, by a kubeconfig with the given cluster and user keys."""

    def build(
        server: Server,
        user: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Kube:
        keys: dict[str, Any] = {"server": server.url, "certificate-authority": str(pki / "ca.crt")}
        keys.update(cluster or {})
        present = {key: value for key, value in keys.items() if value is not None}
        path = write_kubeconfig(tmp_path / "kubeconfig", present, user)
        return connect(ConnectionOptions(kubeconfig=path, **(options or {})), env or {})

    return build
