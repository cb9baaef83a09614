"""A certificate authority for the test servers and for client certificates."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# Python's default context requires it since 3.13, of a stock ApiClient, too.
KEY_USAGE = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
HERE = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:api.example.org"


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


def make_authority(directory: Path, name: str = "ca") -> Certificate:
    made = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
    files = ("-keyout", made.key, "-out", made.certificate, "-days", "2")
    _openssl("req", "-x509", *NEW_KEY, *files, "-subj", f"/CN={name}", *KEY_USAGE)
    return made


def sign(
    authority: Certificate, directory: Path, name: str, subject: str, extension: str = HERE
) -> Certificate:
    """Return a new certificate; nothing is written to the authority's directory."""
    made = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
    request, config = directory / f"{name}.csr", directory / f"{name}.ext"
    config.write_text(extension)
    _openssl("req", "-new", *NEW_KEY, "-keyout", made.key, "-out", request, "-subj", subject)
    issuer = (
        "-CA",
        authority.certificate,
        "-CAkey",
        authority.key,
        "-set_serial",
        str(secrets.randbits(63)),
        "-days",
        "2",
    )
    signed = ("-extfile", config, "-out", made.certificate)
    _openssl("x509", "-req", "-in", request, *issuer, *signed)
    return made


EXPIRED = ("20200101000000Z", "20200101000001Z")
NOT_YET_VALID = ("20900101000000Z", "20900101000001Z")


def sign_expired(authority: Certificate, directory: Path) -> Certificate:
    """Return an expired certificate for 127.0.0.1."""
    return sign_for(authority, directory, *EXPIRED)


def sign_for(authority: Certificate, directory: Path, first: str, last: str) -> Certificate:
    """Return a certificate for 127.0.0.1 that is valid between two times."""
    made = sign(authority, directory, "expired", "/CN=expired")
    database, config = directory / "index.txt", directory / "ca.conf"
    database.write_text("")
    config.write_text(
        f"[ca]\ndefault_ca = d\n[d]\ndatabase = {database}\nnew_certs_dir = {directory}\n"
        "rand_serial = yes\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n"
    )
    dates = ("-startdate", first, "-enddate", last)
    issuer = ("-cert", authority.certificate, "-keyfile", authority.key)
    files = ("-in", directory / "expired.csr", "-out", made.certificate)
    extensions = ("-extfile", directory / "expired.ext")
    _openssl("ca", "-batch", "-notext", "-config", config, *issuer, *dates, *files, *extensions)
    return made


def _openssl(*argv: str | Path) -> None:
    command = ["openssl", *map(str, argv)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
