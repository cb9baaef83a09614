"""Reproducible archives: no clock, owner, umask or order changes their bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The earliest date of a zip entry; also the SOURCE_DATE_EPOCH of builds.
EPOCH = 315532800


@dataclass(frozen=True)
class Member:
    content: bytes
    mode: int = 0o644


def pack_tar(members: Mapping[str, Member]) -> bytes:
    """Return an uncompressed tar of regular files, by name."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(members[name].content), members[name].mode
            entry.mtime = EPOCH
            tar.addfile(entry, io.BytesIO(members[name].content))
    return raw.getvalue()


def compress(data: bytes) -> bytes:
    """Return the bytes gzipped, without a timestamp in the header."""
    return gzip.compress(data, 9, mtime=0)


def read_tar(path: Path) -> dict[str, Member]:
    """Return the regular files of a tar, compressed or not."""
    with tarfile.open(path) as tar:
        files = [entry for entry in tar if entry.isfile()]
        return {entry.name: Member(_read(tar, entry), entry.mode & 0o777) for entry in files}


def read_zip(path: Path | io.BytesIO) -> dict[str, Member]:
    """Return the files of a zip, a zipapp or a wheel; with those of a zip in it."""
    members: dict[str, Member] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            content = archive.read(entry)
            members[entry.filename] = Member(content, entry.external_attr >> 16 & 0o777)
            if entry.filename.endswith(".zip"):
                inner = read_zip(io.BytesIO(content))
                members.update((f"{entry.filename}/{name}", inner[name]) for name in inner)
    return members


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file else b""
