"""What changed between two documents. Pure, knows no format.

A value that one of them could not read is unknown, never added or removed. What is no news is left
out: document/diff/ignored has the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.direction import describe_move, natural_key
from kubectl_snapshot.document.diff.equality import HIDDEN, SAME, compare_values, find_footing
from kubectl_snapshot.document.diff.ignored import TELLING, is_identity, is_volatile
from kubectl_snapshot.document.diff.match import (
    COUNTS,
    GPU,
    TOPOLOGY,
    count_gpus,
    is_gpu,
    pair_subtypes,
    tells_all_gpus,
)
from kubectl_snapshot.document.diff.selection import Selection, is_asked, may_be_asked
from kubectl_snapshot.document.paths import METADATA
from kubectl_snapshot.document.redaction.values import LEFT_OUT, MARK
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, PARTIAL, Subtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.diff.equality import Footing
    from kubectl_snapshot.document.diff.match import Pair, Pairs
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

ADDED, REMOVED, CHANGED, UNKNOWN = "added", "removed", "changed", "unknown"
KINDS = (ADDED, REMOVED, CHANGED, UNKNOWN)
COUNT_PATHS = tuple(f"{GPU}.{name}.{key}" for name, key in COUNTS)
# What the two documents are called where one is spoken of: `diff A B`.
LETTERS = ("A", "B")


@dataclass(frozen=True)
class Change:
    """One difference, or with kind `unknown` one that nobody can tell.

    `subtype` is `OS.sysctl`, or `metadata`. The key is empty where a whole subtype came, went, or
    is unknown; `values` are then its readings by key. `note` is how the value moved (`newer`,
    `older`, `+4`), or why it is unknown. `after_name` is the subtype's name in the second document
    where that is another: GPUs are not matched by their number.
    """

    subtype: str
    key: str
    kind: str
    before: Scalar | None = None
    after: Scalar | None = None
    note: str = ""
    values: Mapping[str, Scalar] = field(default_factory=dict)
    after_name: str = ""

    @property
    def path(self) -> str:
        """Return `Type.Subtype.key`, or `Type.Subtype` of a whole subtype."""
        return f"{self.subtype}.{self.key}" if self.key else self.subtype


@dataclass(frozen=True)
class Side:
    """One of the two documents, as the user named it."""

    source: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Diff:
    """All changes in document order; `left_out` is how many others are no news."""

    before: Side
    after: Side
    changes: tuple[Change, ...] = ()
    left_out: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is known to differ."""
        return all(change.kind == UNKNOWN for change in self.changes)

    @property
    def is_complete(self) -> bool:
        """Return whether everything could be compared."""
        return all(change.kind != UNKNOWN for change in self.changes)


def diff_snapshots(
    before: Snapshot,
    after: Snapshot,
    sources: tuple[str, str] = LETTERS,
    selection: Selection | None = None,
) -> Diff:
    """Return what changed from one document to the other, in document order."""
    selection = selection or Selection()
    footing = find_footing(before.metadata, after.metadata, is_exact=selection.everything)
    paired = pair_subtypes(before, after, footing.nodes is None)
    ground = _Ground(footing, _explain_gpus(before, after), paired.lone_gpus, _gpu_balance(paired))
    metadata = (Subtype(METADATA, before.metadata), Subtype(METADATA, after.metadata))
    found = [
        *_compare_readings(METADATA, *metadata, footing),
        *(change for pair in paired.pairs for change in _compare_pair(pair, ground)),
    ]
    asked = [change for one in found for change in _select(one, selection)]
    news = [change for change in asked if selection.everything or _is_news(change, ground)]
    sides = (Side(sources[0], before.metadata), Side(sources[1], after.metadata))
    return Diff(*sides, tuple(news), len(asked) - len(news))


def count_kinds(diff: Diff) -> dict[str, int]:
    """Return how many changes are of each kind."""
    found = [change.kind for change in diff.changes]
    return {kind: found.count(kind) for kind in KINDS}


class _Ground(NamedTuple):
    """What is known of two documents as a whole.

    `gpu_gaps` is why each does not tell of all its GPUs, empty where it does. `gpu_balance` is how
    many more GPUs the second one tells of.
    """

    footing: Footing
    gpu_gaps: tuple[str, str]
    lone_gpus: frozenset[str]
    gpu_balance: int


def _compare_pair(pair: Pair, ground: _Ground) -> Iterator[Change]:
    old, new = pair.before, pair.after
    if old is None or new is None:
        yield _describe_lone(pair, ground)
        return
    are_absent = (old.status == ABSENT, new.status == ABSENT)
    is_read = not any(subtype.status in GAP_STATUSES for subtype in (old, new))
    if is_read and are_absent[0] != are_absent[1] and (pair.type, old.name) != TOPOLOGY:
        kind, values = (REMOVED, old.data) if are_absent[1] else (ADDED, new.data)
        yield Change(pair.name, "", kind, note=_explain_both(old, new), values=values)
        return
    for change in _compare_readings(pair.name, old, new, ground.footing):
        yield replace(change, after_name="" if old.name == new.name else f"{pair.type}.{new.name}")


