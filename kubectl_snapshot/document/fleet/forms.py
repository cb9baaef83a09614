"""Normal forms: what is left of a node's document without what `diff` ignores. Pure.

Documents with equal forms have no difference. A form is kept as its difference from a reference,
one of the fleet's documents: 5,000 whole forms would not fit into memory, and most nodes differ in
nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.gaps import may_be_unread
from kubectl_snapshot.document.diff.match import identify, lists_all_devices
from kubectl_snapshot.document.fleet.node_part import is_of_node
from kubectl_snapshot.document.fleet.normalizer import (
    CONTEXT,
    MISSING,
    UNKNOWN,
    VALUE,
    Normalizer,
    has_reading,
    read_reading,
)
from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.redaction.values import PREFIX, REDACTION_KEY
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, Snapshot, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from kubectl_snapshot.document.fleet.normalizer import Path
    from kubectl_snapshot.document.registry import Devices, Registry
    from kubectl_snapshot.document.snapshot import Scalar

    Values = dict[Path, str]

NOT_COLLECTED = f"{UNKNOWN}not collected"
# A form that differs in more from each reference is a reference itself.
MAX_DELTA, MAX_REFERENCES = 150, 32


class Form(NamedTuple):
    """The form of one node: the number of its reference, and the values that differ from it."""

    reference: int
    delta: Mapping[Path, str]


class Reference(NamedTuple):
    """A document of the fleet that others are compared with, and its whole form."""

    node: str
    subtypes: Mapping[str, Subtype]
    values: Mapping[Path, str]
    redaction_key: str
    missing: Callable[[str], str]

    def value_at(self, path: Path) -> str:
        """Return the value at a path that is not ignored."""
        found = self.values.get(path)
        if found is not None:
            return found
        subtype = self.subtypes.get(path[0])
        if subtype is None:
            return UNKNOWN if path[1] else self.missing(path[0])
        whole = self.values[path[0], ""]
        return whole if whole[0] == UNKNOWN else _explain_missing(path[1], subtype)


class FormBuilder:
    """Builds the forms of a fleet's documents; the first one is the first reference."""

    def __init__(self, registry: Registry) -> None:
        self._normalizer = Normalizer(registry)
        self._devices = {spec.type: spec.devices for spec in registry if spec.devices}
        self.references: list[Reference] = []
        self._deltas: dict[frozenset[tuple[Path, str]], Mapping[Path, str]] = {}
        self._latest = 0

    def add_reference(self, snapshot: Snapshot) -> Reference:
        """Make a document a reference."""
        node = snapshot.metadata.get("source-node", "")
        subtypes = self._index(snapshot)
        values: Values = {}
        for name, subtype in subtypes.items():
            values.update(self._read_whole(name, subtype, node))
        key = snapshot.metadata.get(REDACTION_KEY, "")
        missing = partial(self._find_missing, self._list_unlisted(snapshot))
        self.references.append(Reference(node, subtypes, values, key, missing))
        return self.references[-1]

    def build(self, snapshot: Snapshot) -> Form:
        """Return the form of a document, which may become a reference."""
        subtypes = self._index(snapshot)
        node = snapshot.metadata.get("source-node", "")
        key = snapshot.metadata.get(REDACTION_KEY, "")
        unlisted = self._list_unlisted(snapshot)
        best: tuple[int, Values] | None = None
        for place in self._order():
            reference = self.references[place]
            delta = self._compare(reference, subtypes, node, key)
            for name in reference.subtypes.keys() - subtypes.keys():
                delta[name, ""] = self._find_missing(unlisted, name)
            if best is None or len(delta) < len(best[1]):
                best = place, delta
            if len(delta) <= MAX_DELTA:
                break
        if best is None or (len(best[1]) > MAX_DELTA and len(self.references) < MAX_REFERENCES):
            self.add_reference(snapshot)
            best = len(self.references) - 1, {}
        self._latest = best[0]
        shared = self._deltas.setdefault(frozenset(best[1].items()), best[1])
        return Form(best[0], shared)

    def normalize(self, path: Path, value: Scalar, node: str) -> str:
        """Return a reading's value in a form, "" for one that `diff` ignores."""
        return self._normalizer.normalize(path, value, node)

    def is_setting(self, path: Path) -> bool:
        """Return whether a reading is compared as it is: a setting, not normalised."""
        return self._normalizer.is_setting(path)

    def _find_missing(self, unlisted: Collection[str], name: str) -> str:
        """Return the value of a subtype that a document lacks: only listed devices can be gone."""
        type_, _, rest = name.partition(".")
        devices = self._devices.get(type_)
        is_device = devices is not None and rest.startswith(devices.prefix)
        return MISSING if is_device and type_ not in unlisted else NOT_COLLECTED

    def _list_unlisted(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Return the types whose devices a document does not list."""
        found = self._devices.items()
        return tuple(t for t, devices in found if not lists_all_devices(snapshot, t, devices))

    def _order(self) -> Iterator[int]:
        """Yield the references' numbers, the one that fitted last first."""
        if self.references:
            yield self._latest
        yield from (place for place in range(len(self.references)) if place != self._latest)

    def _index(self, snapshot: Snapshot) -> dict[str, Subtype]:
        found = {f"{t}.{s.name}": s for t, s in iter_subtypes(snapshot) if is_of_node(t, s.name)}
        for type_, devices in self._devices.items():
            links = found.get(f"{type_}.{devices.links}")
            if links:
                found[f"{type_}.{devices.links}"] = _rename_links(links, found, type_, devices)
        return found

    def _compare(
        self, reference: Reference, subtypes: Mapping[str, Subtype], node: str, key: str
    ) -> Values:
        delta: Values = {}
        for name, subtype in subtypes.items():
            known = reference.subtypes.get(name)
            if known is None:
                delta.update(self._read_whole(name, subtype, node))
            elif known.data is not subtype.data or known.context != subtype.context:
                delta.update(self._compare_subtype(name, subtype, reference, node))
        if key != reference.redaction_key:
            _forget_redacted(delta, reference.values)
        return delta

    def _compare_subtype(
        self, name: str, subtype: Subtype, reference: Reference, node: str
    ) -> Iterator[tuple[Path, str]]:
        known, values = reference.subtypes[name], reference.values
        status = _describe(subtype)
        if status != values.get((name, "")):
            yield (name, ""), status
        if status[0] == UNKNOWN:
            return
        for key in find_differing(known, subtype):
            path = name, key
            if has_reading(key, subtype):
                value = self.normalize(path, read_reading(key, subtype), node)
            else:
                value = _explain_missing(key, subtype) if path in values else ""
            if value and value != reference.value_at(path):
                yield path, value

    def _read_whole(self, name: str, subtype: Subtype, node: str) -> Iterator[tuple[Path, str]]:
        status = _describe(subtype)
        yield (name, ""), status
        if status[0] == UNKNOWN:
            return
        for key, value in _readings(subtype):
            text = self.normalize((name, key), value, node)
            if text:
                yield (name, key), text


def _describe(subtype: Subtype) -> str:
    """Return the value of a subtype as a whole; a partly read one counts as read."""
    if subtype.status == ABSENT:
        return MISSING
    if subtype.is_left_out:
        return NOT_COLLECTED
    if subtype.status in GAP_STATUSES and not subtype.data:
        return UNKNOWN + subtype.status
    return VALUE


def _explain_missing(key: str, subtype: Subtype) -> str:
    if may_be_unread(key, subtype):
        return UNKNOWN + (subtype.status if subtype.status in GAP_STATUSES else "redacted")
    return MISSING


def find_differing(old: Subtype, new: Subtype) -> Iterator[str]:
    """Yield the keys of readings that differ; the context adds to them as it does in `diff`."""
    if old.data is not new.data:
        yield from _find_differing_keys(old.data, new.data)
    if _is_ours(old) and _is_ours(new) and len(old.context) + len(new.context) > 2:
        yield from (CONTEXT + key for key in _find_differing_keys(old.context, new.context))


def _find_differing_keys(old: Mapping[str, Scalar], new: Mapping[str, Scalar]) -> Iterator[str]:
    found = {key for key, _ in old.items() ^ new.items()}
    yield from found
    # Python takes True for 1.
    if [*map(type, old.values())] != [*map(type, new.values())]:
        same = old.keys() & new.keys() - found
        yield from (key for key in same if type(old[key]) is not type(new[key]))


def _is_ours(subtype: Subtype) -> bool:
    return "elapsed-ms" in subtype.context


def _readings(subtype: Subtype) -> Iterator[tuple[str, Scalar]]:
    yield from subtype.data.items()
    if _is_ours(subtype):
        yield from ((CONTEXT + key, text) for key, text in subtype.context.items())


def _rename_links(
    links: Subtype, subtypes: Mapping[str, Subtype], type_: str, devices: Devices
) -> Subtype:
    """Return the links between devices with the devices' numbers for their ids."""
    start = f"{type_}.{devices.prefix}"
    names = {
        identify(subtype, devices.identities[0]): name[len(start) :]
        for name, subtype in subtypes.items()
        if name.startswith(start) and not name.endswith(devices.state_suffix)
    }
    names.pop("", None)
    data = {}
    for pair, link in links.data.items():
        both = sorted(names.get(id_, id_) for id_ in pair.split("/"))
        data["/".join(both)] = link
    return Subtype(links.name, data, links.context)


def _forget_redacted(delta: Values, values: Mapping[Path, str]) -> None:
    """Make values unknown that are redacted with different keys."""
    for path, value in delta.items():
        if PREFIX in value or PREFIX in values.get(path, ""):
            delta[path] = f"{UNKNOWN}redacted with different keys"
