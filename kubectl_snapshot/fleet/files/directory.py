"""The directory of a fleet: `fleet.yaml`, `cluster.yaml`, `nodes/<name>.yaml`.

Each file is written atomically, so the directory can be read at any time, also after SIGKILL.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Union

from kubectl_snapshot.clients.files.outputfile import write_whole
from kubectl_snapshot.constants import API_VERSIONS, KIND, MAX_DOCUMENT_BYTES
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.codec.tree import resolve
from kubectl_snapshot.document.codec.yaml.codec import (
    load_yaml,
    parse_yaml,
    render_tree,
    render_yaml,
)
from kubectl_snapshot.document.codec.yaml.lines import LineReader
from kubectl_snapshot.document.fleet.manifest import build_head, build_record, parse_tree
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.fleet.files.archive import Archive

    # Where a fleet is read from: the path of a directory, or a tar file.
    Place = Union[str, Archive]

HINT = "pass a directory that you can write to"
MANIFEST, CLUSTER, NODES = "fleet.yaml", "cluster.yaml", "nodes"
# Entries that are kept rendered: those of 5,000 nodes before and after their capture.
MAX_KNOWN_NODES = 10_000
# RFC 1123 subdomain, short enough for a file name with the suffix of a temporary file.
PLAIN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,198}[a-z0-9])?")


@dataclass(frozen=True)
class FleetDirectory:
    """A directory that this process may write; `lock` is its descriptor, locked by flock(2)."""

    path: str
    lock: int

    def close(self) -> None:
        """Remove a directory in which nothing was written; release the lock."""
        with contextlib.suppress(OSError):
            if MANIFEST not in os.listdir(self.path):
                _remove_empty(self.path)
        os.close(self.lock)


def name_file(node_name: str) -> str:
    """Return the path of a node's document in the fleet."""
    if PLAIN_NAME.fullmatch(node_name):
        return f"{NODES}/{node_name}.yaml"
    digest = sha256(node_name.encode("utf-8", "backslashreplace")).hexdigest()
    return f"{NODES}/{re.sub(r'[^a-z0-9-]', '-', node_name)[:100]}-{digest[:16]}.yaml"


def open_directory(path: str, is_resumed: bool) -> FleetDirectory:
    """Create the directory, or open one to resume, and lock it.

    Raises InvalidRequest for a directory that holds something else, that is a fleet already, or
    that another run writes; NotFound if there is nothing to resume; Internal if it is not writable.
    """
    path = path.rstrip("/") or "/"
    if is_resumed and not os.path.exists(os.path.join(path, MANIFEST)):
        raise NotFound(
            f"no fleet to resume in {path}", f"it has no {MANIFEST}", "start one with -o DIR/"
        )
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Under the lock: of a fleet that another run writes, not that it is one already.
            _check_content(path, is_resumed)
            _check_writable(path)
            if is_resumed:
                _remove_temporary(path)
        except BaseException:
            os.close(lock)
            raise
    except BlockingIOError as error:
        raise InvalidRequest(
            f"another run writes to {path}", hint="wait for its end, or pass another -o DIR/"
        ) from error
    except OSError as error:
        raise Internal(f"cannot write {path}", error.strerror or str(error), HINT) from error
    return FleetDirectory(path, lock)


def write_document(directory: str, file: str, snapshot: Snapshot) -> str:
    """Write a document of the fleet; return its SHA-256."""
    text = render_yaml(snapshot)
    _write(directory, file, text)
    return sha256(text.encode()).hexdigest()


def write_manifest(directory: str, manifest: FleetManifest) -> None:
    """Write the manifest."""
    try:
        os.makedirs(os.path.join(directory, NODES), mode=0o700, exist_ok=True)
    except OSError as error:
        raise Internal(f"cannot write {directory}", error.strerror or str(error), HINT) from error
    nodes = "".join(map(_render_node, manifest.nodes))
    text = render_tree(build_head(manifest)) + (f"nodes:\n{nodes}" if nodes else "nodes: []\n")
    _write(directory, MANIFEST, text)


@lru_cache(MAX_KNOWN_NODES)
def _render_node(node: FleetNode) -> str:
    """Return a node's entry; a run writes the manifest every few seconds, and few have changed."""
    first, *others, _ = render_tree(build_record(node)).split("\n")
    return "".join((f"  - {first}\n", *(f"    {line}\n" for line in others)))


def _write(directory: str, file: str, text: str) -> None:
    try:
        write_whole(os.path.join(directory, file), text)
    except Internal as error:
        hint = f"once there is room, complete it with --resume {directory}"
        raise Internal(error.what, error.why, hint) from error


