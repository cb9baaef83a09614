"""Cache of the forms of a fleet's documents, by the SHA-256 of all of them.

An unreadable or unwritable cache counts as empty. Forms have readings as redacted as documents.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import kubectl_snapshot
from kubectl_snapshot.clients.files.cache import Cache, read_cached, write_cached
from kubectl_snapshot.document.fleet.forms import Form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.fleet.forms import Reference
    from kubectl_snapshot.document.fleet.manifest import FleetNode
    from kubectl_snapshot.document.fleet.normalizer import Path

FORMS = Cache("fleet", 7 * 86_400.0, 256 * 1024 * 1024)


class CachedForms(NamedTuple):
    """The forms by node, and the nodes whose documents are the references, in their order."""

    references: tuple[str, ...]
    forms: dict[str, Form]


def read_forms(entries: Sequence[FleetNode], env: Mapping[str, str]) -> CachedForms | None:
    """Return the forms of exactly these documents, None if they are not cached."""
    tree = read_cached(FORMS, _key(entries), env)
    try:
        deltas = [(place, _parse_delta(delta)) for place, delta in tree["deltas"]]
        forms = {name: Form(*deltas[number]) for name, number in tree["nodes"].items()}
        found = CachedForms(tuple(tree["references"]), forms)
    except (TypeError, KeyError, ValueError, IndexError, AttributeError):
        return None
    places = range(len(found.references))
    is_whole = forms.keys() == {node.name for node in entries}
    return found if is_whole and all(form.reference in places for form in forms.values()) else None


def write_forms(
    entries: Sequence[FleetNode],
    references: Sequence[Reference],
    forms: Mapping[str, Form],
    env: Mapping[str, str],
) -> None:
    """Cache the forms of these documents."""
    numbers: dict[tuple[int, int], int] = {}
    deltas: list[object] = []
    nodes = {}
    for name, form in forms.items():
        key = form.reference, id(form.delta)
        if key not in numbers:
            numbers[key] = len(deltas)
            values = [[subtype, path, value] for (subtype, path), value in form.delta.items()]
            deltas.append([form.reference, values])
        nodes[name] = numbers[key]
    tree = {"references": [r.node for r in references], "deltas": deltas, "nodes": nodes}
    write_cached(FORMS, _key(entries), tree, env)


def _key(entries: Sequence[FleetNode]) -> list[str]:
    documents = (f"{node.name} {node.sha256}" for node in entries)
    return [*_describe_program(), *documents]


def _describe_program() -> list[str]:
    """Return the state of our own files: with other rules of `diff`, forms are others."""
    root = os.path.dirname(kubectl_snapshot.__file__)
    while not os.path.exists(root):
        root = os.path.dirname(root)  # run from the zip file
    paths = [os.path.join(d, n) for d, _, names in os.walk(root) for n in names if n[-3:] == ".py"]
    found = ((path, os.stat(path)) for path in sorted(paths) or [root])
    return [f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in found]


def _parse_delta(values: Sequence[tuple[str, str, str]]) -> dict[Path, str]:
    return {(str(subtype), str(key)): str(value) for subtype, key, value in values}
