"""Render the outliers of a fleet, or its drift, as text. Pure.

Text names a few nodes and changes of each set; `wide` has all of them and whole values.
"""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.fleet.outliers import FleetDiff
from kubectl_snapshot.render.columns import ESCAPES
from kubectl_snapshot.render.diff_text import DEFAULT_WIDTH, WIDE, render_changes
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kubectl_snapshot.document.fleet.drift import FleetDrift
    from kubectl_snapshot.document.fleet.outliers import (
        FleetGroup,
        OutlierSet,
        SplitSet,
        UnknownSet,
    )

# Of a set: the nodes that are named, and the lines of changes.
SHOWN_NODES, SHOWN_LINES, SHOWN_SETS = 8, 24, 20


class _Style(NamedTuple):
    width: int
    nodes: int
    lines: int
    sets: int


def render_outliers(diff: FleetDiff, width: int = DEFAULT_WIDTH, is_wide: bool = False) -> str:
    """Return each group's outliers, the most telling first, then the unknown values."""
    style = _choose_style(width, is_wide)
    lines = [*_render_head(diff, style), ""]
    for group in diff.groups:
        lines += _render_group(diff, group, style)
        lines += [""] if lines[-1] else []
    lines += _render_missing(diff.missing, style)
    lines.append(_count_outliers(diff))
    return _finish(lines)


def render_drift(drift: FleetDrift, width: int = DEFAULT_WIDTH, is_wide: bool = False) -> str:
    """Return the nodes that are new, gone and changed, equal changes of several nodes as one."""
    style = _choose_style(width, is_wide)
    lines = [f"A  {drift.sources[0]}", f"B  {drift.sources[1]}", ""]
    for mark, title, nodes in (("+", "new", drift.added), ("-", "gone", drift.removed)):
        if nodes:
            line = f"{mark} {count(len(nodes), 'node')} {title}: {name_nodes(nodes, style.nodes)}"
            lines += [*_wrap(line, style), ""]
    lines += _render_sets(drift.changed, "changed", style)
    lines += _render_unknown(drift.unknown, style)
    lines += _render_missing(drift.missing, style)
    lines.append(
        f"{drift.compared} compared: {len(drift.different)} changed, "
        f"{len(drift.added)} new, {len(drift.removed)} gone"
    )
    return _finish(lines)


def count(number: int, noun: str) -> str:
    """Return `1 node`, `2 nodes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def name_nodes(nodes: Sequence[str], limit: int) -> str:
    """Return some names, and how many more there are."""
    more = len(nodes) - limit
    shown = nodes[: limit - 1] if more > 0 else nodes
    rest = f" and {len(nodes) - len(shown):,} more" if more > 0 else ""
    return ", ".join(shown) + rest


def describe_group(diff: FleetDiff, group: FleetGroup) -> str:
    """Return what a group's nodes have in common, empty if they are not grouped."""
    titles = zip(diff.grouping.titles, group.values)
    return ", ".join(f"{title} {value or '(none)'}" for title, value in titles)


def describe_set(outlier: OutlierSet, verb: str = "differ") -> str:
    """Return `3 nodes differ from 397 in the same 14 readings`."""
    number = len(outlier.nodes)
    if verb != "differ":
        return f"{count(number, 'node')} {verb} in {count(len(outlier.changes), 'reading')}"
    others = f" from {outlier.agreeing:,}" if outlier.agreeing else ""
    same = "the same " if number > 1 and len(outlier.changes) > 1 else ""
    word = "differs" if number == 1 else "differ"
    readings = count(len(outlier.changes), "reading")
    return f"{count(number, 'node')} {word}{others} in {same}{readings}"


def _choose_style(width: int, is_wide: bool) -> _Style:
    if is_wide:
        return _Style(WIDE, WIDE, WIDE, WIDE)
    return _Style(width or DEFAULT_WIDTH, SHOWN_NODES, SHOWN_LINES, SHOWN_SETS)


def _render_head(diff: FleetDiff, style: _Style) -> Iterator[str]:
    total = sum(len(group.nodes) for group in diff.groups)
    yield f"{diff.source}: {count(total, 'node')} compared" + (
        f" with {diff.baseline}" if diff.baseline else ""
    )
    if diff.grouping.titles:
        why = " (they split the fleet; --group-by chooses others)"
        titles = ", ".join(diff.grouping.titles)
        yield from _wrap(f"grouped by {titles}{why if diff.grouping.is_default else ''}", style)
    strays = diff.grouping.strays
    if strays:
        names = name_nodes(strays, style.nodes)
        text = f"too few alike for a group, compared with the closest one: {names}"
        yield from _wrap(text, style)


