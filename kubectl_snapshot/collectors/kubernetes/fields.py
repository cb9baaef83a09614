"""Fields of decoded API objects by path; empty if missing or of another type. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def text_at(value: object, *path: str) -> str:
    """Return the text at a path."""
    found = _find(value, path)
    return found if isinstance(found, str) else ""


def map_at(value: object, *path: str) -> Mapping[str, Any]:
    """Return the map at a path."""
    found = _find(value, path)
    return found if isinstance(found, dict) else {}


def list_at(value: object, *path: str) -> Sequence[Any]:
    """Return the list at a path."""
    found = _find(value, path)
    return found if isinstance(found, list) else ()


def _find(value: object, path: tuple[str, ...]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
