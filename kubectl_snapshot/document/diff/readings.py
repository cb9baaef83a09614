"""Compare the readings of a subtype in two documents. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, UNKNOWN, Change
from kubectl_snapshot.document.diff.direction import describe_direction, natural_key
from kubectl_snapshot.document.diff.equality import EQUAL, UNDECIDABLE, compare_values
from kubectl_snapshot.document.diff.gaps import explain_both, is_unread, may_be_unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.diff.equality import Comparability
    from kubectl_snapshot.document.snapshot import Scalar, Subtype


def compare_readings(
    name: str, old: Subtype, new: Subtype, comparability: Comparability
) -> Iterator[Change]:
    """Yield the changes of single readings and, last, those unknown because one was not read."""
    left, right = (_readings(name, *pair, comparability) for pair in ((old, new), (new, old)))
    differing = [key for key, value in left.items() if not _is_equal(value, right.get(key))]
    differing += [key for key in right if key not in left]
    unread: dict[str, Scalar] = {}
    for key in sorted(differing, key=natural_key):
        if key in left and key in right:
            yield from _compare_reading(name, key, left[key], right[key], comparability)
        elif may_be_unread(key, new if key in left else old):
            unread[key] = left[key] if key in left else right[key]
        elif key in left:
            yield Change(name, key, REMOVED, before=left[key])
        else:
            yield Change(name, key, ADDED, after=right[key])
    if unread or is_unread(old) or is_unread(new):
        note = explain_both(old, new) or "redacted"
        yield Change(name, "", UNKNOWN, note=note, values=unread)


def _compare_reading(
    name: str, key: str, before: Scalar, after: Scalar, comparability: Comparability
) -> Iterator[Change]:
    outcome = compare_values(f"{name}.{key}", before, after, comparability)
    if outcome == UNDECIDABLE:
        yield Change(name, key, UNKNOWN, before, after, "redacted with different keys")
    elif outcome != EQUAL:
        is_node_list = comparability.ignore.is_node_list(name)
        note = describe_direction(before, after, is_node_list)
        yield Change(name, key, CHANGED, before, after, note)


def _readings(
    name: str, subtype: Subtype, other: Subtype, comparability: Comparability
) -> dict[str, Scalar]:
    """Return data and, if this program wrote both documents, the context that adds to it."""
    if not ("elapsed-ms" in subtype.context and "elapsed-ms" in other.context):
        return _without_doubtful(name, subtype, other, comparability)
    ignore = comparability.ignore
    context = {
        f"context.{key}": text
        for key, text in subtype.context.items()
        if not ignore.is_ignored_context(name, key)
    }
    prefix = "" if comparability.is_exact else ignore.find_full_values(name)
    data = {
        key: value
        for key, value in subtype.data.items()
        if not prefix or not any(f"{prefix}{key}" in s.context for s in (subtype, other))
    }
    return {**context, **data}


def _without_doubtful(
    name: str, subtype: Subtype, other: Subtype, comparability: Comparability
) -> dict[str, Scalar]:
    """Return data without values that were shortened by chance, such as one of several tags."""
    prefix = "" if comparability.is_exact else comparability.ignore.find_full_values(name)
    return {
        key: value
        for key, value in subtype.data.items()
        if not prefix
        or not (key in other.data and _is_one_of(f"{prefix}{key}", subtype, other, key))
    }


def _is_one_of(full_key: str, subtype: Subtype, other: Subtype, key: str) -> bool:
    """Return whether one document's full value ends, in one of its parts, with both values."""
    full = subtype.context.get(full_key) or other.context.get(full_key) or ""
    tags = {part.partition("@")[0].rpartition(":")[2] for part in full.split(",")}
    return bool(full) and {str(subtype.data[key]), str(other.data[key])} <= tags


def _is_equal(before: Scalar, after: Scalar | None) -> bool:
    """Return whether two values are identical; Python takes True for 1."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)
