"""Faults between client and API server: logins, addresses, proxies that answer for kubelets."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster.faults import arrange
from tests.cluster.faults.fault import HANG, LATE, Fault
from tests.cluster.faults.policy_faults import expect_snapshot
from tests.cluster.faults.scene import Scene
from tests.servers.certificates import EXPIRED, NOT_YET_VALID, Certificate, sign_for
from tests.servers.http_server import Exchange

PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
KUBELET = 'Get "https://10.0.0.1:10250/containerLogs/ns/pod/kubectl-snapshot?follow=true": '
UNTRUSTED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
USER = "user=kube-apiserver-kubelet-client"
FORBIDDEN = f"Forbidden ({USER}, verb=get, resource=nodes, subresource(s)=[proxy])"


@contextlib.contextmanager
def as_user(scene: Scene, **user: Any) -> Iterator[None]:
    arrange.write_kubeconfig(scene, user=user)
    yield


@contextlib.contextmanager
def with_cluster(scene: Scene, cluster: dict[str, Any]) -> Iterator[None]:
    """The administrator's cluster with some of its keys replaced."""
    arrange.write_kubeconfig(scene, cluster={**arrange.read_cluster(scene), **cluster})
    yield


@contextlib.contextmanager
def with_certificate_for(scene: Scene, dates: tuple[str, str]) -> Iterator[None]:
    """A client certificate that is valid between two times."""
    pki = scene.cluster.require_lab().directory / "pki"
    own = sign_for(Certificate(pki / "ca.crt", pki / "ca.key"), scene.directory, *dates)
    with as_user(
        scene,
        **{"client-certificate": str(own.certificate), "client-key": str(own.key)},
    ):
        yield


@contextlib.contextmanager
def with_plugin(scene: Scene, script: str) -> Iterator[None]:
    path = scene.directory / "cloud-login"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with as_user(scene, exec={**PLUGIN, "command": str(path)}):
        yield


@contextlib.contextmanager
def with_revoked_token(scene: Scene) -> Iterator[None]:
    with arrange.as_account(scene):
        scene.delete(scene.path("serviceaccounts/reader"))
        yield


@contextlib.contextmanager
def with_other_authority(scene: Scene) -> Iterator[None]:
    other = base64.b64encode(Path(scene.servers.authority).read_bytes()).decode()
    with with_cluster(scene, {"certificate-authority-data": other}):
        yield


def refuse_logs(status: int, message: str, times: int = 10**6) -> Callable[..., Any]:
    """A proxy that answers requests for logs itself, the first `times`."""
    left = times

    def refuse(exchange: Exchange) -> tuple[int, object] | None:
        nonlocal left
        if "/log?" not in exchange.path or not left:
            return None
        left -= 1
        return status, {"kind": "Status", "message": message, "code": status}

    return partial(arrange.behind_proxy, shape=lambda: lambda _, pieces: pieces, refuse=refuse)


LOGINS = {
    "client certificate expired": Fault(
        (),
        4,
        ("Unauthorized", "the client certificate expired at 2020-01-01T00:00:01Z", "renew"),
        partial(with_certificate_for, dates=EXPIRED),
        preflight=4,
    ),
    "client certificate not yet valid": Fault(
        (),
        4,
        ("Unauthorized", "the client certificate is valid only from 2090-01-01T00:00:00Z"),
        partial(with_certificate_for, dates=NOT_YET_VALID),
        preflight=4,
    ),
    "credential plugin hangs": Fault(
        (),
        5,
        ("the exec plugin", "cloud-login timed out", "rest of --timeout", "waiting for a browser"),
        partial(with_plugin, script="echo waiting for a browser >&2; exec sleep 600"),
        timeout_s=8,
        tries=3,
    ),
    "credential plugin fails": Fault(
        (),
        4,
        ("cloud-login exited with code 3", "session is over"),
        partial(with_plugin, script="echo session is over >&2; exit 3"),
        preflight=4,
    ),
    "token revoked before the start": Fault(
        (), 4, ("Unauthorized", "log in again"), with_revoked_token, preflight=4
    ),
    "user who may not impersonate": Fault(
        ("--as", "somebody"), 4, ("cannot impersonate",), arrange.as_account, preflight=4
    ),
    "API server refuses the connection": Fault(
        (),
        6,
        ("refused",),
        partial(with_cluster, cluster={"server": "https://127.0.0.1:1"}),
        preflight=6,
    ),
    "API server's name is unknown": Fault(
        (),
        6,
        ("api.nowhere.invalid",),
        partial(with_cluster, cluster={"server": "https://api.nowhere.invalid:6443"}),
        preflight=6,
    ),
    "API server of another authority": Fault(
        (), 6, ("is not trusted",), with_other_authority, preflight=6
    ),
    "API server's certificate has another name": Fault(
        (),
        6,
        ("--tls-server-name",),
        partial(with_cluster, cluster={"tls-server-name": "other.example.org"}),
        preflight=6,
    ),
    "proxy of the kubeconfig is dead": Fault(
        (),
        6,
        ("the proxy http://127.0.0.1:1", "refused"),
        partial(with_cluster, cluster={"proxy-url": "http://127.0.0.1:1"}),
        preflight=6,
    ),
}
LOGS = {
    "logs: kubelet refuses the API server": Fault(
        HANG,
        8,
        ("does not let the API server read logs", "nodes/proxy", "system:kubelet-api-admin"),
        refuse_logs(
            403,
            FORBIDDEN,
        ),
    ),
    "logs: kubelet's certificate is not trusted": Fault(
        HANG,
        6,
        ("does not trust the certificate of node node1's kubelet", "x509"),
        refuse_logs(
            500,
            f"{KUBELET}{UNTRUSTED}",
        ),
    ),
    "logs: no tunnel to the nodes": Fault(
        HANG,
        6,
        ("node node1 does not respond", "No agent available"),
        refuse_logs(
            500,
            f"{KUBELET}proxy error from localhost:8132 while dialing backend: No agent available",
        ),
    ),
    "logs: gateway without a server": Fault(
        HANG, 6, ("log", "502"), refuse_logs(502, "<html><h1>502 Bad Gateway</h1></html>")
    ),
    "logs: driver that keeps none": Fault(
        HANG,
        6,
        ("log", "configured logging driver does not support reading"),
        refuse_logs(500, "configured logging driver does not support reading"),
    ),
    "logs: throttled": Fault(
        LATE, arrange=refuse_logs(429, "too many requests", 3), check=expect_snapshot
    ),
    "logs: not there at first": Fault(
        LATE, arrange=refuse_logs(404, 'pods "x" not found', 3), check=expect_snapshot
    ),
}
CONNECTION = {**LOGINS, **LOGS}
