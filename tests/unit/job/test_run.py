from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.json_codec import canonical_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.run import parse_result

SNAPSHOT = Snapshot(
    {"source-node": "node2", "timestamp": "2026-03-09T18:42:07Z"},
    (Measurement("OS", (Subtype("kmod", {"nvidia": True}),)),),
)


def test_a_valid_document_comes_back_equal() -> None:
    assert parse_result(canonical_json(SNAPSHOT), {"OS"}, REGISTRY) == SNAPSHOT


def test_unrequested_measurements_are_dropped() -> None:
    assert parse_result(canonical_json(SNAPSHOT), {"K8s"}, REGISTRY).measurements == ()


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff", b"[]", b'{"measurements": 3}', b'{"measurements": [{"type": 1}]}'],
)
def test_an_invalid_document_is_rejected(payload: bytes) -> None:
    with pytest.raises(Internal):
        parse_result(payload, {"OS"}, REGISTRY)
