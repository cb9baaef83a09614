"""Read a fleet from a tar file, plain or gzipped, without unpacking it into files.

The archive may come from anyone: nothing in it is ever created on this machine, only files of a
fleet are read, and its size is bounded. Format: POSIX.1-2017, pax, "ustar Interchange Format".
"""

from __future__ import annotations

import os
import tempfile
import weakref
import zlib
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BLOCK = 512
CHUNK = 1024 * 1024
MAX_ARCHIVE_BYTES = 2 * 1024 * 1024 * 1024
MAX_FILES = 100_000
# A name of a header that precedes its file; names of a fleet are shorter.
MAX_NAME_HEADER = 64 * 1024
GZIP = b"\x1f\x8b"
PARTS = ("fleet.yaml", "cluster.yaml", "nodes")
REGULAR, FOLDER, LONG_NAME, PAX, PAX_GLOBAL = (b"0", b"\0"), b"5", b"L", b"x", b"g"
KINDS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device"}


@dataclass(frozen=True)
class Archive:
    """A tar file: where each file of the fleet is in it, by its path inside the fleet."""

    name: str
    descriptor: int
    members: Mapping[str, tuple[int, int]]

    def read(self, path: str) -> bytes:
        """Return the content of a file of the fleet; NotFound if the archive has none."""
        found = self.members.get(path)
        if found is None:
            raise NotFound(f"no such file: {self.name}/{path}")
        offset, size = found
        return os.pread(self.descriptor, size, offset)


def open_archive(source: BinaryIO, name: str) -> Archive:
    """Return the fleet in a tar file.

    A gzipped one, or one from a pipe, is first copied into a temporary file that has no name.
    Raises InvalidRequest for anything that is not a fleet's tar file, Internal if it cannot be
    copied.
    """
    try:
        descriptor = _open(source, name)
        try:
            size = os.fstat(descriptor).st_size
            members = index_members(partial(_read, descriptor), size, name)
        except BaseException:
            os.close(descriptor)
            raise
        found = Archive(name, descriptor, members)
        weakref.finalize(found, os.close, descriptor)
        return found
    except OSError as error:
        raise Internal(
            f"cannot read {name}", error.strerror or str(error), "unpack it with `tar xf` instead"
        ) from error


def _open(source: BinaryIO, name: str) -> int:
    """Return a descriptor of the tar file, which can be read at any offset."""
    head = source.read(BLOCK)
    try:
        if not head.startswith(GZIP):
            _read(source.fileno(), 0, 1)
            return os.dup(source.fileno())
    except OSError:
        pass
    with tempfile.TemporaryFile() as file:
        chunks = _read_chunks(head, source)
        total = 0
        for chunk in unzip(chunks, name) if head.startswith(GZIP) else chunks:
            total += len(chunk)
            if total > MAX_ARCHIVE_BYTES:
                why = f"unpacked, it exceeds {MAX_ARCHIVE_BYTES // 1024**3} GiB"
                raise _refuse(name, why, "unpack it with `tar xf` and pass the directory")
            file.write(chunk)
        file.flush()
        return os.dup(file.fileno())


def _read(descriptor: int, offset: int, size: int) -> bytes:
    return os.pread(descriptor, size, offset)


def _read_chunks(head: bytes, source: BinaryIO) -> Iterator[bytes]:
    while head:
        yield head
        head = source.read(CHUNK)