def _render_group(diff: FleetDiff, group: FleetGroup, style: _Style) -> Iterator[str]:
    title = describe_group(diff, group) or "all nodes"
    alike = len(group.nodes) - len(group.different)
    if len(group.nodes) == 1 and not diff.baseline:
        yield from _wrap(f"== {title}: 1 node, nothing to compare it with", style)
        return
    like = f"equal {diff.baseline}" if diff.baseline else "agree"
    yield from _wrap(f"== {title}: {count(len(group.nodes), 'node')}, {alike:,} {like}", style)
    yield ""
    yield from _render_sets(group.outliers, "differ", style)
    for split in group.splits[: style.sets]:
        yield from _render_split(split, style)
    yield from _render_unknown(group.unknown, style)
    if group.own:
        text = f"another value on nearly every node: {name_nodes(group.own, style.nodes)}"
        yield from _wrap(text, style)


def _render_sets(sets: Sequence[OutlierSet], verb: str, style: _Style) -> Iterator[str]:
    for outlier in sets[: style.sets]:
        title = f"{describe_set(outlier, verb)}: {name_nodes(outlier.nodes, style.nodes)}"
        yield from _wrap(title, style)
        body = render_changes(outlier.changes, style.width - 2)
        yield from (f"  {line}".rstrip() for line in body[: style.lines])
        if len(body) > style.lines:
            yield f"  … {len(body) - style.lines} more lines; -o wide has all"
        yield ""
    if len(sets) > style.sets:
        yield from (f"… {len(sets) - style.sets} more sets of nodes; -o wide has all", "")


def _render_split(split: SplitSet, style: _Style) -> Iterator[str]:
    parts = " / ".join(f"{len(nodes):,}" for nodes in split.nodes[:8])
    parts += " / …" if len(split.nodes) > 8 else ""
    yield f"no majority: {parts} nodes"
    for path, values in split.readings[: style.lines]:
        texts = [("(none)" if v is None else v).translate(ESCAPES) for v in values[:8]]
        line = f"  ~ {path}: {' / '.join(texts)}"
        yield line if len(line) <= style.width else line[: style.width - 1] + "…"
    if style.nodes > SHOWN_NODES:
        yield from (
            f"  {number}: {', '.join(nodes)}" for number, nodes in enumerate(split.nodes, 1)
        )
    else:
        yield from _wrap(f"  the smallest: {name_nodes(split.nodes[-1], style.nodes)}", style)
    yield ""


def _render_unknown(found: Sequence[UnknownSet], style: _Style) -> Iterator[str]:
    if not found:
        return
    yield "unknown"
    for paths, reason, nodes in found[: style.sets]:
        text = f"? {name_nodes(paths, style.nodes)}: {reason}: {name_nodes(nodes, style.nodes)}"
        yield from (f"  {line}" for line in _wrap(text, style))
    if len(found) > style.sets:
        yield f"  … {len(found) - style.sets} more; -o wide has all"
    yield ""


def _render_missing(missing: Sequence[tuple[str, str]], style: _Style) -> Iterator[str]:
    if not missing:
        return
    yield f"not compared: {count(len(missing), 'node')}"
    by_reason = sorted(missing, key=lambda one: one[1])
    for reason, found in groupby(by_reason, key=lambda one: one[1]):
        names = [name for name, _ in found]
        text = f"? {count(len(names), 'node')} {reason}: {name_nodes(names, style.nodes)}"
        yield from (f"  {line}" for line in _wrap(text, style))
    yield ""


def _count_outliers(diff: FleetDiff) -> str:
    different = sum(len(group.different) for group in diff.groups)
    splits = sum(len(split.readings) for group in diff.groups for split in group.splits)
    words = [f"{count(different, 'node')} {'differs' if different == 1 else 'differ'}"]
    if splits:
        words.append(f"{count(splits, 'reading')} without a majority")
    return ", ".join(words) if different or splits else "no difference"


def _wrap(text: str, style: _Style) -> list[str]:
    line = strip_control(text.translate(ESCAPES))
    return wrap(line, style.width - 2, break_on_hyphens=False, subsequent_indent="  ")


def _finish(lines: Iterable[str]) -> str:
    return "".join(f"{strip_control(line)}\n" for line in lines)
