"""Documents that a test got from the program: parsed, and held against the published schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import yaml

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.schema import build_schema
from kubectl_snapshot.document.snapshot import Snapshot, Subtype

VALIDATOR = jsonschema.Draft202012Validator(build_schema(REGISTRY))


def parse_valid(text: str) -> Snapshot:
    """Return the snapshot in a YAML or JSON text; fail unless it keeps to the JSON Schema.

    Read by a stock YAML parser for the check, so that our own reader cannot hide what we wrote.
    """
    document: Any = yaml.safe_load(text)
    errors = [error.message for error in VALIDATOR.iter_errors(document)]
    assert not errors, errors[:5]
    return parse_document(text)


def subtype(snapshot: Snapshot, measurement: str, name: str) -> Subtype:
    """Return one subtype of a snapshot."""
    (found,) = [
        subtype
        for m in snapshot.measurements
        if m.type == measurement
        for subtype in m.subtypes
        if subtype.name == name
    ]
    return found
