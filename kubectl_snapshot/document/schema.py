"""The document's JSON Schema, and a reader of just this schema that needs no package.

What the contract has is fixed: types, statuses, text in every context. Keys that it does not have
are allowed at every level, since readers ignore them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import API_VERSIONS, KIND
from kubectl_snapshot.document.snapshot import OK, STATUSES
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Schema = Mapping[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
READING: Schema = {"type": ["string", "number", "boolean"]}

# Contract 1.3, "type of each value"; in any other subtype a key has the type of its source.
VALUE_TYPES: Mapping[str, Mapping[str, Schema]] = {
    "K8s": dict.fromkeys(("server", "image", "policy", "node", "helm", "argocd"), TEXT),
    "GPU": {"smi": TEXT},
    "OS": {**dict.fromkeys(("grub", "sysctl", "release"), TEXT), "kmod": BOOLEAN},
    "NodeTopology": {"summary": INTEGER, "taint": TEXT, "label": TEXT},
}
KEY_TYPES: Mapping[tuple[str, str], Mapping[str, Schema]] = {
    ("GPU", "smi"): {"gpu-count": INTEGER},
}

# What a decoded value is in JSON Schema; a float without a fraction is an integer, too.
JSON_TYPES: Mapping[type, tuple[str, ...]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    dict: ("object",),
    list: ("array",),
}


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every document of ours keeps to."""
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
            "measurements": {"type": "array", "items": _build_measurement()},
        },
        "required": ["kind", "apiVersion", "metadata", "measurements"],
    }


def validate(document: object) -> None:
    """Raise InvalidRequest, naming the place, unless a decoded document keeps to the schema."""
    complaint = next(_complaints(document, build_schema(), "the document"), None)
    if complaint:
        raise InvalidRequest("the document does not keep to the schema", why=complaint)


def _build_measurement() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": NAME, "subtypes": {"type": "array", "items": _build_subtype()}},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": type_name}}},
                "then": {"properties": {"subtypes": {"items": _build_values(type_name, values)}}},
            }
            for type_name, values in VALUE_TYPES.items()
        ],
    }


def _build_subtype() -> dict[str, Any]:
    status = {"enum": [status for status in STATUSES if status != OK]}
    return {
        "type": "object",
        "properties": {
            "subtype": NAME,
            "data": {"type": "object", "additionalProperties": READING},
            "context": {
                "type": "object",
                "properties": {"status": status, "elapsed-ms": {**TEXT, "pattern": "^[0-9]+$"}},
                "additionalProperties": TEXT,
                "dependentRequired": {"status": ["reason"]},
            },
        },
        "required": ["data"],
    }


def _build_values(type_name: str, values: Mapping[str, Schema]) -> dict[str, Any]:
    """Return what else holds for a subtype of one type, according to its name."""
    return {
        "allOf": [
            {
                "if": {"properties": {"subtype": {"const": name}}, "required": ["subtype"]},
                "then": {
                    "properties": {
                        "data": {
                            "properties": KEY_TYPES.get((type_name, name), {}),
                            "additionalProperties": value,
                        }
                    }
                },
            }
            for name, value in values.items()
        ]
    }


def _complaints(value: object, schema: Schema, where: str) -> Iterator[str]:
    """Find what is wrong with a value by the keywords that build_schema uses, and no others."""
    if "type" in schema and not _is_type(value, schema["type"]):
        yield f"{where} is not of type {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where} is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is not one of {', '.join(schema['enum'])}"
    if isinstance(value, str):
        yield from _text_complaints(value, schema, where)
    elif isinstance(value, dict):
        yield from _map_complaints(value, schema, where)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _complaints(item, schema["items"], f"{where}[{index}]")
    for part in schema.get("allOf", ()):
        yield from _complaints(value, part, where)
    if "if" in schema and not any(_complaints(value, schema["if"], where)):
        yield from _complaints(value, schema["then"], where)


def _text_complaints(text: str, schema: Schema, where: str) -> Iterator[str]:
    if len(text) < schema.get("minLength", 0):
        yield f"{where} is empty"
    if not re.search(schema.get("pattern", ""), text):
        yield f"{where} does not match {schema['pattern']}"


def _map_complaints(pairs: dict[str, object], schema: Schema, where: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in pairs:
            yield f"{where} has no {key}"
    for key, needed in schema.get("dependentRequired", {}).items():
        if key in pairs and not pairs.keys() >= set(needed):
            yield f"{where} has a {key} and no {needed[0]}"
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    for key, value in pairs.items():
        rule = known.get(key, others)
        if rule:
            yield from _complaints(value, rule, f"{where}.{key}")


def _is_type(value: object, wanted: str | list[str]) -> bool:
    names = JSON_TYPES.get(type(value), ())
    if isinstance(value, float) and value.is_integer():
        names = JSON_TYPES[int]
    return wanted in names if isinstance(wanted, str) else any(name in wanted for name in names)
