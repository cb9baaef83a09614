"""Parse a document in JSON or YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.tree import (
    parse_tree,
    refuse_other_document,
    refuse_size,
)
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.document.schema import Checks
    from kubectl_snapshot.document.snapshot import Snapshot


def parse_document(content: str | bytes, name: str = "") -> Snapshot:
    """Return the document in a text: JSON if it begins with a brace, else YAML.

    Raises InvalidRequest for anything else; errors mention `name`, a path or URI.
    """
    try:
        refuse_size(len(content))
        if isinstance(content, bytes):
            content = _decoded(content)  # nothing keeps the bytes: a large document is 30 MB
        snapshot = _parse(content)
        refuse_other_document(snapshot)
        return snapshot
    except InvalidRequest as e:
        if not name:
            raise
        why = f"{e.what}: {e.why}" if e.why else e.what
        raise InvalidRequest(f"cannot read {name}", why=why) from e


def parse_node_document(payload: bytes, checks: Checks) -> Snapshot:
    """Return a node's document: JSON that matches its schema, else raise InvalidRequest.

    A node is not trusted; parse_document reads other documents and is less strict.
    """
    from kubectl_snapshot.document.codec.json_codec import load_json
    from kubectl_snapshot.document.codec.memory import refuse_costly
    from kubectl_snapshot.document.schema import validate

    refuse_size(len(payload))
    refuse_costly(payload)
    tree = load_json(_decoded(payload))
    validate(tree, checks)
    return parse_tree(tree)


def _parse(text: str) -> Snapshot:
    text = text.lstrip("\ufeff")
    if text.lstrip().startswith("{"):
        from kubectl_snapshot.document.codec.json_codec import parse_json

        return parse_json(text)
    from kubectl_snapshot.document.codec.yaml.lines import LineReader

    snapshot = LineReader(most_maps=0, most_lines=0).parse(text)
    if snapshot is not None:
        return snapshot
    from kubectl_snapshot.document.codec.yaml.codec import parse_yaml

    return parse_yaml(text)


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as e:
        why = f"{e.reason} at byte {e.start}"
        raise InvalidRequest("the document is not UTF-8", why=why) from e