def read_manifest(place: Place) -> FleetManifest:
    """Return the manifest of a directory; NotFound or InvalidRequest if there is none."""
    path = name_place(place, MANIFEST)
    content = _read(place, MANIFEST)
    try:
        return parse_tree(_load_manifest(content.decode()), path)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not the manifest of a fleet", "not UTF-8") from error


def _load_manifest(text: str) -> object:
    """Return the manifest's tree; PyYAML would take seconds for a thousand nodes."""
    found = LineReader().parse_records(text, "nodes")
    if found is None:
        return resolve(load_yaml(text))
    head, nodes = found
    tree = resolve(load_yaml(head))
    if not isinstance(tree, dict) or "nodes" in tree:
        return resolve(load_yaml(text))
    return {**tree, "nodes": nodes}


def read_snapshot(
    place: Place, file: str, sha256_hex: str = "", reader: LineReader | None = None
) -> Snapshot:
    """Return a document of the fleet; InvalidRequest if it is not the file of this SHA-256.

    A `reader` that is used for several documents is faster, and shares what they have in common.
    """
    content = read_verified(place, file, sha256_hex)
    if reader is not None and len(content) <= MAX_DOCUMENT_BYTES:
        with contextlib.suppress(UnicodeDecodeError):
            snapshot = reader.parse(content.decode())
            is_known = snapshot is not None and snapshot.api_version in API_VERSIONS
            if snapshot is not None and is_known and snapshot.kind == KIND:
                return snapshot
    return parse_document(content, name_place(place, file))


def read_verified(place: Place, file: str, sha256_hex: str) -> bytes:
    """Return the content of a file; InvalidRequest if its SHA-256 is another."""
    content = _read(place, file)
    if sha256_hex and sha256(content).hexdigest() != sha256_hex:
        path = name_place(place, file)
        raise InvalidRequest(
            f"cannot read {path}", f"its SHA-256 is not the one in {MANIFEST}", "capture it again"
        )
    return content


def read_head(directory: str, file: str) -> tuple[Snapshot, str]:
    """Return a document without its measurements, and the SHA-256 of the file.

    Only of a file that this program wrote: PyYAML takes 0.3 s for a whole one.
    """
    content = _read(directory, file)
    head = content.partition(b"\nmeasurements:")[0]
    return parse_yaml(head.decode(errors="replace")), sha256(content).hexdigest()


def has_digest(directory: str, file: str, sha256_hex: str) -> bool:
    """Return whether a file exists and has this SHA-256."""
    try:
        return sha256(_read(directory, file)).hexdigest() == sha256_hex
    except (NotFound, Internal):
        return False


def remove_document(directory: str, file: str) -> None:
    """Remove a document that is about to be captured again."""
    try:
        os.unlink(os.path.join(directory, file))
    except FileNotFoundError:
        return
    except OSError as error:
        raise Internal(f"cannot write {directory}", error.strerror or str(error), HINT) from error


def name_place(place: Place, file: str) -> str:
    """Return the path of a file of the fleet for messages."""
    return os.path.join(place if isinstance(place, str) else place.name, file)


def _read(place: Place, file: str) -> bytes:
    if not isinstance(place, str):
        return place.read(file)
    path = os.path.join(place, file)
    try:
        with open(path, "rb") as opened:
            return opened.read(MAX_DOCUMENT_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"no such file: {path}") from error
    except OSError as error:
        raise Internal(f"cannot read {path}", error.strerror or str(error)) from error


def _check_content(path: str, is_resumed: bool) -> None:
    """Raise InvalidRequest unless the directory is empty, or the fleet to resume."""
    names = sorted(os.listdir(path))
    if MANIFEST in names:
        if not is_resumed:
            raise InvalidRequest(
                f"{path} is a fleet already",
                hint=f"pass --resume {path} to complete it, or another -o DIR/",
            )
    elif names:
        raise InvalidRequest(
            f"{path} holds something else", f"it has {names[0]}", "pass an empty directory"
        )


def _check_writable(path: str) -> None:
    """Raise OSError, with the kernel's reason, if nothing can be created in the directory."""
    probe = os.path.join(path, f".{MANIFEST}.{os.urandom(6).hex()}.part")
    os.mkdir(probe)
    os.rmdir(probe)


def _remove_empty(path: str) -> None:
    """Remove a directory without a manifest; OSError if it holds a file."""
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(os.path.join(path, NODES))
    os.rmdir(path)


def _remove_temporary(path: str) -> None:
    """Remove temporary files of a run that was killed."""
    for directory in filter(os.path.isdir, (path, os.path.join(path, NODES))):
        for name in os.listdir(directory):
            if re.fullmatch(r"\..+\.[0-9a-f]{12}\.part", name):
                os.unlink(os.path.join(directory, name))
