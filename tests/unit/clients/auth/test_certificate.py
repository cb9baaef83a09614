"""Validity of certificates: dates of both kinds, and bytes that are none."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.auth.certificate import describe_validity, parse_validity
from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.errors import SnapshotError, Unauthorized
from tests.servers.certificates import make_authority, sign, sign_expired
from tests.servers.http_server import serve

Connect = Callable[..., Kube]

# 2020-01-01T00:00:00Z, of sign_expired.
BEGAN = 1577836800.0


def item(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def certificate(first: bytes, last: bytes, has_version: bool = True) -> bytes:
    """Return a PEM certificate as far as it is read, with an issuer of 300 bytes."""
    version = item(0xA0, item(2, b"\2")) if has_version else b""
    parts = (item(2, b"\1"), item(0x30, b""), item(0x30, bytes(300)), item(0x30, first + last))
    body = item(0x30, item(0x30, version + b"".join(parts)))
    return b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % b64encode(body)


UTC = item(0x17, b"500101000000Z"), item(0x17, b"491231235959Z")
GENERALIZED = item(0x18, b"20500101000000Z"), item(0x18, b"20501231235959Z")


def test_the_dates_of_a_certificate_of_openssl_are_read(tmp_path: Path) -> None:
    own = sign_expired(make_authority(tmp_path), tmp_path)
    assert parse_validity(own.certificate.read_bytes()) == (BEGAN, BEGAN + 1)


@pytest.mark.parametrize("has_version", [True, False])
def test_years_of_two_digits_begin_in_1950(has_version: bool) -> None:
    first, last = parse_validity(certificate(*UTC, has_version)) or (0.0, 0.0)
    assert (first, last) == (-631152000.0, 2524607999.0)


def test_years_of_four_digits_are_read() -> None:
    assert parse_validity(certificate(*GENERALIZED)) == (2524608000.0, 2556143999.0)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (2524607999.0, "the client certificate is valid only from 2050-01-01T00:00:00Z"),
        (2524608000.0, ""),
        (2556143999.0, ""),
        (2556144000.0, "the client certificate expired at 2050-12-31T23:59:59Z"),
    ],
)
def test_a_certificate_is_valid_from_its_first_to_its_last_second(
    now: float, expected: str
) -> None:
    assert describe_validity(certificate(*GENERALIZED), now) == expected


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
        certificate(item(0x17, b"yesterday"), item(0x17, b"tomorrow")),
        certificate(item(0x0C, b"20500101000000Z"), item(0x18, b"20501231235959Z")),
        certificate(GENERALIZED[0], b""),
    ],
)
def test_what_is_no_certificate_has_no_dates(pem: bytes) -> None:
    assert parse_validity(pem) is None
    assert describe_validity(pem, 0.0) == ""


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    pem = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % b64encode(data)
    assert parse_validity(pem) is None or data


def refused_login(
    connect_to: Connect, tmp_path: Path, headers: dict[str, str] | None = None
) -> SnapshotError:
    authority = make_authority(tmp_path)
    server, own = sign(authority, tmp_path, "server", "/CN=x"), sign_expired(authority, tmp_path)
    message = {"kind": "Status", "message": "Unauthorized"}
    user = {"client-certificate": str(own.certificate), "client-key": str(own.key)}
    cluster = {"certificate-authority": str(authority.certificate)}
    serving = serve(lambda exchange: exchange.send(401, message, headers), server)
    with serving as api, pytest.raises(Unauthorized) as caught:
        connect_to(api, user, cluster).request("GET", "/x", doing="read x")
    return caught.value


def test_a_refused_login_names_the_date_of_its_expired_certificate(
    connect_to: Connect, tmp_path: Path
) -> None:
    error = refused_login(connect_to, tmp_path)
    assert error.why == "Unauthorized; the client certificate expired at 2020-01-01T00:00:01Z"
    assert error.hint.startswith("renew the certificate in the kubeconfig, e.g. `kubeadm certs")
    assert "auth whoami" in error.hint
    assert error.status == 401


def test_a_certificate_expires_by_the_servers_clock(connect_to: Connect, tmp_path: Path) -> None:
    date = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    error = refused_login(connect_to, tmp_path, date)
    assert error.why == "Unauthorized"
    assert "renew" not in error.hint


def test_a_handshake_that_an_expired_certificate_ends_names_its_date(
    connect_to: Connect, tmp_path: Path
) -> None:
    authority = make_authority(tmp_path)
    server, own = sign(authority, tmp_path, "server", "/CN=x"), sign_expired(authority, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    user = {"client-certificate": str(own.certificate), "client-key": str(own.key)}
    cluster = {"certificate-authority": str(authority.certificate)}
    serving = serve(lambda exchange: exchange.send(200, {}), context=context)
    with serving as api, pytest.raises(SnapshotError) as caught:
        connect_to(api, user, cluster).request("GET", "/x", doing="read x")
    assert "certificate expired; the client certificate expired at 2020" in caught.value.why
