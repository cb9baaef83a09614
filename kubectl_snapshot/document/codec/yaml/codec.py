"""Render and parse documents as YAML; `scalars` renders and resolves single scalars.

PyYAML only parses: its emitter is 60 times slower than one for documents alone, and leaves texts
unquoted that Go's readers take for numbers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.build import without_surrogates
from kubectl_snapshot.document.codec.tree import (
    Unquoted,
    parse_tree,
    refuse_size,
    without_surrogates_in,
)
from kubectl_snapshot.document.codec.yaml.scalars import render_scalar, render_text, resolve
from kubectl_snapshot.document.scalars import MAX_DEPTH
from kubectl_snapshot.document.snapshot import FINGERPRINT
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from yaml import AliasEvent, Event, Mark, SafeDumper, ScalarNode

    from kubectl_snapshot.document.snapshot import Item, Measurement, Scalar, Snapshot, Subtype

# A key on the line of its value must end within 1,024 characters (YAML 1.1 and 1.2, "simple keys").
MAX_SIMPLE_KEY = 1000
# Characters and values that aliases may repeat: far above hand-written documents, far below a
# "billion laughs" attack.
MAX_ALIASED_SIZE = 10_000_000
# Rendered lines that are kept, and the characters that key and value of one may each have.
MAX_KNOWN_LINES, MAX_KNOWN = 20_000, 200


def render_yaml(snapshot: Snapshot) -> str:
    """Return the document in block style, 2 blanks a level, with a newline at the end."""
    lines = []
    if snapshot.kind:
        lines.append(f"kind: {render_text(snapshot.kind)}")
    if snapshot.api_version:
        lines.append(f"apiVersion: {render_text(snapshot.api_version)}")
    if snapshot.metadata:
        lines.append("metadata:")
        lines += _map_lines(snapshot.metadata, "  ")
    if snapshot.fingerprint:
        lines.append(f"{FINGERPRINT}:")
        for dimension in snapshot.fingerprint:
            entry = _entry_lines(dimension.name, dict(sorted(dimension.data.items())))
            lines += [f"  {line}" for line in entry]
    lines.append("measurements:" if snapshot.measurements else "measurements: []")
    for measurement in snapshot.measurements:
        lines += _measurement_lines(measurement)
    return without_surrogates("\n".join(lines)) + "\n"


def render_map(pairs: Mapping[str, Scalar]) -> str:
    """Return texts and readings as one map, its keys sorted."""
    return without_surrogates("\n".join(_map_lines(pairs, "")) or "{}") + "\n"


def render_tree(tree: Mapping[str, object]) -> str:
    """Return maps, lists and readings in block style, keys as they come."""
    return without_surrogates("\n".join(_tree_lines(tree))) + "\n"


def _tree_lines(value: object) -> list[str]:
    """Return a value's lines without indentation; one line for a reading."""
    if isinstance(value, dict) and value:
        lines = [line for key, item in value.items() for line in _entry_lines(key, item)]
    elif isinstance(value, list) and value:
        items = [_tree_lines(item) for item in value]
        lines = [f"{'  ' if i else '- '}{line}" for item in items for i, line in enumerate(item)]
    elif isinstance(value, (dict, list)):
        lines = ["{}" if isinstance(value, dict) else "[]"]
    elif isinstance(value, (str, int, float)):
        lines = [render_scalar(value)]
    else:
        raise TypeError(f"no reading can be of type {type(value).__name__}")
    return lines


def _entry_lines(key: str, value: object) -> list[str]:
    """Return the lines of one entry of a map."""
    lines = _tree_lines(value)
    name = render_text(key)
    if len(name) > MAX_SIMPLE_KEY:
        return [f"? {name}", f": {lines[0]}", *(f"  {line}" for line in lines[1:])]
    if isinstance(value, (dict, list)) and value:
        return [f"{name}:", *(f"  {line}" for line in lines)]
    return [f"{name}: {lines[0]}"]


def _measurement_lines(measurement: Measurement) -> list[str]:
    lines = [f"  - type: {render_text(measurement.type)}"]
    if measurement.subtypes:
        lines.append("    subtypes:")
    for subtype in measurement.subtypes:
        lines += _subtype_lines(subtype)
    return lines


def _subtype_lines(subtype: Subtype) -> list[str]:
    lines = [f"        subtype: {render_text(subtype.name)}"] if subtype.name else []
    if subtype.data or not subtype.items:
        lines.append("        data:" if subtype.data else "        data: {}")
    lines += _map_lines(subtype.data, "          ")
    if subtype.context:
        lines.append("        context:")
        lines += _map_lines(subtype.context, "          ")
    if subtype.items:
        lines.append("        items:")
    for item in subtype.items:
        lines += _item_lines(item)
    lines[0] = f"      - {lines[0].lstrip(' ')}"
    return lines


def _item_lines(item: Item) -> list[str]:
    lines = []
    for name, values in (("context", item.context), ("data", item.data)):
        if values:
            lines += [f"            {name}:", *_map_lines(values, "              ")]
    first = lines[0].lstrip(" ") if lines else "{}"
    return [f"          - {first}", *lines[1:]]


