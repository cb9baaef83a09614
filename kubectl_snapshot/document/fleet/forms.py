"""Normal forms: what is left of a node's document without what `diff` ignores. Pure.

Documents with equal forms have no difference. A form is kept as its difference from a reference,
one of the fleet's documents: 5,000 whole forms would not fit into memory, and most nodes differ in
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.gaps import may_be_unread
from kubectl_snapshot.document.diff.ignored import build_ignore_rules
from kubectl_snapshot.document.diff.match import identify
from kubectl_snapshot.document.paths import iter_subtypes, matches_path
from kubectl_snapshot.document.redaction.values import PREFIX, REDACTION_KEY
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import (
    ABSENT,
    GAP_STATUSES,
    Measurement,
    Snapshot,
    Subtype,
    in_order,
)
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from kubectl_snapshot.document.diff.ignored import IgnoreRules
    from kubectl_snapshot.document.registry import Devices, Registry
    from kubectl_snapshot.document.snapshot import Scalar

# Subtype, as `OS.sysctl`, and key; an empty key is the subtype as a whole.
Path = tuple[str, str]
# A form's values begin with one of these: a text, a missing reading, a reading that is not
# known, for a reason.
VALUE, MISSING, UNKNOWN = "=", "-", "?"
OWN = f"{VALUE}<its own>"
CONTEXT = "context."
NOT_COLLECTED = f"{UNKNOWN}not collected"
# A form that differs in more from each reference is a reference itself.
MAX_DELTA, MAX_REFERENCES = 150, 32

Values = dict[Path, str]


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
        self.references.append(Reference(node, subtypes, values, key, self.missing))
        return self.references[-1]

    def build(self, snapshot: Snapshot) -> Form:
        """Return the form of a document, which may become a reference."""
        subtypes = self._index(snapshot)
        node = snapshot.metadata.get("source-node", "")
        key = snapshot.metadata.get(REDACTION_KEY, "")
        best: tuple[int, Values] | None = None
        for place in self._order():
            delta = self._compare(self.references[place], subtypes, node, key)
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

    def missing(self, name: str) -> str:
        """Return the value of a subtype that a document lacks: only devices are gone."""
        type_, _, rest = name.partition(".")
        devices = self._devices.get(type_)
        is_device = devices is not None and rest.startswith(devices.prefix)
        return MISSING if is_device else NOT_COLLECTED

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
        for name in reference.subtypes.keys() - subtypes.keys():
            delta[name, ""] = self.missing(name)
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
            if _has(key, subtype):
                value = self.normalize(path, _read(key, subtype), node)
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


class Normalizer:
    """Normalises values as `diff` compares them."""

    def __init__(self, registry: Registry, is_one_node: bool = False) -> None:
        self._rules = build_ignore_rules(registry)
        self._is_one_node = is_one_node
        self._known: dict[Path, Callable[[str, str], str]] = {}

    def normalize(self, path: Path, value: Scalar, node: str) -> str:
        """Return the value of a reading in a form, "" if `diff` ignores it."""
        function = self._known.get(path)
        if function is None:
            function = self._known[path] = self._choose(path)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return function(text_of(value), node)

    def read(self, name: str, key: str, subtype: Subtype, node: str) -> str:
        """Return the value of a subtype's reading in a form, MISSING if it has none."""
        if not _has(key, subtype):
            return MISSING if self.normalize((name, key), "", node) else ""
        return self.normalize((name, key), _read(key, subtype), node)

    def is_setting(self, path: Path) -> bool:
        """Return whether a reading is compared as it is: a setting, not normalised."""
        text, rules = ".".join(path), self._rules
        normalizers = rules.normalizers.get(path[0].partition(".")[0], ())
        is_normalized = any(matches_path(text, key) for one in normalizers for key in one.keys)
        return not (is_normalized or rules.is_volatile(text) or rules.is_identity(text))

    def _choose(self, path: Path) -> Callable[[str, str], str]:
        """Return how the texts at a path are normalised."""
        rules, text = self._rules, ".".join(path)
        subtype, key = path
        if key.startswith(CONTEXT) and rules.is_ignored_context(subtype, key[len(CONTEXT) :]):
            return _ignore
        is_volatile = rules.is_volatile(text)
        if not (is_volatile or (rules.is_identity(text) and not self._is_one_node)):
            if self._is_one_node:
                return lambda value, _: VALUE + rules.normalize(text, value)
            return lambda value, node: (
                VALUE + rules.remove_node_name(text, rules.normalize(text, value), node)
            )
        form = _find_form(rules, text)
        if form is None:
            return _ignore if is_volatile else _hide
        return lambda value, node: VALUE + form(value)


def is_of_node(type_: str, name: str) -> bool:
    """Return whether a subtype is of one node, and not of the cluster."""
    return not type_.endswith("Topology") and (type_ != "K8s" or name == "node")


def keep_node(snapshot: Snapshot) -> Snapshot:
    """Return a document without the cluster-wide facts."""
    return _keep(snapshot, is_of_node)


def keep_cluster(snapshot: Snapshot) -> Snapshot:
    """Return the cluster-wide facts of a document."""
    return _keep(snapshot, lambda type_, name: not is_of_node(type_, name))


def join_cluster(node: Snapshot, cluster: Snapshot | None) -> Snapshot:
    """Return a node's document with the cluster-wide facts that it lacks."""
    if cluster is None:
        return node
    own = {m.type: m for m in node.measurements}
    theirs = {m.type: m for m in cluster.measurements}
    joined = []
    for type_ in {**theirs, **own}:
        subtypes = own[type_].subtypes if type_ in own else ()
        names = {subtype.name for subtype in subtypes}
        more = theirs[type_].subtypes if type_ in theirs else ()
        rest = tuple(s for s in more if s.name not in names and (type_, s.name) != ("K8s", "node"))
        joined.append(Measurement(type_, (*subtypes, *rest)))
    return Snapshot(node.metadata, in_order(tuple(joined)), node.kind, node.api_version)


def keep_subtypes(snapshot: Snapshot, names: Collection[str], registry: Registry) -> Snapshot:
    """Return a document with some subtypes only; of devices, all of their type are needed."""
    devices = {spec.type for spec in registry if spec.devices}
    types = {name.partition(".")[0] for name in names} & devices
    return _keep(snapshot, lambda type_, name: type_ in types or f"{type_}.{name}" in names)


def _keep(snapshot: Snapshot, is_kept: Callable[[str, str], bool]) -> Snapshot:
    measurements = (
        Measurement(m.type, tuple(s for s in m.subtypes if is_kept(m.type, s.name)))
        for m in snapshot.measurements
    )
    return replace(snapshot, measurements=tuple(measurements), fingerprint=())


def _ignore(_value: str, _node: str) -> str:
    return ""


def _hide(_value: str, _node: str) -> str:
    return OWN


def _find_form(rules: IgnoreRules, path: str) -> Callable[[str], str] | None:
    for ignored in rules.forms.get(path.partition(".")[0], ()):
        if ignored.form is not None and matches_path(path, ignored.path):
            return ignored.form
    return None


def _describe(subtype: Subtype) -> str:
    """Return the value of a subtype as a whole; a partly read one counts as read."""
    if subtype.status == ABSENT:
        return MISSING
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


def _has(key: str, subtype: Subtype) -> bool:
    is_context = key.startswith(CONTEXT) and key not in subtype.data
    return key[len(CONTEXT) :] in subtype.context if is_context else key in subtype.data


def _read(key: str, subtype: Subtype) -> Scalar:
    return subtype.data[key] if key in subtype.data else subtype.context[key[len(CONTEXT) :]]


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
