"""Compare labels and taints as sets of nodes (contract section 2.5). Pure.

One node less is one change, not one for each of its labels. Keys alone do not say which label an
entry is: `gpu.count` is `gpu.count.8` where nodes have different values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, UNKNOWN, Change
from kubectl_snapshot.document.diff.direction import natural_key
from kubectl_snapshot.document.snapshot import GAP_STATUSES
from kubectl_snapshot.document.topology_items import NODES, PER_NODE
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kubectl_snapshot.document.diff.equality import Comparability
    from kubectl_snapshot.document.diff.match import Pair
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

SUMMARY, NODE_COUNT = "summary", "node-count"
MORE = " (+"
NOT_COMPARABLE = "not comparable: taken with another --max-nodes-per-entry"
SHOWN_NODES = 3


class _Entry(NamedTuple):
    """One label or taint with a value; `more` is how many nodes are not named."""

    key: str
    head: str
    nodes: frozenset[str]
    more: int
    text: str

    @property
    def total(self) -> int:
        return len(self.nodes) + self.more


class _Nodes(NamedTuple):
    """The nodes that only one document has; `is_known` if both name all their nodes."""

    gone: frozenset[str]
    come: frozenset[str]
    is_known: bool
    count_change: int


Entries = dict[str, _Entry]


def compare_node_lists(
    changes: Sequence[Change], pairs: Sequence[Pair], comparability: Comparability
) -> list[Change]:
    """Return the changes with those of node lists replaced by the differences of the sets."""
    lists = [pair for pair in pairs if _is_comparable(pair, comparability)]
    if not lists:
        return list(changes)
    read = [tuple(_parse_entries(side) for side in _sides(pair)) for pair in lists]
    summary = next((p for p in pairs if p.name == f"{lists[0].type}.{SUMMARY}"), None)
    nodes = _find_nodes(lists, read, summary)
    found: list[Change] = []
    for pair, both in zip(lists, read):
        old, new = _leave_out_counted(_sides(pair), both)
        found += _compare_entries(pair.name, old, new, nodes)
    found = _tell_once(found, lists[0].type)
    names = {pair.name for pair in lists}
    kept = [
        change
        for change in changes
        if (change.subtype not in names or change.kind == UNKNOWN or not change.key)
        and not _follows(change, lists, nodes)
    ]
    return [*kept, *_describe_nodes(lists[0].type, summary, nodes), *found]


def _is_comparable(pair: Pair, comparability: Comparability) -> bool:
    if not comparability.ignore.is_node_list(pair.name):
        return False
    return (
        pair.before is not None
        and pair.after is not None
        and not any(subtype.status in GAP_STATUSES for subtype in (pair.before, pair.after))
    )


def _sides(pair: Pair) -> tuple[Subtype, Subtype]:
    assert pair.before is not None
    assert pair.after is not None
    return pair.before, pair.after


def _leave_out_counted(sides: Sequence[Subtype], entries: Sequence[Entries]) -> list[Entries]:
    """Return the entries of two documents without labels that one of them has as a count."""
    names = (key for side in sides for key in side.context if key.startswith(PER_NODE))
    counted = tuple(f"{name[len(PER_NODE) :]}." for name in names)
    return [{k: v for k, v in side.items() if not k.startswith(counted)} for side in entries]


def _parse_entries(subtype: Subtype) -> Entries:
    """Return the entries by key; those that share a key with another are in the context."""
    texts = {key: str(value) for key, value in subtype.data.items()}
    found = {key: _parse_entry(key, text) for key, text in texts.items()}
    for key, text in subtype.context.items():
        parts = text.split("|")
        name, number, _ = key.rpartition("#")
        if number and len(parts) == 4 and name in found and parts[1] != found[name].head:
            found[key] = _parse_entry(name, f"{parts[1]}|{parts[3]}")
    return found


def _parse_entry(key: str, text: str) -> _Entry:
    head, _, nodes = text.rpartition("|")
    names, _, more = nodes.partition(MORE)
    count = more.partition(" ")[0]
    is_count = count.isdecimal() and len(count) < 10
    return _Entry(key, head, frozenset(names.split(",")), int(count) if is_count else 0, text)


def _find_nodes(
    lists: Sequence[Pair], read: Iterable[tuple[Entries, ...]], summary: Pair | None
) -> _Nodes:
    """Return which nodes only one document has, if both name as many as they count."""
    sets: tuple[set[str], set[str]] = _list_names(lists, 0), _list_names(lists, 1)
    for entries in read:
        for names, side in zip(sets, entries):
            names.update(*(entry.nodes for entry in side.values()))
    counts = _node_counts(summary)
    moved = (counts[1] or 0) - (counts[0] or 0) if None not in counts else 0
    if [len(names) for names in sets] != counts:
        return _Nodes(frozenset(), frozenset(), False, moved)
    return _Nodes(frozenset(sets[0] - sets[1]), frozenset(sets[1] - sets[0]), True, moved)


def _list_names(lists: Sequence[Pair], side: int) -> set[str]:
    """Return the nodes that a document names once for all labels that differ on every node."""
    texts = (_sides(pair)[side].context.get(NODES, "") for pair in lists)
    return {name for text in texts if text for name in text.split(",")}


def _node_counts(summary: Pair | None) -> list[int | None]:
    sides = (summary.before, summary.after) if summary else (None, None)
    counts = [side.data.get(NODE_COUNT) if side else None for side in sides]
    return [count if isinstance(count, int) else None for count in counts]


def _compare_entries(name: str, old: Entries, new: Entries, nodes: _Nodes) -> Iterator[Change]:
    limits = _limit(old), _limit(new)
    by_path: dict[str, Change] = {}
    for one, other in _match_entries(old, new):
        change = _compare_entry(name, one, other, nodes, limits)
        if change is not None:
            by_path[change.key] = _join(by_path.get(change.key), change)
    yield from (by_path[key] for key in sorted(by_path, key=natural_key))


def _match_entries(old: Entries, new: Entries) -> Iterator[tuple[_Entry | None, _Entry | None]]:
    """Yield the entries of one label or taint: by key and value, then by what these can mean."""
    left, right = dict(enumerate(old.values())), dict(enumerate(new.values()))
    for identify in (_plain_identities, _all_identities):
        places = {id_: place for place, entry in right.items() for id_ in identify(entry)}
        for place, entry in list(left.items()):
            other = next((p for p in map(places.get, identify(entry)) if p in right), None)
            if other is not None:
                yield left.pop(place), right.pop(other)
    yield from ((entry, None) for entry in left.values())
    yield from ((None, entry) for entry in right.values())


def _plain_identities(entry: _Entry) -> tuple[tuple[str, str], ...]:
    return ((entry.key, entry.head),)


def _all_identities(entry: _Entry) -> tuple[tuple[str, str], ...]:
    """Return the label or taint of an entry: the key ends in value or effect if it has several."""
    key, head = entry.key, entry.head
    effect, bar, value = head.partition("|")
    found = [(key, f"{effect}|{value}" if bar else head)]
    if key.endswith(f".{head}"):
        found.append((key[: -len(head) - 1], head))
    base, dot, last = key.rpartition(".")
    if dot:
        found.append((base, f"{last}|{head}"))
    return tuple(found)


def _compare_entry(
    name: str, old: _Entry | None, new: _Entry | None, nodes: _Nodes, limits: tuple[int, int]
) -> Change | None:
    if old is None or new is None:
        return _describe_one_sided(name, old, new, nodes)
    left, came = old.nodes - new.nodes - nodes.gone, new.nodes - old.nodes - nodes.come
    if not old.more and not new.more:
        return _describe_sets(name, old, new, left, came)
    if old.text == new.text:
        return None
    if limits[0] != limits[1] and _exceed_limits(old, new, limits):
        return Change(name, new.key, UNKNOWN, old.text, new.text, NOT_COMPARABLE)
    return _compare_truncated(name, (old, new), (left, came), nodes)


def _describe_one_sided(
    name: str, old: _Entry | None, new: _Entry | None, nodes: _Nodes
) -> Change | None:
    entry = old or new
    if entry is None:
        return None
    rest = entry.nodes - (nodes.gone if old else nodes.come)
    if not rest and not entry.more:
        return None
    text = entry.text if entry.more else _render(entry, rest)
    return (
        Change(name, entry.key, REMOVED, text)
        if old
        else Change(name, entry.key, ADDED, None, text)
    )


def _describe_sets(
    name: str, old: _Entry, new: _Entry, left: frozenset[str], came: frozenset[str]
) -> Change | None:
    if not left and not came:
        return None
    before, after = (_render(old, left) if left else None), (_render(new, came) if came else None)
    kind = CHANGED if left and came else REMOVED if left else ADDED
    return Change(name, new.key, kind, before, after)


def _compare_truncated(
    name: str,
    entries: tuple[_Entry, _Entry],
    moved: tuple[frozenset[str], frozenset[str]],
    nodes: _Nodes,
) -> Change | None:
    """Return a change if neither the named nodes nor the counts follow from gone and new nodes.

    Nodes are named in order: behind the last one that both documents could name, nothing is known.
    """
    old, new = entries
    ends = [max(entry.nodes) for entry in entries if entry.more]
    seen = [node for names in moved for node in names if node <= min(ends)]
    change = new.total - old.total
    if nodes.is_known:
        is_explained = -len(nodes.gone) <= change <= len(nodes.come)
    else:
        is_explained = min(nodes.count_change, 0) <= change <= max(nodes.count_change, 0)
    # In a cut list, a removed node makes room for another name.
    is_moved = bool(nodes.count_change) and not nodes.is_known
    if is_explained and (is_moved or not seen):
        return None
    return Change(name, new.key, CHANGED, old.text, new.text, f"{change:+}" if change else "")


def _limit(entries: Entries) -> int:
    """Return how many nodes an entry names at most, 0 without a limit."""
    return max((len(entry.nodes) for entry in entries.values() if entry.more), default=0)


def _exceed_limits(old: _Entry, new: _Entry, limits: tuple[int, int]) -> bool:
    """Return whether one document names more nodes than the other's limit."""
    longest = max(len(old.nodes), len(new.nodes))
    return longest > min(limit for limit in limits if limit)


