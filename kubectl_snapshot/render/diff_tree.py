"""Render a diff as JSON or YAML, values not truncated. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec import json_codec
from kubectl_snapshot.document.diff.change import count_kinds
from kubectl_snapshot.render.findings import News, build_finding, build_muted

if TYPE_CHECKING:
    from kubectl_snapshot.document.diff.change import Change, Diff, Side


NO_NEWS = News()


def render_json(diff: Diff, news: News = NO_NEWS) -> str:
    """Return the diff as one JSON object."""
    return json_codec.render_tree(build_tree(diff, news))


def render_yaml(diff: Diff, news: News = NO_NEWS) -> str:
    """Return the diff as one YAML map."""
    from kubectl_snapshot.document.codec.yaml import codec as yaml_codec

    return yaml_codec.render_tree(build_tree(diff, news))


def build_tree(diff: Diff, news: News = NO_NEWS) -> dict[str, object]:
    """Return the diff as maps and lists; empty fields of a change are omitted."""
    return {
        "before": _build_side(diff.before),
        "after": _build_side(diff.after),
        "summary": {**count_kinds(diff), "left-out": diff.left_out},
        "findings": [{"kind": sign, **build_finding(finding)} for sign, finding in news.found],
        "muted": build_muted(news.muted),
        "changes": [build_change(change) for change in diff.changes],
    }


def _build_side(side: Side) -> dict[str, object]:
    return {"source": side.source, "metadata": dict(sorted(side.metadata.items()))}


def build_change(change: Change) -> dict[str, object]:
    """Return a change as a map; empty fields are omitted."""
    fields: dict[str, object] = {
        "path": change.path,
        "kind": change.kind,
        "subtype": change.subtype,
        "key": change.key,
        "after-subtype": change.after_name,
        "before": change.before,
        "after": change.after,
        "note": change.note,
        "also": list(change.also),
        "values": dict(sorted(change.values.items())),
    }
    # "" and False are values of before and after; other empty fields are omitted.
    return {
        name: field
        for name, field in fields.items()
        if field is not None and (name in ("before", "after") or field not in ("", {}, []))
    }
