"""Render readings by path: plain values for scripts, JSON, YAML, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec import json_codec
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.render.columns import fit_pairs, render_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar


def render_values(readings: Mapping[str, Scalar]) -> str:
    """Return one value per line."""
    return "".join(f"{text_of(value)}\n" for value in readings.values())


def render_json(readings: Mapping[str, Scalar]) -> str:
    """Return one object of values by path."""
    pairs = [
        f"  {json_codec.render_scalar(path)}: {json_codec.render_scalar(value)}"
        for path, value in readings.items()
    ]
    return "{\n" + ",\n".join(pairs) + "\n}\n" if pairs else "{}\n"


def render_yaml(readings: Mapping[str, Scalar]) -> str:
    """Return one map of values by path."""
    from kubectl_snapshot.document.codec.yaml import codec as yaml_codec

    return yaml_codec.render_map(readings)


def render_table(readings: Mapping[str, Scalar], width: int = 0) -> str:
    """Return a line for each reading: path and value, truncated to a width other than 0."""
    rows = [("PATH", "VALUE"), *((p, text_of(v)) for p, v in readings.items())]
    return render_columns(fit_pairs(rows, width))
