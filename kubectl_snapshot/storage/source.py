"""Read the snapshot or the template that a user names: a file, stdin, or a ConfigMap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.files.localfile import read_input
from kubectl_snapshot.constants import CONFIGMAP_SCHEME, MAX_DOCUMENT_BYTES
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.render.user_template import UserTemplate

STDIN = "-"
URL_SCHEMES = ("http://", "https://")
MAX_TEMPLATE_BYTES = 1024 * 1024


def read_document(source: str, connect: Callable[[], Kube]) -> Snapshot:
    """Return the snapshot in a file, on stdin (`-`), at a URL or in a ConfigMap (`cm://ns/name`).

    Raises NotFound if it does not exist, InvalidRequest if it is not a snapshot.
    """
    if source.startswith(CONFIGMAP_SCHEME):
        # Late: it imports the formats to write, 3 % of a check of a file.
        from kubectl_snapshot.storage.configmap import read_configmap

        return parse_document(read_configmap(source, connect()), source)
    name = "stdin" if source == STDIN else source
    return parse_document(read_file_or_url(source, MAX_DOCUMENT_BYTES), name)


def read_file_or_url(source: str, max_bytes: int) -> bytes:
    """Return a file, stdin (`-`) or what is at a URL; of a larger file, one byte too many."""
    if source.startswith(URL_SCHEMES):
        from kubectl_snapshot.clients.files.download import download

        return download(source, max_bytes)
    return read_input(source, max_bytes)


def read_template(path: str) -> UserTemplate:
    """Return the template in a file, parsed, so that an error in it is found before a capture."""
    from kubectl_snapshot.render.user_template import parse_template

    if not path:
        raise InvalidRequest("no template file given", hint="use -o template=FILE")
    if path.startswith(URL_SCHEMES):
        name = path.rstrip("/").rpartition("/")[2]
        raise InvalidRequest(
            "cannot read templates from URLs",
            hint=f"download and review it: curl -fsSO {path}; then --template {name}",
        )
    content = read_input(path, MAX_TEMPLATE_BYTES)
    if len(content) > MAX_TEMPLATE_BYTES:
        raise InvalidRequest(f"invalid template {path}", f"it exceeds {MAX_TEMPLATE_BYTES} bytes")
    try:
        return parse_template(content.decode(), path)
    except UnicodeDecodeError as e:
        raise InvalidRequest(f"invalid template {path}", f"it is not UTF-8: {e.reason}") from e
