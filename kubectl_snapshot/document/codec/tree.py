"""Read a Snapshot from the maps and lists that JSON and YAML share; codec/build.py makes them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import (
    API_VERSIONS,
    FULL_API_VERSION,
    KIND,
    MAX_DOCUMENT_BYTES,
)
from kubectl_snapshot.document.codec.build import without_surrogates
from kubectl_snapshot.document.scalars import MAX_DEPTH, to_scalar
from kubectl_snapshot.document.snapshot import (
    FINGERPRINT,
    Item,
    Measurement,
    Scalar,
    Snapshot,
    Subtype,
)
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DOCUMENT_FIELDS = ("kind", "apiVersion", "metadata", FINGERPRINT, "measurements")
MEASUREMENT_FIELDS = ("type", "subtypes")
MAX_WARNINGS = 10
MAX_NOT_READ = 1000
ITEM_FIELDS = ("data", "context")
SUBTYPE_FIELDS = ("subtype", *ITEM_FIELDS, "items")
READINGS, ONLY_TEXTS = frozenset((str, bool, float)), frozenset((str,))

# An unpaired surrogate occurs raw or as an escape of JSON or YAML.
SURROGATE_SOURCE = compile_late(r"[\ud800-\udfff]|\\(?:u|U0000)[dD][89a-fA-F]")


class Unquoted(str):
    """A plain YAML scalar: its text, and in `value` what it resolves to.

    Text fields use the text (`1.10`), readings use the value (1.1).
    """

    value: object

    def __new__(cls, text: str, value: object) -> Unquoted:
        scalar = super().__new__(cls, text)
        scalar.value = value
        return scalar


def parse_tree(tree: object) -> Snapshot:
    """Build a snapshot from decoded maps and lists; InvalidRequest names the invalid place.

    Unknown fields are named in `not_read`, and null means unset. Other kinds and API versions are
    accepted: refuse_other_document refuses them.
    """
    if _is_null(tree):
        raise InvalidRequest("the document is empty")
    top = _map(tree, "the document")
    metadata = _texts(top.get("metadata"), "metadata")
    if "source" in metadata and "source-node" not in metadata:
        metadata["source-node"] = metadata.pop("source")
    measurements = _list(top.get("measurements"), "measurements")
    return Snapshot(
        metadata=metadata,
        measurements=tuple(
            parse_measurement(item, f"measurements[{index}]")
            for index, item in enumerate(measurements)
        ),
        kind=_text(top.get("kind"), "kind"),
        api_version=_text(top.get("apiVersion"), "apiVersion"),
        fingerprint=_parse_fingerprint(top.get(FINGERPRINT)),
        not_read=tuple(islice(_find_unknown(top), MAX_NOT_READ)),
    )


def _find_unknown(tree: dict[str, object]) -> Iterator[str]:
    """Yield the fields that are not read, with what they are of."""
    yield from _list_unknown(tree, DOCUMENT_FIELDS, "the document")
    for measurement in _maps(tree.get("measurements")):
        type_ = measurement.get("type")
        yield from _list_unknown(measurement, MEASUREMENT_FIELDS, str(type_))
        for subtype in _maps(measurement.get("subtypes")):
            where = f"{type_}.{subtype.get('subtype')}"
            yield from _list_unknown(subtype, SUBTYPE_FIELDS, where)
            fields = {k: v for item in _maps(subtype.get("items")) for k, v in item.items()}
            yield from _list_unknown(fields, ITEM_FIELDS, f"the items of {where}")


def _list_unknown(tree: Mapping[str, object], known: Sequence[str], of: str) -> Iterator[str]:
    return (
        f"field {field} of {of}"
        for field, value in tree.items()
        if field not in known and not _is_null(value)
    )


def _maps(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _parse_fingerprint(tree: object) -> tuple[Subtype, ...]:
    return tuple(
        Subtype(str(name), _readings(values, f"{FINGERPRINT}.{name}"))
        for name, values in _map(tree, FINGERPRINT).items()
    )


def parse_measurement(tree: object, where: str = "measurement") -> Measurement:
    """Return one measurement of a decoded document."""
    top = _map(tree, where)
    subtypes = _list(top.get("subtypes"), f"{where}.subtypes")
    return Measurement(
        _text(top.get("type"), f"{where}.type"),
        tuple(
            parse_subtype(item, f"{where}.subtypes[{index}]") for index, item in enumerate(subtypes)
        ),
    )


def parse_subtype(tree: object, where: str = "subtype") -> Subtype:
    """Return one subtype of a decoded document."""
    top = _map(tree, where)
    items = _list(top.get("items"), f"{where}.items")
    return Subtype(
        _text(top.get("subtype"), f"{where}.subtype"),
        _readings(top.get("data"), f"{where}.data"),
        _texts(top.get("context"), f"{where}.context"),
        tuple(_parse_item(item, f"{where}.items[{i}]") for i, item in enumerate(items)),
    )


def _parse_item(tree: object, where: str) -> Item:
    top = _map(tree, where)
    return Item(
        _texts(top.get("context"), f"{where}.context"), _readings(top.get("data"), f"{where}.data")
    )


def refuse_other_document(snapshot: Snapshot) -> None:
    """Raise InvalidRequest for a document that is no snapshot of a known version.

    A gate must not pass on it. Documents older than the two fields have neither.
    """
    if snapshot.kind and snapshot.kind != KIND:
        raise InvalidRequest(f"the document's kind is {snapshot.kind}, not {KIND}")
    if snapshot.api_version and snapshot.api_version not in API_VERSIONS:
        why = f"this program reads {', '.join(API_VERSIONS)}"
        raise InvalidRequest(f"unknown apiVersion {snapshot.api_version}", why)
    if not any(measurement.type for measurement in snapshot.measurements):
        raise InvalidRequest("the document is no snapshot: it has no measurements")


def document_warnings(snapshot: Snapshot) -> tuple[str, ...]:
    """Return warnings about a document without kind or apiVersion, or with unknown fields."""
    warnings = [f"not read: {what}" for what in snapshot.not_read[:MAX_WARNINGS]]
    if not snapshot.kind:
        warnings.append(f"the document's kind is not given, not {KIND}")
    if not snapshot.api_version:
        warnings.append(f"the document's apiVersion is not given, not {FULL_API_VERSION}")
    return tuple(warnings)


def resolve(value: object, depth: int = 0) -> object:
    """Return a decoded tree with each plain YAML scalar resolved."""
    if isinstance(value, Unquoted):
        return value.value
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"a reading is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return [resolve(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {resolve(key): resolve(item, depth + 1) for key, item in value.items()}
    return value


def refuse_size(size_bytes: int) -> None:
    """Raise InvalidRequest for a document that is too large to be read."""
    if size_bytes > MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // 2**20
        raise InvalidRequest(f"the document is over {limit} MiB", why=f"it has {size_bytes} bytes")


def without_surrogates_in(tree: object, source: str) -> object:
    """Return a decoded tree of texts that UTF-8 can hold; costs one search where none is wrong."""
    if source.isascii() and "\\u" not in source and "\\U" not in source:
        return tree  # without the search, which takes 1 ms for 100 KB
    return _without_surrogates_in(tree) if SURROGATE_SOURCE.search(source) else tree


def _without_surrogates_in(tree: object) -> object:
    """Return the text, or the list or map, whose values are replaced one by one."""
    if isinstance(tree, Unquoted):
        return tree
    if isinstance(tree, str):
        return without_surrogates(tree)
    if isinstance(tree, list):
        tree[:] = map(_without_surrogates_in, tree)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            tree[key] = _without_surrogates_in(value)
        if any(without_surrogates(key) != key for key in tree if type(key) is str):
            return {_without_surrogates_in(key): value for key, value in tree.items()}
    return tree


def _readings(tree: object, where: str) -> Mapping[str, Scalar]:
    pairs = _map(tree, where)
    # The decoder's own map where nothing changes: a copy would double the memory.
    are_readings = READINGS.issuperset(map(type, pairs.values())) or all(
        map(_is_reading, pairs.values())
    )
    if are_readings and ONLY_TEXTS.issuperset(map(type, pairs)):
        return pairs  # type: ignore[return-value]  # each was looked at
    return {str(key): to_scalar(resolve(value)) for key, value in pairs.items()}


def _is_reading(value: object) -> bool:
    return type(value) in READINGS or (type(value) is int and to_scalar(value) is value)


def _map(value: object, where: str) -> dict[str, object]:
    if _is_null(value):
        return {}
    if isinstance(value, dict):
        return value
    raise InvalidRequest(f"{where} is not a map of keys to values")


def _list(value: object, where: str) -> list[object]:
    if _is_null(value):
        return []
    if isinstance(value, list):
        return value
    raise InvalidRequest(f"{where} is not a list")


def _texts(value: object, where: str) -> dict[str, str]:
    return {str(k): _text(v, f"{where}.{k}") for k, v in _map(value, where).items()}


def _text(value: object, where: str) -> str:
    if _is_null(value):
        return ""
    if isinstance(value, str):
        return str(value)
    raise InvalidRequest(f"{where} is not text")


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, Unquoted) and value.value is None)
