"""Which differences `diff` ignores, and how texts are normalised before comparison. Pure.

What collectors declare about their keys, indexed by path. A pattern matches a whole path; `*` is
any run of characters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.path_patterns import PathPatterns, find_possible, never
from kubectl_snapshot.document.paths import matches_path
from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.path_patterns import Matcher
    from kubectl_snapshot.document.registry import (
        IgnoredKey,
        Normalizer,
        Registry,
        SubtypeSpec,
    )
    from kubectl_snapshot.document.snapshot import Scalar


class IgnoredPath(NamedTuple):
    """A pattern of paths, and the reason why their differences are ignored."""

    path: str
    reason: str
    form: Callable[[str], str] | None = None


# Volatile, whatever is collected.
VOLATILE_METADATA = IgnoredPath("metadata.*", "how and when the document was taken")

# Keys of every context that describe the reading and not the node.
IGNORED_CONTEXT = ("elapsed-ms", "left-out", "note", "reason", "status")

# Flags of kubelet, k3s and kubeadm that give a node its own name, address or machine.
NODE_FLAG = re.compile(
    r"(--(hostname-override|node-ip|node-external-ip|node-name|advertise-address|provider-id)[= ])"
    r"([^\s\]\"']+)"
)
NAME_FLAGS = ("hostname-override", "node-name")
# An address that stands for every node's own, and so is a setting.
UNSPECIFIED = ("0.0.0.0", "::")
OWN = "<its own>"

Patterns = dict[str, tuple[str, ...]]


class SubtypeRules(NamedTuple):
    """The declarations for the keys of one subtype, as functions of a path that has its prefix.

    With `is_free`, no difference is ignored for its path; with `is_exact`, all values are compared
    as they are.
    """

    prefix: str
    is_volatile: Matcher
    is_identity: Matcher
    names_node: Matcher
    is_node_list: bool
    normalizers: tuple[tuple[Matcher, Callable[[str], str]], ...]
    is_free: bool
    is_exact: bool

    def find_changing(self, keys: Sequence[str]) -> set[str]:
        """Return the paths of keys whose values may have parts that are not compared."""
        if self.is_exact:
            return set()
        paths = [self.prefix + key for key in keys]
        matchers = (self.names_node, *(matches for matches, _ in self.normalizers))
        return set().union(*(find_possible(matches, paths) for matches in matchers))

    def find_ignorable(self, paths: Sequence[str]) -> set[str]:
        """Return the paths whose differences may be ignored."""
        return find_possible(self.is_volatile, paths) | find_possible(self.is_identity, paths)

    def normalize(self, path: str, text: str) -> str:
        """Return a text without the parts that change by themselves."""
        for matches, apply in self.normalizers:
            if matches(path):
                text = apply(text)
        return text


class IgnoreRules(NamedTuple):
    """All declarations that `diff` needs, by measurement type: most types have none of a kind."""

    volatile: Patterns
    identity: Patterns
    names_node: Patterns
    node_lists: Patterns
    context: Patterns
    full_values: Mapping[str, str]
    forms: Mapping[str, tuple[IgnoredPath, ...]]
    normalizers: Mapping[str, tuple[Normalizer, ...]]
    known: dict[str, SubtypeRules]

    def below(self, subtype: str) -> SubtypeRules:
        """Return what is declared for the keys of a subtype, as `OS.sysctl`."""
        rules = self.known.get(subtype)
        if rules is None:
            rules = self.known[subtype] = self._build_below(f"{subtype}.")
        return rules

    def _build_below(self, prefix: str) -> SubtypeRules:
        type_ = _type_of(prefix)
        volatile, identity, names_node = (
            PathPatterns(patterns.get(type_, ())).below(prefix)
            for patterns in (self.volatile, self.identity, self.names_node)
        )
        normalizers = tuple(
            (PathPatterns(normalizer.keys).below(prefix), normalizer.apply)
            for normalizer in self.normalizers.get(type_, ())
        )
        used = tuple(one for one in normalizers if one[0] is not never)
        is_node_list = _matches(prefix, self.node_lists)
        is_free = volatile is never and identity is never
        is_exact = not used and names_node is never
        return SubtypeRules(
            prefix, volatile, identity, names_node, is_node_list, used, is_free, is_exact
        )

    def is_volatile(self, path: str) -> bool:
        """Return whether a path changes while nobody changes a setting."""
        return _matches(path, self.volatile)

    def is_identity(self, path: str) -> bool:
        """Return whether a path has another value on every node."""
        return _matches(path, self.identity)

    def have_one_form(self, path: str, before: Scalar | None, after: Scalar | None) -> bool:
        """Return whether two values of an ignored path have the same form; most have none."""
        for ignored in self.forms.get(_type_of(path), ()):
            if ignored.form is not None and matches_path(path, ignored.path):
                return ignored.form(text_of(before)) == ignored.form(text_of(after))
        return True

    def find_full_values(self, subtype: str) -> str:
        """Return the prefix of context keys with the whole values of a subtype, empty if none."""
        return self.full_values.get(subtype, "")

    def is_node_list(self, subtype: str) -> bool:
        """Return whether the values of a subtype, as `OS.sysctl`, end in a list of nodes."""
        return _matches(f"{subtype}.", self.node_lists)

    def is_ignored_context(self, subtype: str, key: str) -> bool:
        """Return whether a context key describes the reading, or repeats `data`."""
        return key in IGNORED_CONTEXT or _matches(f"{subtype}.{key}", self.context)

    def normalize(self, path: str, text: str) -> str:
        """Return a text without the parts that change by themselves."""
        for normalizer in self.normalizers.get(_type_of(path), ()):
            if any(matches_path(path, key) for key in normalizer.keys):
                text = normalizer.apply(text)
        return text

    def remove_node_name(self, path: str, text: str, node_name: str) -> str:
        """Return the text of a setting with its node's name and address replaced."""
        return hide_node_name(text, node_name) if _matches(path, self.names_node) else text