def _map_lines(pairs: Mapping[str, Scalar], indent: str) -> list[str]:
    """Return the lines of readings, sorted by key; those of short texts are remembered."""
    return [
        _known_line(indent, name, value)
        if isinstance(value, str) and len(value) <= MAX_KNOWN and len(name) <= MAX_KNOWN
        else _render_line(indent, name, value)
        for name, value in sorted(pairs.items())
    ]


def _render_line(indent: str, name: str, value: Scalar) -> str:
    key, text = render_text(name), render_scalar(value)
    if len(key) > MAX_SIMPLE_KEY:
        return f"{indent}? {key}\n{indent}: {text}"
    return f"{indent}{key}: {text}"


# A fleet's documents share most of their lines.
_known_line = lru_cache(MAX_KNOWN_LINES)(_render_line)


def render_manifests(objects: Iterable[Mapping[str, object]]) -> str:
    """Return Kubernetes objects as one stream of YAML documents, keys as they come."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """PyYAML's dumper, which leaves `1e3` unquoted: a number to kubectl."""

    Dumper.add_representer(str, _represent_text)
    return str(yaml.dump_all(objects, Dumper=Dumper, sort_keys=False, explicit_start=True))


def _represent_text(dumper: SafeDumper, text: str) -> ScalarNode:
    style = "|" if "\n" in text else '"' if render_text(text) != text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def parse_yaml(text: str) -> Snapshot:
    """Return the document in a YAML text; InvalidRequest with line and column if it is invalid."""
    return parse_tree(load_yaml(text))


def load_yaml(text: str) -> object:
    """Decode one YAML document to maps, lists and texts.

    A plain scalar that does not resolve to text becomes Unquoted. Raises InvalidRequest for equal
    keys in a map, tags, merge keys, a second document, and too many levels or aliases.
    """
    import yaml

    refuse_size(len(text))
    try:
        tree = _Builder(yaml.parse(text, Loader=yaml.SafeLoader)).build_document()
    except yaml.MarkedYAMLError as e:
        problem = ", ".join(part for part in (e.context, e.problem) if part)
        raise _invalid(problem, e.problem_mark or e.context_mark) from e
    except yaml.YAMLError as e:
        raise _invalid(str(e).replace("\n", " "), None) from e
    except (ValueError, OverflowError) as e:
        # An escape beyond Unicode, a version of thousands of digits: PyYAML does not look first.
        raise _invalid(str(e), None) from e
    return without_surrogates_in(tree, text)


class _Builder:
    """Builds maps, lists and texts from PyYAML's events; its constructor resolves as YAML 1.1."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.events = events
        self.anchors: dict[str, tuple[object, int]] = {}
        self.size = 0
        self.aliased_size = 0

    def build_document(self) -> object:
        """Return the only document of the stream, None for an empty stream."""
        import yaml

        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        tree = self.build_node(next(self.events), 0)
        next(self.events)
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _invalid("a second document begins", after.start_mark)
        return tree

    def build_node(self, event: Event, depth: int) -> object:
        """Return the value that begins with an event; the events are read up to its end."""
        import yaml

        if isinstance(event, yaml.AliasEvent):
            return self._build_alias(event)
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent))
        if event.tag is not None:
            raise _invalid(f"unsupported tag {event.tag}", event.start_mark)
        if depth > MAX_DEPTH:
            raise _invalid(f"it is nested deeper than {MAX_DEPTH} levels", event.start_mark)
        size_before = self.size
        self.size += 1
        value: object
        if isinstance(event, yaml.ScalarEvent):
            self.size += len(event.value)
            value = event.value if event.style else _unquoted(event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._build_list(depth)
        else:
            value = self._build_map(depth)
        if event.anchor:
            self.anchors[event.anchor] = value, self.size - size_before
        return value

    def _build_list(self, depth: int) -> list[object]:
        import yaml

        items = []
        event = next(self.events)
        while not isinstance(event, yaml.SequenceEndEvent):
            items.append(self.build_node(event, depth + 1))
            event = next(self.events)
        return items

    def _build_map(self, depth: int) -> dict[str, object]:
        import yaml

        pairs: dict[str, object] = {}
        event = next(self.events)
        while not isinstance(event, yaml.MappingEndEvent):
            key = self.build_node(event, depth + 1)
            if not isinstance(key, str):
                raise _invalid("a key is a map or a list", event.start_mark)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and not event.style:
                raise _invalid("merge keys are not supported", event.start_mark)
            if key in pairs:
                raise _invalid(f"duplicate key {key}", event.start_mark)
            pairs[key] = self.build_node(next(self.events), depth + 1)
            event = next(self.events)
        return pairs

    def _build_alias(self, event: AliasEvent) -> object:
        if event.anchor not in self.anchors:
            raise _invalid(f"undefined alias {event.anchor}", event.start_mark)
        value, size = self.anchors[event.anchor]
        self.size += size
        self.aliased_size += size
        if self.aliased_size > MAX_ALIASED_SIZE:
            raise _invalid("its aliases expand to more than 10 MB", event.start_mark)
        return value


def _unquoted(text: str) -> str:
    value = resolve(text)
    return text if value == text else Unquoted(text, value)


def _invalid(problem: str, mark: Mark | None) -> InvalidRequest:
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return InvalidRequest("the document is not valid YAML", why=problem + where)
