"""The output formats by name: document to text. An explicit table; nothing registers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec_json import render_json
from kubectl_snapshot.render.name import render_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_snapshot.document.snapshot import Snapshot


def render_yaml(snapshot: Snapshot) -> str:
    """Return the document as YAML. Its codec takes 9 ms to import, for its patterns of scalars."""
    from kubectl_snapshot.document import codec_yaml

    return codec_yaml.render_yaml(snapshot)


RENDERERS: dict[str, Callable[[Snapshot], str]] = {
    "yaml": render_yaml,
    "json": render_json,
    "name": render_name,
}
