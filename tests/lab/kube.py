"""A minimal Kubernetes API client for tests: JSON over keep-alive connections.

Tests do not use the package's own client, which is under test.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """An error response of the API server; `body` is its Status object as text."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Client:
    """Client of the first cluster in a self-contained JSON kubeconfig.

    `cluster up` and `kubectl config view --raw --minify --flatten -o json` write such files.
    """

    def __init__(self, kubeconfig: str | Path, timeout: float = 30) -> None:
        config = json.loads(Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = urllib.parse.urlsplit(cluster["server"]).netloc
        authority = cluster.get("certificate-authority-data", "")
        self.tls = ssl.create_default_context(cadata=base64.b64decode(authority).decode() or None)
        if "client-certificate-data" in user:
            load_client_certificate(self.tls, user)
        self.headers = {"Accept": "application/json"}
        if "token" in user:
            self.headers["Authorization"] = "Bearer " + user["token"]
        self.timeout = timeout
        self.local = threading.local()
        self.kept: list[http.client.HTTPSConnection] = []

    def connect(self, timeout: float | None = None) -> http.client.HTTPSConnection:
        timeout = timeout or self.timeout
        return http.client.HTTPSConnection(self.address, context=self.tls, timeout=timeout)

    def send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
    ) -> http.client.HTTPResponse:
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = content_type
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        if response.status >= 300:
            raise ApiError(response.status, response.read().decode(errors="replace"))
        return response

    def raw(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> bytes:
        """Return the response body. A closed keep-alive connection is reopened once."""
        for fresh in (False, True):
            connection = getattr(self.local, "connection", None)
            if fresh or connection is None:
                connection = self.local.connection = self.connect()
                self.kept.append(connection)
                fresh = True
            try:
                return self.send(connection, method, path, body, content_type).read()
            except ApiError:
                raise
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                if fresh:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections of all threads; a later request opens a new one."""
        for connection in self.kept:
            connection.close()

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> Any:
        return json.loads(self.raw(method, path, body, content_type))

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def patch(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body, MERGE_PATCH)

    def watch(self, path: str, timeout: float) -> Iterator[Any]:
        """Yield the events of a watch until the server ends it."""
        connection = self.connect(timeout)
        try:
            for line in self.send(connection, "GET", path):
                yield json.loads(line)
        finally:
            connection.close()


def load_client_certificate(tls: ssl.SSLContext, user: dict[str, str]) -> None:
    # ssl loads keys from files only.
    descriptor, path = tempfile.mkstemp()
    try:
        with open(descriptor, "wb") as file:
            for key in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[key]) + b"\n")
        tls.load_cert_chain(path)
    finally:
        os.unlink(path)
