"""Flatten nested maps: one entry per leaf, its path joined with dots (contract section 2.1). Pure.

Used for policies, Helm releases, Argo CD applications and the configuration of kubelets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.scalars import MAX_DEPTH, text_of
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class NamedEntries(NamedTuple):
    """An object of a namespace; `entries` are keys below the object's name, and values."""

    name: str
    namespace: str
    entries: tuple[tuple[str, str], ...]


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Return the leaves by path; empty maps and lists have none, other lists are compact JSON.

    Where two paths are equal, as `a.b` inside and outside of `a`, both are kept: see `add_entry`.
    """
    data: dict[str, str] = {}
    for path, value in _leaves(values, prefix, 0):
        add_entry(data, path, value)
    return data


def add_entry(data: dict[str, str], key: str, value: str) -> None:
    """Add an entry; if the key has another value already, as `<key>#2`, `<key>#3`…"""
    name, count = key, 1
    while data.get(name, value) != value:
        count += 1
        name = f"{key}#{count}"
    data[name] = value


def merge_entries(objects: Iterable[NamedEntries]) -> dict[str, str]:
    """Return the entries of all objects as `<name>.<key>`.

    Of objects with one name, the first by namespace has plain keys, others `<namespace>/<name>`.
    """
    data: dict[str, str] = {}
    first: dict[str, str] = {}
    for name, namespace, entries in sorted(objects):
        is_first = first.setdefault(name, namespace) == namespace
        prefix = name if is_first else f"{namespace}/{name}"
        for key, value in entries:
            add_entry(data, f"{prefix}.{key}", value)
    return data


def _leaves(values: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"a value is nested deeper than {MAX_DEPTH} levels")
    for key, value in sorted(values.items()):
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            yield from _leaves(value, path, depth + 1)
        elif not isinstance(value, list):
            yield path, text_of(value)
        elif value:
            # Late: 5 ms of each schema.
            from kubectl_snapshot.document.codec.json_codec import render_compact

            yield path, render_compact(value)
