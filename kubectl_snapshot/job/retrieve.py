"""The agent's bytes to a Snapshot. A node is not trusted: size, schema and types are checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.parse import parse_node_document
from kubectl_snapshot.errors import Internal, InvalidRequest
from kubectl_snapshot.job.diagnose.terminated import CHECK_IMAGE

if TYPE_CHECKING:
    from collections.abc import Container

    from kubectl_snapshot.document.snapshot import Snapshot


def parse_result(payload: bytes, types: Container[str]) -> Snapshot:
    """Return the agent's document, with measurements of the asked types only.

    Raises Internal where the bytes are no valid document.
    """
    try:
        snapshot = parse_node_document(payload)
    except InvalidRequest as error:
        raise Internal(
            "the agent's result is not a snapshot",
            str(error),
            CHECK_IMAGE,
        ) from error
    asked = tuple(m for m in snapshot.measurements if m.type in types)
    return replace(snapshot, measurements=asked)
