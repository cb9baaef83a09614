"""The rows of an export: each reading, gap and status of a node or of the cluster. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Union

from kubectl_snapshot.document.diff.ignored import build_ignore_rules
from kubectl_snapshot.document.diff.selection import Selection, is_selected, may_be_selected
from kubectl_snapshot.document.paths import iter_subtypes, list_readings
from kubectl_snapshot.document.rules import node_groups
from kubectl_snapshot.document.scalars import kind_of, text_of
from kubectl_snapshot.document.snapshot import ABSENT, OK
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kubectl_snapshot.document.fleet.manifest import FleetNode
    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

    Labels = Mapping[str, Mapping[str, str]]

Text = Union[str, None]

# The type of a row without a value, beside `absent` and the kinds of scalars.kind_of.
UNREAD = "unread"
# Why `diff` ignores a reading.
VOLATILE, IDENTITY = "volatile", "identity"
# Paths beside those of readings.
STATUS, LABEL = "status", "label."
TEXT = "string"
PATHS_HINT = "list the paths of a node with `kubectl snapshot query DIR/nodes/NODE.yaml`"
# Paths whose classification is remembered: nodes have most paths in common.
MAX_PATHS = 16_384
# Paths that a mistyped pattern is compared with.
MAX_SEEN = 5_000


class Origin(NamedTuple):
    """What the rows of a document share; None where it is not known, or of no node."""

    run: Text
    time: Text
    cluster: Text
    node: Text


class Row(NamedTuple):
    """One row. `value` is a text; None for what is absent or was not read, as `reason` says."""

    run: Text
    time: Text
    cluster: Text
    node: Text
    path: str
    type: str
    value: Text
    reason: Text = None
    ignored: Text = None


class RowBuilder:
    """Builds the rows of documents, those of selected paths only."""

    def __init__(self, registry: Registry, selection: Selection) -> None:
        self._selection = selection
        self._classify = lru_cache(MAX_PATHS)(_build_classifier(registry))
        self._is_selected = lru_cache(MAX_PATHS)(self._select)
        self._unused = dict.fromkeys((*selection.only, *selection.ignore))
        self._seen: dict[str, None] = {}

    def refuse_unused(self) -> None:
        """Raise InvalidRequest for a pattern that matched nothing in any document so far."""
        if self._unused:
            hint = suggest(next(iter(self._unused)), self._seen, PATHS_HINT)
            raise InvalidRequest(f"no reading matches {', '.join(self._unused)}", hint=hint)

    def build(self, origin: Origin, snapshot: Snapshot) -> Iterator[Row]:
        """Yield each reading of a document, and each subtype that was not or only partly read."""
        for path, value in list_readings(snapshot).items():
            if self._is_selected(path):
                text = text_of(value)
                yield Row(*origin, path, kind_of(value), text, ignored=self._classify(path))
        for type_, subtype in iter_subtypes(snapshot):
            path = f"{type_}.{subtype.name}"
            if subtype.status != OK and may_be_selected(path, self._selection):
                self._mark_used(f"{path}.")
                kind = ABSENT if subtype.status == ABSENT else UNREAD
                yield Row(*origin, path, kind, None, _explain(subtype))

    def build_labels(self, origin: Origin, labels: Labels) -> Iterator[Row]:
        """Yield the labels of the origin's node."""
        for key, value in labels.get(origin.node or "", {}).items():
            if self._is_selected(LABEL + key):
                yield Row(*origin, LABEL + key, TEXT, value)

    def build_label_gaps(self, origin: Origin, labels: Subtype | None) -> Iterator[Row]:
        """Yield each label of which not all nodes are known."""
        entries = node_groups.read_labels(labels) if labels else ()
        for key in dict.fromkeys(e.key for e in entries if e.group.is_shortened):
            if self._is_selected(LABEL + key):
                reason = "not all nodes are listed (--max-nodes-per-entry)"
                yield Row(*origin, LABEL + key, UNREAD, None, reason)

    def _select(self, path: str) -> bool:
        self._mark_used(path)
        return is_selected(path, self._selection)

    def _mark_used(self, path: str) -> None:
        if self._unused and len(self._seen) < MAX_SEEN:
            self._seen[path.rstrip(".")] = None
        for pattern in tuple(self._unused):
            if is_selected(path, Selection((pattern,))):
                del self._unused[pattern]


def make_encodable(row: Row) -> Row:
    """Return a row that UTF-8 can encode: a lone surrogate becomes an escape sequence."""
    if "".join(filter(None, row)).isascii():
        return row
    cells = (cell and cell.encode("utf-8", "backslashreplace").decode() for cell in row)
    return Row._make(cells)


def index_labels(labels: Subtype | None) -> dict[str, dict[str, str]]:
    """Return the labels of each node, out of NodeTopology.label."""
    found: dict[str, dict[str, str]] = {}
    for key, group in node_groups.read_labels(labels) if labels else ():
        for node in group.nodes:
            found.setdefault(node, {})[key] = group.value
    return found


def build_status(origin: Origin, node: FleetNode) -> Row:
    """Return how the capture of a node ended; one without a document has no other row."""
    why = ": ".join(filter(None, (node.cause, node.reason)))
    return Row(*origin, STATUS, TEXT, node.status, why or node.gaps or None)


def build_unreadable(origin: Origin, why: str) -> Row:
    """Return the row for a document that the fleet lists and that cannot be read."""
    return Row(*origin, STATUS, UNREAD, None, why)


def _explain(subtype: Subtype) -> str:
    reason = subtype.context.get("reason", "")
    return f"{subtype.status}: {reason}" if reason else subtype.status


def _build_classifier(registry: Registry) -> Callable[[str], str | None]:
    rules = build_ignore_rules(registry)

    def classify(path: str) -> str | None:
        if rules.is_volatile(path):
            return VOLATILE
        return IDENTITY if rules.is_identity(path) else None

    return classify
