"""Records of a comparison: one change, one side, all changes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar

ADDED, REMOVED, CHANGED, UNKNOWN = "added", "removed", "changed", "unknown"
KINDS = (ADDED, REMOVED, CHANGED, UNKNOWN)
# The names of the two documents in notes, as in `diff A B`.
LETTERS = ("A", "B")


_NONE: Mapping[str, Scalar] = {}


def _no_values() -> Mapping[str, Scalar]:
    """Return one map for all changes without values: there are tens of thousands of them."""
    return _NONE


@dataclass(frozen=True)
class Change:
    """One difference; kind `unknown` where the values cannot be compared.

    `subtype` is `OS.sysctl`, or `metadata`. The key is empty where a whole subtype was added,
    removed or is unknown; `values` are then its readings by key. A part of a subtype such as a MIG
    device (`mig.3`) has `values`, too. `note` is the direction of the change (`newer`, `older`,
    `+4`), or why it is unknown. `after_name` is the subtype's name in the second document if it
    differs: GPUs are not matched by number. `also` are the paths of readings that say the same.
    """

    subtype: str
    key: str
    kind: str
    before: Scalar | None = None
    after: Scalar | None = None
    note: str = ""
    values: Mapping[str, Scalar] = field(default_factory=_no_values)
    after_name: str = ""
    also: tuple[str, ...] = ()

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
    """All changes, the most telling first; `left_out` is the number of ignored changes."""

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


def count_kinds(diff: Diff) -> dict[str, int]:
    """Return how many changes are of each kind."""
    found = [change.kind for change in diff.changes]
    return {kind: found.count(kind) for kind in KINDS}
