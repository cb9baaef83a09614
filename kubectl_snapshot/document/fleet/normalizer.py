"""How one reading is compared: its normalised value in a form, or that `diff` ignores it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.diff.ignored import build_ignore_rules
from kubectl_snapshot.document.paths import matches_path
from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_snapshot.document.diff.ignored import IgnoreRules
    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

    # Subtype, as `OS.sysctl`, and key; an empty key is the subtype as a whole.
    Path = tuple[str, str]

# A form's values begin with one of these: a text, a missing reading, a reading that is not
# known, for a reason.
VALUE, MISSING, UNKNOWN = "=", "-", "?"
OWN = f"{VALUE}<its own>"
CONTEXT = "context."


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
        if not has_reading(key, subtype):
            return MISSING if self.normalize((name, key), "", node) else ""
        return self.normalize((name, key), read_reading(key, subtype), node)

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


def has_reading(key: str, subtype: Subtype) -> bool:
    """Return whether a subtype has a reading, or an entry of its context."""
    is_context = key.startswith(CONTEXT) and key not in subtype.data
    return key[len(CONTEXT) :] in subtype.context if is_context else key in subtype.data


def read_reading(key: str, subtype: Subtype) -> Scalar:
    """Return a reading, or an entry of the context, that `has_reading` found."""
    return subtype.data[key] if key in subtype.data else subtype.context[key[len(CONTEXT) :]]


def _ignore(_value: str, _node: str) -> str:
    return ""


def _hide(_value: str, _node: str) -> str:
    return OWN


def _find_form(rules: IgnoreRules, path: str) -> Callable[[str], str] | None:
    for ignored in rules.forms.get(path.partition(".")[0], ()):
        if ignored.form is not None and matches_path(path, ignored.path):
            return ignored.form
    return None