def build_ignore_rules(registry: Registry) -> IgnoreRules:
    """Return the declarations of all subtypes, indexed by type."""
    volatile, identity = list_volatile(registry), list_identity(registry)
    return IgnoreRules(
        volatile=_index(ignored.path for ignored in volatile),
        identity=_index(ignored.path for ignored in identity),
        names_node=_index(_list_paths(registry, lambda spec: spec.names_node)),
        node_lists=_index(_list_paths(registry, lambda spec: ("*",) if spec.lists_nodes else ())),
        full_values={
            f"{measurement.type}.{spec.name}": spec.full_values
            for measurement in registry
            for spec in measurement.subtypes
            if spec.full_values
        },
        forms=_index_forms((*volatile, *identity)),
        context=_index(_list_paths(registry, lambda spec: spec.ignored_context)),
        normalizers=_index_normalizers(registry),
        known={},
    )


def hide_node_name(text: str, node_name: str) -> str:
    """Return the text of a setting with its node's name and address replaced."""
    text = NODE_FLAG.sub(_hide_flag, text)
    return _compile_name(node_name).sub(OWN, text) if node_name else text


def list_volatile(registry: Registry) -> tuple[IgnoredPath, ...]:
    """Return the paths that change while nobody changes a setting."""
    return (VOLATILE_METADATA, *_list_ignored(registry, lambda spec: spec.volatile))


def list_identity(registry: Registry) -> tuple[IgnoredPath, ...]:
    """Return the paths that have another value on every node."""
    return tuple(_list_ignored(registry, lambda spec: spec.identity))


def _list_ignored(
    registry: Registry, select: Callable[[SubtypeSpec], tuple[IgnoredKey, ...]]
) -> Iterator[IgnoredPath]:
    for measurement in registry:
        for spec in measurement.subtypes:
            for key, reason, form in select(spec):
                yield IgnoredPath(f"{measurement.type}.{spec.name}.{key}", reason, form)


def _list_paths(
    registry: Registry, select: Callable[[SubtypeSpec], tuple[str, ...]]
) -> Iterator[str]:
    for measurement in registry:
        for spec in measurement.subtypes:
            yield from (f"{measurement.type}.{spec.name}.{key}" for key in select(spec))


def _index_normalizers(registry: Registry) -> dict[str, tuple[Normalizer, ...]]:
    found: dict[str, tuple[Normalizer, ...]] = {}
    for measurement in registry:
        for spec in measurement.subtypes:
            prefix = f"{measurement.type}.{spec.name}."
            found[measurement.type] = (
                *found.get(measurement.type, ()),
                *(n._replace(keys=tuple(prefix + key for key in n.keys)) for n in spec.normalizers),
            )
    return found


def _index_forms(ignored: Iterable[IgnoredPath]) -> dict[str, tuple[IgnoredPath, ...]]:
    found: dict[str, tuple[IgnoredPath, ...]] = {}
    for path in ignored:
        if path.form is not None:
            found[_type_of(path.path)] = (*found.get(_type_of(path.path), ()), path)
    return found


def _index(paths: Iterable[str]) -> Patterns:
    """Return patterns of paths by measurement type: most paths are of a type that has none."""
    index: Patterns = {}
    for path in paths:
        index[_type_of(path)] = (*index.get(_type_of(path), ()), path)
    return index


def _matches(path: str, patterns: Patterns) -> bool:
    return any(matches_path(path, pattern) for pattern in patterns.get(_type_of(path), ()))


def _type_of(path: str) -> str:
    return path.partition(".")[0]


def _hide_flag(match: re.Match[str]) -> str:
    """Return a flag with the form of its value: a name, addresses, or a provider's id."""
    start, flag, value = match.groups()
    if flag in NAME_FLAGS:
        return f"{start}{OWN}"
    if flag == "provider-id":
        scheme, separator, _ = value.partition("://")
        return f"{start}{scheme}://{OWN}" if separator else f"{start}{OWN}"
    return start + ",".join(_hide_address(address) for address in value.split(","))


def _hide_address(text: str) -> str:
    if text in UNSPECIFIED:
        return text
    return f"{OWN} IPv6" if ":" in text else OWN


@lru_cache(maxsize=2)
def _compile_name(node_name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(node_name)}(?![\w-])")
