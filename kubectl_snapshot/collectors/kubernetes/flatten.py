"""Nested maps as flat text: one entry per leaf, its path joined with dots (contract section 2.1).

Used for policies and for Helm's values. Pure; what the values mean is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.json_codec import render_compact
from kubectl_snapshot.document.scalars import MAX_DEPTH, text_of
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Return the leaves by path; empty maps and lists have none, other lists are compact JSON.

    Where two paths read the same, as `a.b` inside and outside of `a`, both stay: see `add_entry`.
    """
    data: dict[str, str] = {}
    for path, value in _leaves(values, prefix, 0):
        add_entry(data, path, value)
    return data


def add_entry(data: dict[str, str], key: str, value: str) -> None:
    """Add an entry; where the key is taken by another value, as `<key>#2`, `<key>#3`…"""
    name, count = key, 1
    while data.get(name, value) != value:
        count += 1
        name = f"{key}#{count}"
    data[name] = value


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
            yield path, render_compact(value)
