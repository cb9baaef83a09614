"""Render a diff as text that fits a terminal, or as a unified diff. Pure."""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import (
    ADDED,
    CHANGED,
    LETTERS,
    REMOVED,
    UNKNOWN,
    count_kinds,
)
from kubectl_snapshot.document.diff.direction import NEWER, OLDER
from kubectl_snapshot.document.diff.grouping import group_numbered
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.render.columns import ELLIPSIS, ESCAPES
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_snapshot.document.diff.change import Change, Diff, Side
    from kubectl_snapshot.document.snapshot import Scalar

DEFAULT_WIDTH = 80
# Format `wide` truncates nothing.
WIDE = 1_000_000
MARKS = {ADDED: "+", REMOVED: "-", CHANGED: "~", UNKNOWN: "?"}
# Characters of a common prefix shown before the first difference.
SHARED = 12
# Minimum width of a value.
LEAST_ROOM = 30


class _Group(NamedTuple):
    """The lines of one subtype; a whole subtype added or removed has one line and no title."""

    title: str
    body: list[str]


def render_text(diff: Diff, width: int = DEFAULT_WIDTH, news: Sequence[str] = ()) -> str:
    """Return `news`, the changes by subtype, then the unknown ones, then the counts.

    Long values are truncated; other formats have them whole.
    """
    width = width or DEFAULT_WIDTH
    lines = [*_render_head(diff), "", *news, *([""] if news else [])]
    for group in _render_groups(diff.changes, width):
        lines += [*group, ""]
    unknown = [change for change in diff.changes if change.kind == UNKNOWN]
    if unknown:
        lines += [*_render_unknown(unknown, width), ""]
    lines += _render_foot(diff, width)
    return "".join(f"{strip_control(line)}\n" for line in lines)


def render_changes(changes: Sequence[Change], width: int) -> list[str]:
    """Return the lines of the known changes by subtype."""
    return [line for group in _render_groups(changes, width) for line in group]


def _render_groups(changes: Sequence[Change], width: int) -> Iterator[list[str]]:
    known = group_numbered([change for change in changes if change.kind != UNKNOWN])
    groups = [_build_group(list(found), width) for _, found in groupby(known, key=_place)]
    # Subtypes with equal changes, such as two units, share one group.
    for body, alike in groupby(groups, key=lambda group: group.body):
        titles = ", ".join(group.title for group in alike)
        yield [*wrap(titles, width, break_on_hyphens=False), *body]


def render_unified(diff: Diff) -> str:
    """Return a unified diff: a hunk for each subtype, one `path: value` per line.

    Line numbers count the lines that differ.
    """
    unknown = [c for c in diff.changes if c.kind == UNKNOWN]
    lines = [f"# unknown: {change.path}: {change.note}".translate(ESCAPES) for change in unknown]
    known = [change for change in diff.changes if change.kind != UNKNOWN]
    if known:
        lines += [_render_file("---", diff.before), _render_file("+++", diff.after)]
    old, new = 1, 1
    for name, found in groupby(known, key=lambda change: change.subtype):
        body = [line.translate(ESCAPES) for change in found for line in _render_lines(change)]
        removed = sum(line.startswith("-") for line in body)
        added = len(body) - removed
        # An empty range has the number of the preceding line (POSIX, diff -u).
        ranges = f"-{old - (not removed)},{removed} +{new - (not added)},{added}"
        lines += [f"@@ {ranges} @@ {name}", *body]
        old, new = old + removed, new + added
    return "".join(f"{line}\n" for line in lines)


def _render_head(diff: Diff) -> Iterator[str]:
    for letter, side in zip(LETTERS, (diff.before, diff.after)):
        labels = [side.metadata.get(key, "") for key in ("source-node", "timestamp")]
        yield f"{letter}  {side.source}: {', '.join(text for text in labels if text)}".rstrip(": ")
    versions = [side.metadata.get("version", "") for side in (diff.before, diff.after)]
    if versions[0] != versions[1]:
        old, new = (version or "an unknown version" for version in versions)
        yield f"   written by {old} and {new}: readings of only one version are differences"