def unzip(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the content of gzip members, at most CHUNK bytes at a time, whatever they expand to."""
    inflater = zlib.decompressobj(31)
    padding = b""
    try:
        for chunk in chunks:
            data = chunk.lstrip(padding)
            while data:
                yield inflater.decompress(data, CHUNK)
                data, padding = inflater.unconsumed_tail, b""
                if inflater.eof:
                    # Tapes, and tar files written to them, are padded with zeros.
                    padding = b"\0"
                    data, inflater = inflater.unused_data.lstrip(padding), zlib.decompressobj(31)
    except zlib.error as error:
        raise _refuse(name, f"its compressed data are broken: {error}") from error
    # Of input that was consumed; what is cut off is missing in the tar file, too.
    yield inflater.flush()


def index_members(
    read: Callable[[int, int], bytes], size: int, name: str
) -> dict[str, tuple[int, int]]:
    """Return offset and size of each file of the fleet, by its path inside the fleet.

    `read` takes an offset and a size. Raises InvalidRequest for links, devices, paths that leave
    the archive, duplicates, files that are too large, and an archive that is cut off or no fleet.
    """
    found: dict[str, tuple[int, int]] = {}
    root, long_name, position, count = None, "", 0, 0
    while True:
        header = read(position, BLOCK)
        if len(header) < BLOCK:
            raise _refuse(name, "it is truncated" if position else "it is empty or truncated")
        if header == bytes(BLOCK):
            break
        kind, path, length = _parse_header(header, name)
        start = position + BLOCK
        position = start + (length + BLOCK - 1) // BLOCK * BLOCK
        if start + length > size:
            raise _refuse(name, "it is truncated")
        if kind in (LONG_NAME, PAX, PAX_GLOBAL):
            if length > MAX_NAME_HEADER:
                raise _refuse(name, "a name in it is too long")
            if kind != PAX_GLOBAL:
                long_name = _parse_name(kind, read(start, length), name)
            continue
        path, long_name = long_name or path, ""
        count += 1
        if count > MAX_FILES:
            raise _refuse(name, f"it has more than {MAX_FILES} files")
        place = _check_path(kind, path, length, name)
        if root is None and place:
            root = "" if place[0] in PARTS else place[0]
        if kind not in REGULAR or not place:
            continue
        inside = place[1:] if root and place[0] == root else place
        key = "/".join(inside)
        if key in found:
            raise _refuse(name, f"it has {_quote(path)} twice")
        found[key] = start, length
    if PARTS[0] not in found:
        raise _refuse(
            name, f"it has no {PARTS[0]}", "write one with `kubectl snapshot --all-nodes -o x.tar`"
        )
    return found


def _parse_header(header: bytes, name: str) -> tuple[bytes, str, int]:
    """Return type, path and size of a member."""
    expected = 256 + sum(header) - sum(header[148:156])
    if _parse_octal(header[148:156], name) != expected:
        raise _refuse(name, "it is no tar file, or broken")
    path = _text(header[:100], name)
    prefix = _text(header[345:500], name) if header[257:263] == b"ustar\0" else ""
    kind = header[156:157]
    return kind, f"{prefix}/{path}" if prefix else path, _parse_octal(header[124:136], name)


def _parse_octal(field: bytes, name: str) -> int:
    digits = field.strip(b" \0") or b"0"
    if digits.strip(b"01234567"):
        raise _refuse(name, "it is no tar file, or broken")
    return int(digits, 8)


def _text(field: bytes, name: str) -> str:
    try:
        return field.partition(b"\0")[0].decode()
    except UnicodeDecodeError as error:
        raise _refuse(name, "a name in it is not UTF-8") from error


def _parse_name(kind: bytes, content: bytes, name: str) -> str:
    """Return the path of the next member in a header of GNU tar, or of pax if that has one."""
    if kind == LONG_NAME:
        return _text(content, name)
    rest = content
    while rest:
        length, _, _ = rest.partition(b" ")
        end = int(length) if length.isdigit() and len(length) < 8 else 0
        key, _, value = rest[len(length) + 1 : max(0, end - 1)].partition(b"=")
        if not end or not key:
            break
        if key == b"path":
            return _text(value, name)
        if key.startswith(b"GNU.sparse") or key == b"size":
            raise _refuse(name, "it has a sparse or very large file")
        rest = rest[end:]
    return ""


def _check_path(kind: bytes, path: str, length: int, name: str) -> list[str]:
    """Return the parts of a member's path, none for the archive's root."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if kind not in (*REGULAR, FOLDER):
        raise _refuse(name, f"{_quote(path)} is {KINDS.get(kind, 'no regular file')}")
    if path.startswith("/") or ".." in parts:
        raise _refuse(name, f"the path {_quote(path)} leaves it")
    if length > MAX_DOCUMENT_BYTES:
        raise _refuse(name, f"{_quote(path)} exceeds {MAX_DOCUMENT_BYTES // 1024**2} MiB")
    return parts


def _quote(path: str) -> str:
    return f'"{single_line(path)[:100]}"'


def _refuse(name: str, why: str, hint: str = "") -> InvalidRequest:
    return InvalidRequest(f"{name} is not a tar file of a fleet", why, hint)
