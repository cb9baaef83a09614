"""Which value most nodes of a group have at each path, and which nodes have another. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.fleet.normalizer import MISSING, UNKNOWN, VALUE
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kubectl_snapshot.document.fleet.forms import Form, Reference
    from kubectl_snapshot.document.fleet.normalizer import Path

# Below this number of nodes, values that all differ are compared and not called each node's own.
MIN_OWN = 4


class Split(NamedTuple):
    """A path without a majority: the nodes of each value, the most frequent first."""

    path: Path
    values: tuple[tuple[str, tuple[str, ...]], ...]


class Vote(NamedTuple):
    """The value of more than half of the nodes that know it; "" if no value has a majority."""

    winner: str
    known: int
    counts: Mapping[str, int]

    @property
    def is_own(self) -> bool:
        """Return whether the value is each node's own: more than half of the values differ."""
        return not self.winner and self.known >= MIN_OWN and len(self.counts) * 2 > self.known


@dataclass(frozen=True)
class Standard:
    """The values that a group's nodes are compared with: a reference's, and those replaced.

    `undecided` are paths without a majority; they are no node's deviation.
    """

    base: Reference
    replaced: Mapping[Path, str]
    undecided: frozenset[Path] = frozenset()

    def value_at(self, path: Path) -> str:
        """Return the value at a path."""
        return self.replaced.get(path) or self.base.value_at(path)


def vote(forms: Mapping[str, Form], references: Sequence[Reference]) -> dict[Path, Vote]:
    """Return the vote at each path where nodes differ, or may differ."""
    sizes = Counter(form.reference for form in forms.values())
    changed: dict[int, Counter[Path]] = {place: Counter() for place in sizes}
    unsaid: dict[int, Counter[str]] = {place: Counter() for place in sizes}
    votes: dict[Path, Counter[str]] = {}
    for place, delta, number in _count_deltas(forms):
        lost = {name for (name, key) in delta if not key}
        unsaid[place].update(dict.fromkeys(lost, number))
        for path, value in delta.items():
            votes.setdefault(path, Counter())[value] += number
            # A key of a subtype that changed as a whole is counted in `unsaid` already.
            if not path[1] or path[0] not in lost:
                changed[place][path] += number
    for path in _list_reference_paths([references[place] for place in sizes]):
        votes.setdefault(path, Counter())
    for path, found in votes.items():
        for place, size in sizes.items():
            rest = size - changed[place][path] - (unsaid[place][path[0]] if path[1] else 0)
            if rest:
                found[references[place].value_at(path)] += rest
    return {path: _decide(found) for path, found in votes.items()}


def build_standard(
    forms: Mapping[str, Form], references: Sequence[Reference], votes: Mapping[Path, Vote]
) -> Standard:
    """Return what most nodes have, on the most frequent reference."""
    sizes = Counter(form.reference for form in forms.values())
    base = references[sizes.most_common(1)[0][0]]
    replaced = {p: v.winner for p, v in votes.items() if v.winner and v.winner != base.value_at(p)}
    undecided = frozenset(path for path, found in votes.items() if not found.winner)
    return Standard(base, replaced, undecided)


def find_deviations(
    form: Form, references: Sequence[Reference], standard: Standard
) -> frozenset[tuple[Path, str]]:
    """Return the paths where a node differs, or is not known, each with its value."""
    own = references[form.reference]
    paths = {*form.delta, *standard.replaced}
    if own is not standard.base:
        paths.update(_list_reference_paths([own, standard.base]))
    lost = {name for name, key in form.delta if not key}
    found = set()
    for path in paths - standard.undecided:
        value = value_of(form, own, path, lost)
        expected = standard.value_at(path)
        if value != expected and (value[0] != UNKNOWN or expected[0] != UNKNOWN):
            found.add((path, value))
    return frozenset(_without_parts(found))


def value_of(form: Form, reference: Reference, path: Path, lost: Iterable[str] = ()) -> str:
    """Return a node's value at a path; that of a subtype that changed as a whole is unknown."""
    found = form.delta.get(path)
    if found is not None:
        return found
    if path[1] and path[0] in (lost or {name for name, key in form.delta if not key}):
        return UNKNOWN
    return reference.value_at(path)


def find_split(
    path: Path, forms: Mapping[str, Form], references: Sequence[Reference], found: Vote
) -> Split:
    """Return the nodes of each value at a path without a majority."""
    nodes: dict[str, list[str]] = {}
    for node, form in forms.items():
        value = value_of(form, references[form.reference], path)
        if value in found.counts:
            nodes.setdefault(value, []).append(node)
    ordered = sorted(nodes.items(), key=lambda item: (-len(item[1]), item[0]))
    return Split(path, tuple((value, tuple(names)) for value, names in ordered))


def show_value(value: str) -> str | None:
    """Return the text of a form's value, None for a reading that is not there."""
    return value[1:] if value[0] == VALUE else None


def _count_deltas(forms: Mapping[str, Form]) -> Iterable[tuple[int, Mapping[Path, str], int]]:
    """Yield each reference and delta, with the number of nodes that have them."""
    found: dict[tuple[int, int], list[Form]] = {}
    for form in forms.values():
        found.setdefault((form.reference, id(form.delta)), []).append(form)
    for members in found.values():
        yield members[0].reference, members[0].delta, len(members)


def _list_reference_paths(references: Sequence[Reference]) -> set[Path]:
    """Return the paths at which references differ."""
    first = references[0]
    return {
        path
        for other in references[1:]
        if other is not first
        for path, _ in first.values.items() ^ other.values.items()
    }


def _decide(found: Counter[str]) -> Vote:
    counts = {value: number for value, number in found.items() if value[0] != UNKNOWN and number}
    known = sum(counts.values())
    best = max(counts, key=lambda value: (counts[value], value), default="")
    winner = best if counts.get(best, 0) * 2 > known else ""
    return Vote(winner, known, counts)


def _without_parts(found: set[tuple[Path, str]]) -> Iterable[tuple[Path, str]]:
    """Yield the deviations without the readings of subtypes that are unknown or gone."""
    whole = {path[0] for path, value in found if not path[1] and value[0] in (MISSING, UNKNOWN)}
    return (one for one in found if not one[0][1] or one[0][0] not in whole)
