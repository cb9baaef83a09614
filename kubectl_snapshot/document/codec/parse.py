"""Which codec a text needs. Readers of documents come in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.tree import parse_tree, refuse_size
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Snapshot


def parse_document(content: str | bytes, name: str = "") -> Snapshot:
    """Return the document in a text: JSON if it begins with a brace, else YAML.

    Raises InvalidRequest for anything else; `name` (a path, a URI) tells the user what was read.
    """
    try:
        return _parse(content)
    except InvalidRequest as e:
        if not name:
            raise
        why = f"{e.what}: {e.why}" if e.why else e.what
        raise InvalidRequest(f"cannot read {name}", why=why) from e


def parse_node_document(payload: bytes) -> Snapshot:
    """Return the document a node sent: JSON that keeps to the schema, else InvalidRequest.

    A node is not trusted; what others wrote is read by parse_document, which asks for less.
    """
    from kubectl_snapshot.document.codec.json_codec import load_json
    from kubectl_snapshot.document.schema import validate

    refuse_size(len(payload))
    tree = load_json(_decoded(payload))
    validate(tree)
    return parse_tree(tree)


def _parse(content: str | bytes) -> Snapshot:
    refuse_size(len(content))
    text = _decoded(content) if isinstance(content, bytes) else content
    text = text.lstrip("\ufeff")
    if text.lstrip().startswith("{"):
        from kubectl_snapshot.document.codec.json_codec import parse_json

        return parse_json(text)
    from kubectl_snapshot.document.codec.yaml_codec import parse_yaml

    return parse_yaml(text)


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as e:
        why = f"{e.reason} at byte {e.start}"
        raise InvalidRequest("the document is not UTF-8", why=why) from e