def _join(first: Change | None, change: Change) -> Change:
    """Return two changes of one path as one: another value of a label."""
    if first is None or change.kind == UNKNOWN:
        return change
    before = first.before if first.before is not None else change.before
    after = first.after if first.after is not None else change.after
    both = before is not None and after is not None
    return replace(first, kind=CHANGED if both else first.kind, before=before, after=after)


def _render(entry: _Entry, nodes: frozenset[str]) -> str:
    return f"{entry.head}|{','.join(sorted(nodes, key=natural_key))}"


def _tell_once(changes: list[Change], type_: str) -> list[Change]:
    """Return the changes with those that are not comparable as one of the whole type."""
    unknown = [change for change in changes if change.kind == UNKNOWN]
    if not unknown:
        return changes
    known = [change for change in changes if change.kind != UNKNOWN]
    return [*known, Change(type_, "", UNKNOWN, note=NOT_COMPARABLE)]


def _follows(change: Change, lists: Sequence[Pair], nodes: _Nodes) -> bool:
    """Return whether the change of a count follows from what else is reported."""
    type_, _, rest = f"{change.subtype}.{change.key}".partition(".")
    if change.kind != CHANGED or type_ != lists[0].type:
        return False
    if rest == f"{SUMMARY}.{NODE_COUNT}":
        return nodes.is_known
    for pair in lists:
        old, new = _sides(pair)
        if rest == f"{SUMMARY}.{old.name}-count":
            return _number(change.after) - _number(change.before) == len(new.data) - len(old.data)
    return False


def _number(value: Scalar | None) -> int:
    return value if isinstance(value, int) else 0


def _describe_nodes(type_: str, summary: Pair | None, nodes: _Nodes) -> Iterator[Change]:
    """Yield one change for all nodes that only one document has."""
    if summary is None or not (nodes.gone or nodes.come):
        return
    before, after = _node_counts(summary)
    note = "; ".join(
        f"{sign}{len(names)}: {_name_some(names)}"
        for sign, names in (("-", nodes.gone), ("+", nodes.come))
        if names
    )
    yield Change(f"{type_}.{SUMMARY}", NODE_COUNT, CHANGED, before, after, note)


def _name_some(names: frozenset[str]) -> str:
    ordered = sorted(names, key=natural_key)
    more = len(ordered) - SHOWN_NODES
    return ", ".join(ordered[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")
