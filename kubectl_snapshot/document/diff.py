"""What changed between two documents: the records. Pure, knows no format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar

ADDED, REMOVED, CHANGED, UNKNOWN = "added", "removed", "changed", "unknown"
KINDS = (ADDED, REMOVED, CHANGED, UNKNOWN)


@dataclass(frozen=True)
class Change:
    """One difference, or with kind `unknown` one that nobody can tell.

    `subtype` is `OS.sysctl`, or `metadata`. The key is empty where a whole subtype came, went, or
    is unknown; `values` are then its readings by key. `note` is how the value moved (`newer`,
    `older`, `+4`), or why it is unknown.
    """

    subtype: str
    key: str
    kind: str
    before: Scalar | None = None
    after: Scalar | None = None
    note: str = ""
    values: Mapping[str, Scalar] = field(default_factory=dict)

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


def count_kinds(diff: Diff) -> dict[str, int]:
    """Return how many changes are of each kind."""
    found = [change.kind for change in diff.changes]
    return {kind: found.count(kind) for kind in KINDS}
