"""Trust and identity in real handshakes with a local server."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest

from kubectl_snapshot.clients.auth.tls import build_tls_context, encode_host
from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.errors import InvalidRequest, ServiceUnavailable, SnapshotError
from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve

Connect = Callable[..., Kube]


def succeed(exchange: Exchange) -> None:
    exchange.send(200, {"ok": True})


def read(kube: Kube) -> object:
    return kube.request("GET", "/x", doing="read x").body


def failure(kube: Kube) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        read(kube)
    return caught.value


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_a_ca_is_trusted_as_file_and_as_data(
    connect_to: Connect, server_certificate: Certificate, pki: Path
) -> None:
    data = {"certificate-authority": None, "certificate-authority-data": encoded(pki / "ca.crt")}
    with serve(succeed, server_certificate) as server:
        assert read(connect_to(server)) == {"ok": True}
        assert read(connect_to(server, cluster=data)) == {"ok": True}


def test_a_ca_needs_no_extension_that_newer_pythons_require() -> None:
    # Of ssl.create_default_context() since 3.13; an older one has the name, and no such default.
    assert not build_tls_context(b"").verify_flags & ssl.VERIFY_X509_STRICT


def test_a_ca_cannot_be_verified_with_and_skipped(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    skipped = {"insecure-skip-tls-verify": True}
    with serve(succeed, server_certificate) as server:
        with pytest.raises(InvalidRequest, match="insecure-skip-tls-verify"):
            read(connect_to(server, cluster=skipped))
        assert server.seen == []


def test_the_servers_own_certificate_may_be_the_ca(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    """As in Go, whose pool of roots takes any certificate."""
    pinned = {"certificate-authority": str(server_certificate.certificate)}
    with serve(succeed, server_certificate) as server:
        assert read(connect_to(server, cluster=pinned)) == {"ok": True}


def test_another_ca_is_refused_at_once_with_what_to_do(
    connect_to: Connect, server_certificate: Certificate, tmp_path: Path
) -> None:
    other = certificates.make_authority(tmp_path, "other")
    with serve(succeed, server_certificate) as server:
        trusted = {"certificate-authority": str(other.certificate)}
        caught = failure(connect_to(server, cluster=trusted))
        assert server.connections == []
    assert isinstance(caught, ServiceUnavailable)
    assert "not trusted" in caught.why
    assert "--certificate-authority" in caught.hint


def test_no_other_ca_than_the_kubeconfigs_is_trusted(
    connect_to: Connect,
    server_certificate: Certificate,
    pki: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The REST layer would add certifi's, Python the system's; both would trust this server."""
    monkeypatch.setattr(certifi, "where", lambda: str(pki / "ca.crt"), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(pki / "ca.crt"))
    other = certificates.make_authority(tmp_path, "other")
    with serve(succeed, server_certificate) as server:
        kube = connect_to(server, cluster={"certificate-authority": str(other.certificate)})
        assert "not trusted" in failure(kube).why


