"""Clients of both transports: by a kubeconfig, and by the stock ApiClient that loads it."""

from __future__ import annotations

import importlib.util
from typing import Any

from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube, connect, use_api_client

KUBECONFIG, API_CLIENT = "kubeconfig", "api_client"
# The zipapp's slim packages have no ApiClient.
HAS_API_CLIENT = importlib.util.find_spec("kubernetes.client.api_client") is not None
TRANSPORTS = (KUBECONFIG, API_CLIENT) if HAS_API_CLIENT else (KUBECONFIG,)


def connect_through(transport: str, path: str, proxy_url: str = "", **options: Any) -> Kube:
    """Return a client for the current context of a kubeconfig.

    The package ignores a kubeconfig's proxy-url: its ApiClient gets `proxy_url`.
    """
    known = ConnectionOptions(kubeconfig=path, **options)
    if transport == KUBECONFIG:
        return connect(known, {})
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import load_kube_config

    configuration = Configuration()
    configuration.retries = False
    configuration.connection_pool_maxsize = 64
    configuration.proxy = proxy_url
    load_kube_config(path, client_configuration=configuration)
    return use_api_client(ApiClient(configuration), known)
