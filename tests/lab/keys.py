"""Keys, certificates, tokens and kubeconfigs of a cluster."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from pathlib import Path

from tests.lab.layout import Cluster
from tests.lab.machine import run

# The users: {user: group}.
USERS = {"admin": "system:masters", "viewer": "", "nobody": ""}
COMPONENTS = {
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "kwok": "system:masters",
}
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def make_keys(cluster: Cluster, nodes: list[str]) -> None:
    make_certificates(cluster)
    kubelets = {f"system:node:{node}": "system:nodes" for node in nodes}
    lines = []
    for user, group in {**USERS, **COMPONENTS, **kubelets}.items():
        token = secrets.token_hex(16)
        lines.append(f"{token},{user},{user}" + (f',"{group}"' if group else "") + "\n")
        write_kubeconfig(cluster, user.rpartition(":")[2], token)
    (cluster.pki / "tokens.csv").write_text("".join(lines))


def make_certificates(cluster: Cluster) -> None:
    pki = cluster.pki
    authority = ("-keyout", pki / "ca.key", "-out", pki / "ca.crt", "-days", "365")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", *NEW_KEY, *authority, "-subj", f"/CN=kubelab-{cluster.name}", *usage)
    dns = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    addresses = ("127.0.0.1", "10.96.0.1", cluster.ip(1))
    names = [*(f"DNS:{name}" for name in dns), *(f"IP:{address}" for address in addresses)]
    make_certificate(pki, "apiserver", "/CN=kube-apiserver", "subjectAltName=" + ",".join(names))
    subject = "/O=system:masters/CN=kube-apiserver-kubelet-client"
    make_certificate(pki, "kubelet-client", subject, "extendedKeyUsage=clientAuth")
    subject = "/O=system:nodes/CN=fake-kubelet"
    make_certificate(pki, "fake-kubelet", subject, "extendedKeyUsage=serverAuth")
    # For tests of client certificates; the users have tokens.
    make_certificate(pki, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
    curve = ("ecparam", "-name", "prime256v1", "-genkey", "-noout")
    openssl(*curve, "-out", pki / "service-account.key")


def make_certificate(pki: Path, name: str, subject: str, extension: str) -> None:
    key, request, config = (pki / f"{name}.{ending}" for ending in ("key", "csr", "ext"))
    config.write_text(extension)
    openssl("req", "-new", *NEW_KEY, "-keyout", key, "-out", request, "-subj", subject)
    issuer = ("-CA", pki / "ca.crt", "-CAkey", pki / "ca.key", "-days", "365")
    signed = ("-extfile", config, "-out", pki / f"{name}.crt")
    openssl("x509", "-req", "-in", request, *issuer, *signed)


def openssl(*argv: str | Path) -> None:
    run("openssl", *argv, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def write_kubeconfig(cluster: Cluster, user: str, token: str) -> None:
    """Write a kubeconfig as JSON, which is valid YAML and needs no library to read."""
    authority = base64.b64encode((cluster.pki / "ca.crt").read_bytes()).decode()
    server = {
        "server": f"https://{cluster.ip(1)}:443",
        "certificate-authority-data": authority,
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster.name,
        "clusters": [{"name": cluster.name, "cluster": server}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": user}}],
    }
    path = cluster.kubeconfig(user)
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1))
