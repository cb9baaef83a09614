"""The document's JSON Schema, and a validator for what this schema says.

Types, statuses and the text in every context are fixed by the contract. Unknown keys are allowed at
every level, since readers ignore them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_snapshot.constants import API_VERSIONS, KIND
from kubectl_snapshot.document.snapshot import FINGERPRINT, OK, STATUSES
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.registry import MeasurementSpec, Registry, SubtypeSpec

    Schema = Mapping[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
READING: Schema = {"type": ["string", "number", "boolean"]}
READINGS: Schema = {"type": "object", "additionalProperties": READING}

# JSON Schema types of a decoded value; a float without a fraction is an integer as well.
JSON_TYPES: Mapping[type, tuple[str, ...]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    dict: ("object",),
    list: ("array",),
}


class Checks(NamedTuple):
    """What a document is checked for; `values` has the schema of `data` by type and subtype."""

    structure: Schema
    values: Mapping[tuple[str, str], Schema]


def build_schema(registry: Registry) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the documents that this program writes."""
    return _build_document({**_build_measurement(), "allOf": _build_conditions(registry)})


def build_checks(registry: Registry) -> Checks:
    """Return what `validate` takes, which accepts what `build_schema` accepts.

    It looks a subtype up, where a validator of JSON Schema tries the conditions of all.
    """
    values = {
        (spec.type, subtype.name): _build_values(subtype)
        for spec in registry
        for subtype in _list_typed(spec)
    }
    return Checks(_build_document(_build_measurement()), values)


def validate(document: object, checks: Checks) -> None:
    """Raise InvalidRequest, naming the place, unless a decoded document matches the schema."""
    error = next(_find_errors(document, checks.structure, "the document"), None)
    if error is None and isinstance(document, dict):
        error = next(_find_value_errors(document, checks.values), None)
    if error:
        raise InvalidRequest("the document does not match the schema", why=error)


def _build_document(measurement: Schema) -> dict[str, Any]:
    metadata = {
        "type": "object",
        "properties": {
            "timestamp": {**TEXT, "pattern": "^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z$"}
        },
        "additionalProperties": TEXT,
        "required": ["source-node", "timestamp"],
    }
    return {
        "$schema": DIALECT,
        "title": KIND,
        "type": "object",
        "properties": {
            "kind": {"const": KIND},
            "apiVersion": {"enum": list(API_VERSIONS)},
            "metadata": metadata,
            FINGERPRINT: {"type": "object", "additionalProperties": READINGS},
            "measurements": {"type": "array", "items": measurement},
        },
        "required": ["kind", "apiVersion", "metadata", "measurements"],
    }


def _build_measurement() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": NAME, "subtypes": {"type": "array", "items": _build_subtype()}},
        "required": ["type"],
    }


def _build_subtype() -> dict[str, Any]:
    texts = {"type": "object", "additionalProperties": TEXT}
    item = {"context": texts, "data": READINGS}
    status = {"enum": [status for status in STATUSES if status != OK]}
    return {
        "type": "object",
        "properties": {
            "subtype": NAME,
            "data": READINGS,
            "items": {"type": "array", "items": {"type": "object", "properties": item}},
            "context": {
                "type": "object",
                "properties": {"status": status, "elapsed-ms": {**TEXT, "pattern": "^[0-9]+$"}},
                "additionalProperties": TEXT,
                "dependentRequired": {"status": ["reason"]},
            },
        },
        "anyOf": [{"required": ["data"]}, {"required": ["items"]}],
    }


def _build_conditions(registry: Registry) -> list[dict[str, Any]]:
    """Return the types of values, which depend on the names of measurement type and subtype."""
    return [
        {
            "if": {"properties": {"type": {"const": spec.type}}},
            "then": {
                "properties": {
                    "subtypes": {
                        "items": {
                            "allOf": [
                                {
                                    "if": {
                                        "properties": {"subtype": {"const": subtype.name}},
                                        "required": ["subtype"],
                                    },
                                    "then": {"properties": {"data": _build_values(subtype)}},
                                }
                                for subtype in typed
                            ]
                        }
                    }
                }
            },
        }
        for spec in registry
        if (typed := _list_typed(spec))
    ]


