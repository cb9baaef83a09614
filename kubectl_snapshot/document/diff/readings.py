"""Compare the readings of a subtype in two documents. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, UNKNOWN, Change
from kubectl_snapshot.document.diff.direction import describe_direction, sort_naturally
from kubectl_snapshot.document.diff.equality import DIFFERENT, UNDECIDABLE, compare_values
from kubectl_snapshot.document.diff.gaps import explain_both, is_unread, may_be_unread
from kubectl_snapshot.document.path_patterns import always
from kubectl_snapshot.document.snapshot import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.diff.equality import Comparability
    from kubectl_snapshot.document.diff.ignored import IgnoreRules
    from kubectl_snapshot.document.path_patterns import Matcher
    from kubectl_snapshot.document.snapshot import Scalar, Subtype


def compare_readings(
    name: str,
    old: Subtype,
    new: Subtype,
    comparability: Comparability,
    is_selected: Matcher = always,
) -> Iterator[Change]:
    """Yield the changes of single readings and, last, those unknown because one was not read.

    Readings of both that are not selected are left out.
    """
    left, right = (_readings(name, *pair, comparability) for pair in ((old, new), (new, old)))
    differing = [
        key
        for key, value in left.items()
        if value != right.get(key) or not _is_equal(value, right.get(key))
    ]
    if is_selected is not always:
        differing = [k for k in differing if k not in right or is_selected(f"{name}.{k}")]
    differing += [key for key in right if key not in left]
    rules = comparability.ignore.below(name)
    exact = rules._replace(is_exact=True)
    ordered = sort_naturally(differing)
    changing = rules.find_changing(ordered)
    unread: dict[str, Scalar] = {}
    for key in ordered:
        before, after = left.get(key), right.get(key)
        if before is not None and after is not None:
            is_exact = not changing or rules.prefix + key not in changing
            own = exact if is_exact else rules
            outcome = compare_values(key, before, after, comparability, own)
            if outcome == DIFFERENT:
                note = describe_direction(before, after, rules.is_node_list)
                yield Change(name, key, CHANGED, before, after, note)
            elif outcome == UNDECIDABLE:
                note = "redacted with different keys"
                yield Change(name, key, UNKNOWN, before, after, note)
        elif may_be_unread(key, old if before is None else new):
            unread[key] = left[key] if key in left else right[key]
        elif before is not None:
            yield Change(name, key, REMOVED, before=before)
        else:
            yield Change(name, key, ADDED, after=after)
    if unread or is_unread(old) or is_unread(new):
        note = explain_both(old, new) or "redacted"
        yield Change(name, "", UNKNOWN, note=note, values=unread)


def list_shortened(name: str, old: Subtype, new: Subtype, ignore: IgnoreRules) -> Iterator[str]:
    """Yield the keys whose values are shortened by chance, such as one of several tags.

    Where this program wrote both documents, the context has the whole values.
    """
    prefix = ignore.find_full_values(name)
    if not prefix:
        return
    is_ours = "elapsed-ms" in old.context and "elapsed-ms" in new.context
    for key in {**old.data, **new.data}:
        full = [subtype.context.get(f"{prefix}{key}", "") for subtype in (old, new)]
        if any(full) and (is_ours or _are_parts_of(full[0] or full[1], key, old, new)):
            yield key


def _readings(
    name: str, subtype: Subtype, other: Subtype, comparability: Comparability
) -> dict[str, Scalar]:
    """Return data, and the context that adds to it.

    AICR's context of the types that this program writes is how they were read; the identity of a
    NetworkTopology is in its context.
    """
    is_ours = "elapsed-ms" in subtype.context and "elapsed-ms" in other.context
    if not is_ours and name.partition(".")[0] in TYPES:
        return dict(subtype.data)
    context = {
        f"context.{key}": text
        for key, text in subtype.context.items()
        if not comparability.ignore.is_ignored_context(name, key)
    }
    return {**context, **subtype.data}


def _are_parts_of(full: str, key: str, old: Subtype, new: Subtype) -> bool:
    """Return whether the tags of both documents are among those of the full references."""
    tags = {part.partition("@")[0].rpartition(":")[2] for part in full.split(",")}
    both = {str(subtype.data[key]) for subtype in (old, new) if key in subtype.data}
    return key in old.data and key in new.data and both <= tags


def _is_equal(before: Scalar, after: Scalar | None) -> bool:
    """Return whether two values are identical; Python takes True for 1."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)