def _describe_lone(pair: Pair, ground: _Ground) -> Change:
    """Return what is to be said of a subtype that only one document has.

    A tool writes every subtype that it collects, so that it was not collected in the other. Only
    GPUs come and go.
    """
    is_gone = pair.after is None
    subtype = pair.before or pair.after or Subtype("")
    gap = ground.gpu_gaps[is_gone] if is_gpu(pair) else "not collected"
    if gap:
        note = f"{LETTERS[is_gone]}: {gap}"
        return Change(pair.name, "", UNKNOWN, note=note, values=subtype.data)
    told = (str(subtype.data.get(key, "")) for key in ("name", "pci.bus-id"))
    note = " at ".join(text for text in told if text)
    return Change(pair.name, "", REMOVED if is_gone else ADDED, note=note, values=subtype.data)


def _compare_readings(name: str, old: Subtype, new: Subtype, footing: Footing) -> Iterator[Change]:
    """Yield the changes of single readings and, at the end, what is unknown for want of reading."""
    left, right = _readings(old, new), _readings(new, old)
    differing = [key for key, value in left.items() if not _is_equal(value, right.get(key))]
    differing += [key for key in right if key not in left]
    unread: dict[str, Scalar] = {}
    for key in sorted(differing, key=natural_key):
        if key in left and key in right:
            yield from _compare_reading(name, key, left[key], right[key], footing)
        elif _may_be_unread(key, new if key in left else old):
            unread[key] = left[key] if key in left else right[key]
        elif key in left:
            yield Change(name, key, REMOVED, before=left[key])
        else:
            yield Change(name, key, ADDED, after=right[key])
    is_unread = any(s.status in GAP_STATUSES and s.status != PARTIAL for s in (old, new))
    if unread or is_unread:
        note = _explain_both(old, new) or "redacted"
        yield Change(name, "", UNKNOWN, note=note, values=unread)


def _compare_reading(
    name: str, key: str, before: Scalar, after: Scalar, footing: Footing
) -> Iterator[Change]:
    outcome = compare_values(f"{name}.{key}", before, after, footing)
    if outcome == HIDDEN:
        yield Change(name, key, UNKNOWN, before, after, "redacted, and not by the same key")
    elif outcome != SAME:
        yield Change(name, key, CHANGED, before, after, describe_move(name, before, after))


def _readings(subtype: Subtype, other: Subtype) -> dict[str, Scalar]:
    """Return what is compared: data and, where both tools write one, what a context adds to it."""
    if not ("elapsed-ms" in subtype.context and "elapsed-ms" in other.context):
        return dict(subtype.data)
    context = {f"context.{k}": v for k, v in subtype.context.items() if k not in TELLING}
    return {**context, **subtype.data}


def _is_equal(before: Scalar, after: Scalar | None) -> bool:
    """Return whether two values are the same at first sight; Python takes True for 1."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _may_be_unread(key: str, subtype: Subtype) -> bool:
    """Return whether a key may be missing because it was not read, or was redacted."""
    return subtype.status in GAP_STATUSES or LEFT_OUT in subtype.context or MARK in key


def _explain_both(old: Subtype, new: Subtype) -> str:
    """Return why what is not there is not, as `B: forbidden: <reason>`."""
    reasons = [_explain(old), _explain(new)]
    if reasons[0] == reasons[1] != "":
        return f"{' and '.join(LETTERS)}: {reasons[0]}"
    return "; ".join(f"{letter}: {reason}" for letter, reason in zip(LETTERS, reasons) if reason)


def _explain(subtype: Subtype) -> str:
    if LEFT_OUT in subtype.context:
        return "left out by --redact"
    if subtype.status not in (*GAP_STATUSES, ABSENT):
        return ""
    reason = subtype.context.get("reason", "")
    return f"{subtype.status}: {reason}" if reason else subtype.status


def _explain_gpus(before: Snapshot, after: Snapshot) -> tuple[str, str]:
    """Return why each document does not tell of every GPU, empty where it does."""
    reasons = []
    for snapshot in (before, after):
        count = count_gpus(snapshot)
        told = f"it counts {count} GPUs and tells not of each" if count else "GPUs were not counted"
        reasons.append("" if tells_all_gpus(snapshot) else told)
    return reasons[0], reasons[1]


def _gpu_balance(paired: Pairs) -> int:
    """Return how many more GPUs the second document tells of, each with its state left aside."""
    gpus = [pair for pair in paired.pairs if is_gpu(pair) and not pair.name.endswith("-state")]
    return sum((pair.before is None) - (pair.after is None) for pair in gpus)


def _select(change: Change, selection: Selection) -> Iterator[Change]:
    """Yield a change if it is asked for, a whole subtype with those values that are."""
    if change.values:
        values = {
            k: v for k, v in change.values.items() if is_asked(f"{change.path}.{k}", selection)
        }
        if values:
            yield replace(change, values=values)
        return
    ask = is_asked if change.key else may_be_asked
    if ask(change.path, selection):
        yield change


def _is_news(change: Change, ground: _Ground) -> bool:
    """Return whether a change is none that comes by itself, from being another node, or twice."""
    path = change.path if change.key else f"{change.path}."
    if is_volatile(path):
        return False
    is_value = change.key and change.kind in (CHANGED, UNKNOWN)
    if is_value and ground.footing.nodes is not None and is_identity(path):
        return False
    return not _follows_from_gpus(change, ground)


def _follows_from_gpus(change: Change, ground: _Ground) -> bool:
    """Return whether a GPU that came or went says the same: its links, and a count."""
    if change.subtype == ".".join(TOPOLOGY):
        return any(uuid in ground.lone_gpus for uuid in change.key.split("/") if uuid)
    before, after = change.before, change.after
    if change.path not in COUNT_PATHS or not (isinstance(before, int) and isinstance(after, int)):
        return False
    return after - before == ground.gpu_balance
