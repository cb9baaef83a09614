"""Match the parts of two devices, such as MIG devices: their numbers change. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import ADDED, REMOVED, Change
from kubectl_snapshot.document.diff.gaps import may_be_unread
from kubectl_snapshot.document.diff.match import match_unique
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.registry import Parts
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

    # The readings of each part, by its number.
    ByNumber = dict[str, dict[str, Scalar]]


class MatchedParts(NamedTuple):
    """Two devices whose parts have the first one's numbers, and the parts that only one has."""

    before: Subtype
    after: Subtype
    changes: tuple[Change, ...]


def match_parts(name: str, old: Subtype, new: Subtype, parts: Parts) -> MatchedParts:
    """Return two subtypes of one device; a part that may be unread keeps its readings."""
    left, right = _collect(old, parts), _collect(new, parts)
    numbers = _match(left, right, parts)
    removed = {} if may_be_unread("", new) else _rest(left, numbers)
    taken = {*left, *numbers.values()}
    added = {} if may_be_unread("", old) else _rest(right, numbers.values())
    back = {other: number for number, other in numbers.items()}
    for number in right:
        if number not in back:
            back[number] = number if number not in left else _next_free(taken)
            taken.add(back[number])
    changes = [
        *_describe(name, REMOVED, removed, parts),
        *_describe(name, ADDED, added, parts),
    ]
    before = {n: values for n, values in left.items() if n not in removed}
    after = {back[n]: values for n, values in right.items() if n not in added}
    return MatchedParts(_rebuild(old, before, parts), _rebuild(new, after, parts), tuple(changes))


def _collect(subtype: Subtype, parts: Parts) -> ByNumber:
    found: ByNumber = {}
    for key, value in subtype.data.items():
        part = _split(key, parts)
        if part:
            found.setdefault(part[1], {})[part[2]] = value
    return found


def _split(key: str, parts: Parts) -> re.Match[str] | None:
    return re.fullmatch(rf"{re.escape(parts.prefix)}([0-9]+)\.(.+)", key)


def _match(left: ByNumber, right: ByNumber, parts: Parts) -> dict[str, str]:
    """Return the numbers of the first device's parts, each with its number in the second."""
    left, right = dict(left), dict(right)
    matched: dict[str, str] = {}
    for keys in parts.identities:
        ids = [{n: _identify(values, keys) for n, values in s.items()} for s in (left, right)]
        for number, other in match_unique(*ids).items():
            matched[number] = other
            del left[number], right[other]
    nameless = [{n: n for n, v in s.items() if not _has_identity(v, parts)} for s in (left, right)]
    return {**matched, **match_unique(*nameless)}


def _identify(values: Mapping[str, Scalar], keys: tuple[str, ...]) -> str:
    return "/".join(str(values[key]) for key in keys) if values.keys() >= {*keys} else ""


def _has_identity(values: Mapping[str, Scalar], parts: Parts) -> bool:
    return any(_identify(values, keys) for keys in parts.identities)


def _rest(found: ByNumber, taken: object) -> ByNumber:
    return {n: values for n, values in found.items() if n not in taken}  # type: ignore[operator]


def _next_free(taken: set[str]) -> str:
    return next(str(n) for n in range(len(taken) + 1) if str(n) not in taken)


def _describe(name: str, kind: str, found: ByNumber, parts: Parts) -> Iterator[Change]:
    for number, values in found.items():
        texts = (str(values.get(key, "")) for key in parts.describe_by)
        note = " at ".join(text for text in texts if text)
        yield Change(name, f"{parts.prefix}{number}", kind, note=note, values=values)


def _rebuild(subtype: Subtype, found: ByNumber, parts: Parts) -> Subtype:
    rest = {key: value for key, value in subtype.data.items() if not _split(key, parts)}
    numbered = {
        f"{parts.prefix}{number}.{key}": value
        for number, values in found.items()
        for key, value in values.items()
    }
    return replace(subtype, data={**rest, **numbered})