def test_without_a_ca_the_systems_are_trusted(
    connect_to: Connect,
    server_certificate: Certificate,
    pki: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(succeed, server_certificate) as server:
        untrusting = connect_to(server, cluster={"certificate-authority": None})
        assert "not trusted" in failure(untrusting).why
        monkeypatch.setenv("SSL_CERT_FILE", str(pki / "ca.crt"))
        trusting = connect_to(server, cluster={"certificate-authority": None})
        assert read(trusting) == {"ok": True}


def test_a_name_that_the_certificate_lacks_is_refused_with_what_to_do(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(succeed, server_certificate) as server:
        caught = failure(connect_to(server, cluster={"tls-server-name": "other.example.org"}))
    assert "other.example.org" in caught.why
    assert "--tls-server-name" in caught.hint


def test_a_tls_server_name_is_looked_for_in_the_certificate(
    connect_to: Connect, pki: Path, tmp_path: Path
) -> None:
    authority = Certificate(pki / "ca.crt", pki / "ca.key")
    named = certificates.sign(
        authority, tmp_path, "named", "/CN=named", "subjectAltName=DNS:api.example.org"
    )
    with serve(succeed, named) as server:
        assert "not trusted" in failure(connect_to(server)).why
        kube = connect_to(server, options={"tls_server_name": "api.example.org"})
        assert read(kube) == {"ok": True}


def test_an_expired_certificate_is_said_so(connect_to: Connect, pki: Path, tmp_path: Path) -> None:
    old = certificates.sign_expired(Certificate(pki / "ca.crt", pki / "ca.key"), tmp_path)
    with serve(succeed, old) as server:
        caught = failure(connect_to(server))
    assert "expired" in caught.why
    assert "clock" in caught.hint


def test_verification_can_be_switched_off(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    """Without a word from urllib3 about it: warnings are errors here."""
    insecure = {"certificate-authority": None, "insecure-skip-tls-verify": True}
    with serve(succeed, server_certificate) as server:
        assert read(connect_to(server, cluster=insecure)) == {"ok": True}
        flag = {"insecure_skip_tls_verify": True}
        assert read(connect_to(server, options=flag)) == {"ok": True}


def test_http_where_https_is_spoken_is_said_so(connect_to: Connect) -> None:
    with serve(succeed) as server:
        caught = failure(connect_to(Server(server.url.replace("http:", "https:"))))
    assert isinstance(caught, ServiceUnavailable)
    assert "no TLS connection" in caught.why


def test_a_ca_that_is_no_certificate_is_an_invalid_request(
    connect_to: Connect, server_certificate: Certificate, tmp_path: Path
) -> None:
    (tmp_path / "ca").write_text("no certificate")
    with serve(succeed, server_certificate) as server:
        kube = connect_to(server, cluster={"certificate-authority": str(tmp_path / "ca")})
        caught = failure(kube)
    assert isinstance(caught, InvalidRequest)
    assert caught.why.endswith("cadata does not contain a certificate")


@pytest.mark.parametrize("has_memfd", [True, False])
def test_a_client_key_leaves_no_file_behind(
    pki: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_memfd: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if not has_memfd:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    descriptors = set(os.listdir("/dev/fd"))
    context = build_tls_context(
        b"", (pki / "server.crt").read_bytes(), (pki / "server.key").read_bytes()
    )
    assert isinstance(context, ssl.SSLContext)
    assert list(tmp_path.iterdir()) == []
    # A server of an earlier test may have closed its own meanwhile.
    assert set(os.listdir("/dev/fd")) <= descriptors


def test_a_key_of_another_certificate_is_an_invalid_request(pki: Path) -> None:
    with pytest.raises(InvalidRequest, match="invalid client certificate or key"):
        build_tls_context(b"", (pki / "server.crt").read_bytes(), (pki / "ca.key").read_bytes())


def test_an_encrypted_key_is_refused_and_not_asked_for(pki: Path) -> None:
    command = ["openssl", "pkcs8", "-topk8", "-passout", "pass:x", "-in", str(pki / "server.key")]
    key = subprocess.run(command, check=True, capture_output=True).stdout
    with pytest.raises(InvalidRequest, match="encrypted"):
        build_tls_context(b"", (pki / "server.crt").read_bytes(), key)


@pytest.mark.parametrize(
    ("host", "encoded"),
    [
        ("10.0.0.1", b"10.0.0.1"),
        ("fe80::1", b"fe80::1"),
        ("api.example.org", b"api.example.org"),
        ("a" * 63, b"a" * 63),
        ("a" * 64, "a" * 64),
        ("api..org", "api..org"),
        ("api.org.", "api.org."),
        ("bücher.example", "bücher.example"),
    ],
)
def test_only_a_plain_name_is_bytes(host: str, encoded: str | bytes) -> None:
    assert encode_host(host) == encoded
