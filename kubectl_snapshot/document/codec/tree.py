"""Convert a Snapshot to the maps and lists that JSON and YAML share, and back."""

from __future__ import annotations

import re

from kubectl_snapshot.constants import (
    API_VERSIONS,
    FULL_API_VERSION,
    KIND,
    MAX_DOCUMENT_BYTES,
)
from kubectl_snapshot.document.scalars import MAX_DEPTH, to_scalar
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest

# Groups whose documents have this shape, whatever the version of them.
KNOWN_GROUPS = frozenset(version.partition("/")[0] for version in API_VERSIONS)

# An unpaired surrogate cannot be encoded as UTF-8; as in Go's codecs it becomes U+FFFD, written
# and read. It occurs raw or as an escape of JSON or YAML.
SURROGATE = re.compile("[\ud800-\udfff]")
SURROGATE_SOURCE = re.compile(r"[\ud800-\udfff]|\\(?:u|U0000)[dD][89a-fA-F]")
REPLACEMENT = "\ufffd"


class Unquoted(str):
    """A plain YAML scalar: its text, and in `value` what it resolves to.

    Text fields use the text (`1.10`), readings use the value (1.1).
    """

    value: object

    def __new__(cls, text: str, value: object) -> Unquoted:
        scalar = super().__new__(cls, text)
        scalar.value = value
        return scalar


def build_tree(snapshot: Snapshot) -> dict[str, object]:
    """Return the document as maps and lists, keys in the order of contract 1.1 and 1.2."""
    tree: dict[str, object] = {}
    if snapshot.kind:
        tree["kind"] = snapshot.kind
    if snapshot.api_version:
        tree["apiVersion"] = snapshot.api_version
    if snapshot.metadata:
        tree["metadata"] = dict(sorted(snapshot.metadata.items()))
    tree["measurements"] = [_build_measurement(m) for m in snapshot.measurements]
    return tree


def _build_measurement(measurement: Measurement) -> dict[str, object]:
    tree: dict[str, object] = {"type": measurement.type}
    if measurement.subtypes:
        tree["subtypes"] = [_build_subtype(subtype) for subtype in measurement.subtypes]
    return tree


def _build_subtype(subtype: Subtype) -> dict[str, object]:
    tree: dict[str, object] = {"subtype": subtype.name} if subtype.name else {}
    tree["data"] = dict(sorted(subtype.data.items()))
    if subtype.context:
        tree["context"] = dict(sorted(subtype.context.items()))
    return tree


def parse_tree(tree: object) -> Snapshot:
    """Build a snapshot from decoded maps and lists; InvalidRequest names the invalid place.

    Unknown keys are ignored and null means unset. Other kinds and API groups are accepted:
    document_warnings reports them.
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
    data = _map(top.get("data"), f"{where}.data")
    return Subtype(
        _text(top.get("subtype"), f"{where}.subtype"),
        {str(key): _reading(value) for key, value in data.items()},
        _texts(top.get("context"), f"{where}.context"),
    )


def refuse_other_kind(snapshot: Snapshot) -> None:
    """Raise InvalidRequest for a document that is no snapshot: a gate must not pass on it."""
    if snapshot.kind and snapshot.kind != KIND:
        raise InvalidRequest(f"the document's kind is {snapshot.kind}, not {KIND}")
    if not snapshot.kind and not snapshot.measurements:
        raise InvalidRequest("the document is no snapshot: it has no kind and no measurements")


def document_warnings(snapshot: Snapshot) -> tuple[str, ...]:
    """Return warnings about a document without a kind, or of another API group."""
    warnings = []
    if not snapshot.kind:
        warnings.append(f"the document's kind is not given, not {KIND}")
    if snapshot.api_version.partition("/")[0] not in KNOWN_GROUPS:
        given = snapshot.api_version or "not given"
        warnings.append(f"the document's apiVersion is {given}, not {FULL_API_VERSION}")
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


def without_surrogates(text: str) -> str:
    """Return a text that UTF-8 can hold."""
    return text if text.isascii() else SURROGATE.sub(REPLACEMENT, text)


def without_surrogates_in(tree: object, source: str) -> object:
    """Return a decoded tree of texts that UTF-8 can hold; costs one search where none is wrong."""
    return _without_surrogates_in(tree) if SURROGATE_SOURCE.search(source) else tree


def _without_surrogates_in(tree: object) -> object:
    if isinstance(tree, Unquoted):
        return tree
    if isinstance(tree, str):
        return without_surrogates(tree)
    if isinstance(tree, list):
        return [_without_surrogates_in(item) for item in tree]
    if isinstance(tree, dict):
        return {_without_surrogates_in(k): _without_surrogates_in(v) for k, v in tree.items()}
    return tree


def _reading(value: object) -> Scalar:
    if type(value) is str:
        return value
    return to_scalar(resolve(value))


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
