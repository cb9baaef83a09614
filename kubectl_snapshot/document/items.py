"""Lists of records in a subtype (`items`), and the fingerprint, as subtypes of their own. Pure.

AICR writes `items` since v0.19 for what is a list: the network adapters of a node, the labels of a
cluster. Each record is seen as a subtype that is named after what identifies it,
`pfs[pciAddress=0000:03:00.0]`, never after its place: two documents have it at different ones.
A path may also select it by its place, `pfs[0]`, or by any of its values, `pfs[rail=3]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import FINGERPRINT, Measurement, Subtype
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.document.snapshot import Item, Scalar, Snapshot

# What identifies a record; anything else in its context follows in alphabetic order.
IDENTITIES = ("pciAddress", "uuid", "id", "name", "key", "node", "pool")
MARKS = str.maketrans(dict.fromkeys("[]", "_"))


def unfold(snapshot: Snapshot) -> Snapshot:
    """Return the document with each item, and each dimension of its fingerprint, as a subtype."""
    has_items = any(s.items for m in snapshot.measurements for s in m.subtypes)
    if not has_items and not snapshot.fingerprint:
        return snapshot
    measurements = tuple(
        replace(m, subtypes=tuple(part for s in m.subtypes for part in _unfold(m.type, s)))
        for m in snapshot.measurements
    )
    if snapshot.fingerprint:
        measurements = (Measurement(FINGERPRINT, snapshot.fingerprint), *measurements)
    return replace(snapshot, measurements=measurements, fingerprint=())


def resolve_selector(snapshot: Snapshot, path: str) -> str:
    """Return a path with `[0]` or `[key=value]` behind its subtype in the form of `unfold`.

    Any other path, and one whose item does not exist, is returned unchanged. Raises InvalidRequest
    where several items have the value.
    """
    selected = _select(snapshot, path)
    if selected is None or selected.place is None:
        return path
    names = _name_items(selected.subtype)
    return f"{selected.type}.{names[selected.place]}{selected.rest}"


def explain_missing_item(snapshot: Snapshot, path: str) -> str:
    """Return why a path selects no item of its list; empty if it does, or selects none at all."""
    selected = _select(snapshot, path)
    if selected is None or selected.place is not None:
        return ""
    place = path[: len(path) - len(selected.rest)]
    return f"there is no {place}; the list has {len(selected.subtype.items)} items"


class _Selected(NamedTuple):
    """A list, the place in it that a path selects, None if there is none, and the path behind."""

    type: str
    subtype: Subtype
    place: int | None
    rest: str


def _select(snapshot: Snapshot, path: str) -> _Selected | None:
    head, _, rest = path.partition("[")
    selector, closing, behind = rest.partition("]")
    type_, _, name = head.partition(".")
    lists = (s for m in snapshot.measurements if m.type == type_ for s in m.subtypes if s.items)
    subtype = next((s for s in lists if s.name == name), None)
    if not closing or subtype is None or "*" in selector:
        return None
    names = _name_items(subtype)
    wanted = f"{name}[{selector}]"
    index = names.index(wanted) if wanted in names else _find_item(subtype, selector, head)
    return _Selected(type_, subtype, index, behind)


def _unfold(type_: str, subtype: Subtype) -> Sequence[Subtype]:
    if not subtype.items:
        return (subtype,)
    if type_ == "NodeTopology" and subtype.data:
        return (replace(subtype, items=()),)  # its items are its data once more
    named = zip(_name_items(subtype), subtype.items)
    items = (Subtype(name, {**item.context, **item.data}) for name, item in named)
    has_own = subtype.data or subtype.context
    return (*((replace(subtype, items=()),) if has_own else ()), *items)


def _name_items(subtype: Subtype) -> list[str]:
    """Return a name for each item: by one identity, else by its context, else by its place."""
    keys = _list_keys(subtype.items)
    for chosen in (*((key,) for key in keys), tuple(keys)):
        texts = [_describe(item, chosen) for item in subtype.items]
        if chosen and len(set(texts)) == len(texts):
            return [f"{subtype.name}[{text}]" for text in texts]
    return [f"{subtype.name}[{index}]" for index in range(len(subtype.items))]


def _list_keys(items: Sequence[Item]) -> list[str]:
    """Return the keys of the context that all items have, the likeliest identity first."""
    common = set(items[0].context).intersection(*(item.context for item in items))
    known = [key for key in IDENTITIES if key in common]
    return [*known, *sorted(common.difference(known))]


def _describe(item: Item, keys: Sequence[str]) -> str:
    return ",".join(f"{key}={item.context[key]}" for key in keys).translate(MARKS)


def _find_item(subtype: Subtype, selector: str, where: str) -> int | None:
    key, equals, text = selector.partition("=")
    if not equals:
        is_place = selector.isascii() and selector.isdecimal()
        return int(selector[:9]) if is_place and int(selector[:9]) < len(subtype.items) else None
    found = [i for i, item in enumerate(subtype.items) if _value_at(item, key) == text]
    if len(found) > 1:
        raise InvalidRequest(
            f"{len(found)} items of {where} have {key}={text}", hint="choose one by what is unique"
        )
    return found[0] if found else None


def _value_at(item: Item, key: str) -> str | None:
    value: Scalar | None = item.data.get(key, item.context.get(key))
    return None if value is None else text_of(value)
