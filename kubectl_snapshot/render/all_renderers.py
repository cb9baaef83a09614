"""The output formats by name: snapshot to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.render.name import render_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.document.snapshot import Snapshot


# The default on a terminal.
SUMMARY = "summary"


def render_json(snapshot: Snapshot) -> str:
    """Return the document as JSON; the codec is imported on first use."""
    from kubectl_snapshot.document.codec import json_codec

    return json_codec.render_json(snapshot)


def render_yaml(snapshot: Snapshot) -> str:
    """Return the document as YAML; the codec takes 9 ms to import, for its scalar patterns."""
    from kubectl_snapshot.document.codec.yaml import codec as yaml_codec

    return yaml_codec.render_yaml(snapshot)


def render_table(snapshot: Snapshot, width: int = 0) -> str:
    """Return each reading by its path, truncated to a width other than 0."""
    from kubectl_snapshot.document.paths import find_readings
    from kubectl_snapshot.render import readings

    return readings.render_table(find_readings(snapshot, "*"), width)


def render_aicr_table(snapshot: Snapshot, width: int = 0) -> str:
    """Return the reference's table, truncated to a width other than 0."""
    from kubectl_snapshot.render import table

    return table.render_table(snapshot, width)


def render_wide(snapshot: Snapshot) -> str:
    """Return a line for each value by its path, with its status."""
    from kubectl_snapshot.render import table

    return table.render_wide(snapshot)


def render_summary(snapshot: Snapshot, width: int = 0, next_command: str = "") -> str:
    """Return twelve lines about the snapshot."""
    from kubectl_snapshot.render import summary

    return summary.render_summary(snapshot, width, next_command)


def render_html(snapshot: Snapshot) -> str:
    """Return the HTML report of the snapshot."""
    from kubectl_snapshot.render.report.node import render_report

    return render_report(snapshot)


RENDERERS: dict[str, Callable[[Snapshot], str]] = {
    "yaml": render_yaml,
    "json": render_json,
    "table": render_table,
    "wide": render_wide,
    SUMMARY: render_summary,
    "name": render_name,
    "html": render_html,
    "aicr-table": render_aicr_table,
}
# Formats that truncate lines to the terminal's width.
FITTED: dict[str, Callable[[Snapshot, int], str]] = {
    "table": render_table,
    "aicr-table": render_aicr_table,
    SUMMARY: render_summary,
}
EXTENSIONS = {
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".table": "table",
    ".txt": "table",
    ".html": "html",
    ".htm": "html",
}


def detect_format(path: str, extensions: Mapping[str, str] = EXTENSIONS) -> str:
    """Return the format of a path's extension, "" for an unknown one."""
    lower = path.lower()
    return next((name for ending, name in extensions.items() if lower.endswith(ending)), "")


def format_from_path(path: str) -> str:
    """Return the format of a path's extension, json for an unknown one (contract 5)."""
    return detect_format(path) or "json"
