"""What changed in a fleet from one directory to another: nodes new, gone and changed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.diff.change import UNKNOWN
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.direction import natural_key
from kubectl_snapshot.document.fleet.forms import find_differing
from kubectl_snapshot.document.fleet.node_part import keep_node, keep_subtypes
from kubectl_snapshot.document.fleet.normalizer import Normalizer
from kubectl_snapshot.document.fleet.outliers import UnknownSet, merge_changes, merge_unknown
from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_snapshot.document.diff.change import Change
    from kubectl_snapshot.document.diff.selection import Selection
    from kubectl_snapshot.document.fleet.outliers import OutlierSet
    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Snapshot, Subtype


@dataclass(frozen=True)
class FleetDrift:
    """The drift of a fleet. `missing` are nodes of both that could not be compared, with reason."""

    sources: tuple[str, str]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    compared: int
    changed: tuple[OutlierSet, ...]
    unknown: tuple[UnknownSet, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()

    @property
    def different(self) -> tuple[str, ...]:
        """Return the nodes that changed."""
        found = dict.fromkeys(node for changed in self.changed for node in changed.nodes)
        return tuple(sorted(found, key=natural_key))

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is known to have changed."""
        return not (self.added or self.removed or self.changed)

    @property
    def is_complete(self) -> bool:
        """Return whether everything could be compared."""
        return not (self.unknown or self.missing)


class NodeComparer:
    """Compares two documents of one node; most subtypes are equal and cost nothing."""

    def __init__(self, registry: Registry, selection: Selection) -> None:
        self._registry, self._selection = registry, selection
        self._normalizer = Normalizer(registry, is_one_node=True)

    def compare(self, before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
        """Return the changes of one node, also those that are unknown."""
        old, new = keep_node(before), keep_node(after)
        names = self._find_differing(old, new)
        if not names:
            return ()
        old, new = (keep_subtypes(snapshot, names, self._registry) for snapshot in (old, new))
        return diff_snapshots(old, new, self._registry, selection=self._selection).changes

    def identify(self, change: Change, node: str) -> object:
        """Return what equal changes of several nodes have in common."""
        values = (change.before, change.after)
        path = change.subtype, change.key
        texts = (
            value
            if value is None
            else self._normalizer.normalize(path, value, node) or text_of(value)
            for value in values
        )
        return change.path, change.kind, *texts, (*change.values,)

    def _find_differing(self, old: Snapshot, new: Snapshot) -> set[str]:
        before, after = (
            {f"{t}.{s.name}": s for t, s in iter_subtypes(snapshot)} for snapshot in (old, new)
        )
        found = set(before.keys() ^ after.keys())
        nodes = [snapshot.metadata.get("source-node", "") for snapshot in (old, new)]
        for name in before.keys() & after.keys():
            if self._differs(name, before[name], after[name], nodes[0]):
                found.add(name)
        return found

    def _differs(self, name: str, old: Subtype, new: Subtype, node: str) -> bool:
        if old.status != new.status:
            return True
        for key in find_differing(old, new):
            texts = [self._normalizer.read(name, key, subtype, node) for subtype in (old, new)]
            if texts[0] != texts[1]:
                return True
        return False


def build_drift(
    sources: tuple[str, str],
    names: tuple[Iterable[str], Iterable[str]],
    changes: Mapping[str, tuple[Change, ...]],
    comparer: NodeComparer,
    registry: Registry,
    missing: Iterable[tuple[str, str]] = (),
) -> FleetDrift:
    """Return the drift by the nodes of both fleets and the changes of each that is in both."""
    before, after = (set(listed) for listed in names)
    known = [
        ([node], [change for change in found if change.kind != UNKNOWN])
        for node, found in changes.items()
    ]
    return FleetDrift(
        sources,
        tuple(sorted(after - before, key=natural_key)),
        tuple(sorted(before - after, key=natural_key)),
        len(changes),
        merge_changes(known, comparer.identify, len(changes), registry),
        merge_unknown(
            (node, change.path, change.note)
            for node, found in changes.items()
            for change in found
            if change.kind == UNKNOWN
        ),
        tuple(sorted(missing)),
    )