def _place(change: Change) -> tuple[str, str]:
    """Return the group of a change; an added GPU may have the name of a removed one."""
    return change.subtype, "" if change.key else change.kind


def _build_group(changes: list[Change], width: int) -> _Group:
    first = changes[0]
    after_name = next((change.after_name for change in changes if change.after_name), "")
    if first.key:
        title = f"{first.subtype} ({after_name} in B)" if after_name else first.subtype
        return _Group(title, [line for c in changes for line in _render_change(c, width)])
    note = f": {first.note}" if first.note else ""
    line = f"{MARKS[first.kind]} {first.subtype} ({_count(len(first.values), 'value')}){note}"
    return _Group("", [_cut(line, width)])


def _render_change(change: Change, width: int) -> Iterator[str]:
    """Yield one line, or three if the values are too long for one."""
    if change.values:
        note = f": {change.note}" if change.note else ""
        line = f"  {MARKS[change.kind]} {change.key} ({_count(len(change.values), 'value')}){note}"
        yield _cut(line, width)
        return
    start = f"  {MARKS[change.kind]} {change.key}:"
    old, new = (None if v is None else _text(v) for v in (change.before, change.after))
    if old is None or new is None:
        value = (old if new is None else new) or ""
        room = max(LEAST_ROOM, width - len(start) - 1)
        yield f"{start} {_cut(value, room)}".rstrip()
        return
    note = f" {_describe_note(change)}" if change.note else ""
    line = f"{start} {old} → {new}"
    if len(line) <= width:
        yield _cut(f"{line}{note}", width)
        return
    yield _cut(f"{start}{note}", width)
    for mark, value in zip("-+", _shorten(old, new, max(LEAST_ROOM, width - 6))):
        yield f"    {mark} {value}".rstrip()


def _describe_note(change: Change) -> str:
    """Return `newer` as it is and all else in parentheses: `60 → 10 (-50)`."""
    return change.note if change.note in (NEWER, OLDER) else f"({change.note})"


def _render_unknown(unknown: list[Change], width: int) -> Iterator[str]:
    yield "unknown"
    for note, found in groupby(unknown, key=lambda change: change.note):
        text = f"{', '.join(change.path for change in found)}: {note}"
        lines = wrap(strip_control(text), width - 4, break_on_hyphens=False)
        yield from (f"  {' ' if index else '?'} {line}" for index, line in enumerate(lines))


def _render_foot(diff: Diff, width: int) -> Iterator[str]:
    counts = {kind: number for kind, number in count_kinds(diff).items() if number}
    words = [f"{number} {kind}" for kind, number in counts.items()]
    yield ", ".join(words) if not diff.is_empty else ", ".join(["no difference", *words])
    if diff.left_out:
        own = "" if _is_one_node(diff) else " and per-node identifiers"
        yield _cut(f"{diff.left_out} ignored: volatile readings{own}; see --all", width)


def _is_one_node(diff: Diff) -> bool:
    names = [side.metadata.get("source-node", "") for side in (diff.before, diff.after)]
    return names[0] == names[1] or not all(names)


def _render_lines(change: Change) -> Iterator[str]:
    if change.before is not None:
        yield f"-{change.path}: {text_of(change.before)}"
    if change.after is not None:
        yield f"+{change.path}: {text_of(change.after)}"
    for key, value in change.values.items():
        yield f"{MARKS[change.kind]}{change.path}.{key}: {text_of(value)}"


def _render_file(mark: str, side: Side) -> str:
    timestamp = side.metadata.get("timestamp", "").translate(ESCAPES)
    return f"{mark} {side.source.translate(ESCAPES)}\t{timestamp}".rstrip()


def _shorten(old: str, new: str, room: int) -> tuple[str, str]:
    """Return two values truncated to `room`, from shortly before their first difference."""
    pairs = enumerate(zip(old, new))
    differs_at = next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = max(0, differs_at - SHARED)
    if max(len(old), len(new)) <= room or start <= 1:
        return _cut(old, room), _cut(new, room)
    return _cut(ELLIPSIS + old[start:], room), _cut(ELLIPSIS + new[start:], room)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + ELLIPSIS


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _text(value: Scalar) -> str:
    return text_of(value).translate(ESCAPES)
