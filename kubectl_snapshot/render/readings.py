"""Readings by path as text: values alone for scripts, JSON, YAML, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document import codec_json
from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar

# What would break a line or a column; other control characters are the terminal's door's concern.
ESCAPES = str.maketrans({"\n": "\\n", "\t": "\\t", "\r": "\\r"})


def render_values(readings: Mapping[str, Scalar]) -> str:
    """Return each value as it is, and a newline after it."""
    return "".join(f"{text_of(value)}\n" for value in readings.values())


def render_json(readings: Mapping[str, Scalar]) -> str:
    """Return one object of values by path."""
    pairs = [
        f"  {codec_json.render_scalar(path)}: {codec_json.render_scalar(value)}"
        for path, value in readings.items()
    ]
    return "{\n" + ",\n".join(pairs) + "\n}\n" if pairs else "{}\n"


def render_yaml(readings: Mapping[str, Scalar]) -> str:
    """Return one map of values by path."""
    from kubectl_snapshot.document import codec_yaml

    return codec_yaml.render_map(readings)


def render_table(readings: Mapping[str, Scalar]) -> str:
    """Return a line for each reading: its path, two blanks or more, its value."""
    rows = [("PATH", "VALUE"), *((p, text_of(v)) for p, v in readings.items())]
    escaped = [(p.translate(ESCAPES), v.translate(ESCAPES)) for p, v in rows]
    width = max(len(path) for path, _ in escaped)
    return "".join(f"{path:{width}}  {value}\n" for path, value in escaped)