def _list_typed(spec: MeasurementSpec) -> list[SubtypeSpec]:
    return [subtype for subtype in spec.subtypes if subtype.values and not subtype.is_pattern]


def _build_values(subtype: SubtypeSpec) -> dict[str, Any]:
    return {
        "properties": {key: {"type": of} for key, of in subtype.key_types.items()},
        "additionalProperties": {"type": subtype.values},
    }


def _find_value_errors(
    document: dict[str, Any], values: Mapping[tuple[str, str], Schema]
) -> Iterator[str]:
    """Yield the errors of the values in `data`, in a document whose structure is right."""
    for place, measurement in enumerate(document["measurements"]):
        for index, subtype in enumerate(measurement.get("subtypes", ())):
            schema = values.get((measurement["type"], subtype.get("subtype", "")))
            if schema and "data" in subtype:
                where = f"the document.measurements[{place}].subtypes[{index}].data"
                yield from _find_map_errors(subtype["data"], schema, where)


def _find_errors(value: object, schema: Schema, where: str) -> Iterator[str]:
    """Yield the errors of a value by the keywords of build_checks' structure, and no others."""
    if "type" in schema and not _is_type(value, schema["type"]):
        yield f"{where} is not of type {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where} is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is not one of {', '.join(schema['enum'])}"
    if isinstance(value, str):
        yield from _find_text_errors(value, schema, where)
    elif isinstance(value, dict):
        yield from _find_map_errors(value, schema, where)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _find_errors(item, schema["items"], f"{where}[{index}]")
    alternatives = [list(_find_errors(value, part, where)) for part in schema.get("anyOf", ())]
    if all(alternatives):
        yield from (error for errors in alternatives[:1] for error in errors)


def _find_text_errors(text: str, schema: Schema, where: str) -> Iterator[str]:
    if len(text) < schema.get("minLength", 0):
        yield f"{where} is empty"
    if "pattern" in schema and not re.search(schema["pattern"], text):
        yield f"{where} does not match {schema['pattern']}"


def _find_map_errors(pairs: dict[str, object], schema: Schema, where: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in pairs:
            yield f"{where} has no {key}"
    for key, required in schema.get("dependentRequired", {}).items():
        if key in pairs and not pairs.keys() >= set(required):
            yield f"{where} has a {key} and no {required[0]}"
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    # Most values have only a type: a fleet checks a thousand of them in each document.
    keys = [key for key in known if key in pairs] if _allows_all(others, pairs) else pairs
    for key in keys:
        expected = known.get(key, others)
        if expected:
            yield from _find_errors(pairs[key], expected, f"{where}.{key}")


def _allows_all(schema: Schema, pairs: dict[str, object]) -> bool:
    """Return whether all values fit a schema that has at most a type, without a look at each."""
    if not schema:
        return True
    if len(schema) > 1 or "type" not in schema:
        return False
    wanted = schema["type"]
    allowed = _find_types(wanted) if isinstance(wanted, str) else _find_types(*wanted)
    return allowed.issuperset(map(type, pairs.values()))


@cache
def _find_types(*wanted: str) -> frozenset[type]:
    """Return the types of decoded values that are one of JSON Schema's types, whatever the value.

    A float without a fraction is an integer, too: that one is looked at.
    """
    return frozenset(of for of, names in JSON_TYPES.items() if not set(names).isdisjoint(wanted))


def _is_type(value: object, wanted: str | list[str]) -> bool:
    names = JSON_TYPES.get(type(value), ())
    if isinstance(value, float) and value.is_integer():
        names = JSON_TYPES[int]
    return wanted in names if isinstance(wanted, str) else any(name in wanted for name in names)
