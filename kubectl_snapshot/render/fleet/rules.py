"""Render a fleet's baseline as a rule file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.yaml.codec import render_tree
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from kubectl_snapshot.document.fleet.baseline import Baseline
    from kubectl_snapshot.document.fleet.grouping import Grouping


def render_rules(source: str, grouping: Grouping, baseline: Baseline, share: float) -> str:
    """Return the rule file, with a comment on where it is from."""
    total = sum(len(group.nodes) for group in grouping.groups)
    lines = [f"readings that {share:g} % of the nodes of {source} have: {total} nodes"]
    if grouping.titles:
        lines.append(f"grouped by {', '.join(grouping.titles)}")
    if baseline.left_out:
        lines.append(f"{baseline.left_out} readings cannot be written as a rule")
    head = "".join(f"# {strip_control(line)}\n" for line in lines)
    return head + render_tree({"rules": list(baseline.rules)})
