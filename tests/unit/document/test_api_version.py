"""What a document gains and loses with the API version that it is written for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.constants import API_VERSIONS
from kubectl_snapshot.document.api_version import write_for
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.snapshot import Item, Measurement, Snapshot, Subtype

OLDEST, ALPHA2, V1 = API_VERSIONS
LABEL = Subtype("label", {"x": "1|a"}, {"elapsed-ms": "1"})
TAINT = Subtype("taint", {"k": "NoSchedule||a"}, {"elapsed-ms": "1"})
OTHER = Subtype("image", {"x": "1|a"}, {"elapsed-ms": "1"})
DOCUMENT = Snapshot(
    {},
    (
        Measurement("K8s", (Subtype("server", {"version": "v1.33.4"}), OTHER, LABEL)),
        Measurement("NodeTopology", (Subtype("summary", {"node-count": 1}), TAINT, LABEL)),
    ),
)


def items(snapshot: Snapshot) -> dict[str, tuple[Item, ...]]:
    found = {f"{m.type}.{s.name}": s.items for m in snapshot.measurements for s in m.subtypes}
    return {path: items for path, items in found.items() if items}


@pytest.mark.parametrize("version", [ALPHA2, V1])
def test_a_newer_version_has_fingerprint_and_records(version: str) -> None:
    written = write_for(DOCUMENT, version)
    assert written.api_version == version
    names = [dimension.name for dimension in written.fingerprint]
    assert names == ["k8sVersion", "nodeCount", "gpuNodeCount"]
    assert {path: len(found) for path, found in items(written).items()} == {
        "NodeTopology.taint": 1,
        "NodeTopology.label": 1,
    }


def test_both_go_again_with_the_older_version() -> None:
    assert write_for(write_for(DOCUMENT, V1), OLDEST) == DOCUMENT
    assert write_for(write_for(DOCUMENT, V1), ALPHA2) == write_for(DOCUMENT, ALPHA2)
    assert write_for(DOCUMENT, OLDEST) == DOCUMENT


def test_what_says_something_else_stays_in_every_version() -> None:
    foreign = (Subtype("service", {"value": "bcm"}),)
    other = (Item({"key": "y"}),)
    label = replace(LABEL, items=other)
    document = replace(
        DOCUMENT,
        api_version=V1,
        fingerprint=foreign,
        measurements=(Measurement("NodeTopology", (label,)),),
    )
    for version in API_VERSIONS:
        written = write_for(document, version)
        assert (written.fingerprint, items(written)) == (foreign, {"NodeTopology.label": other})


def test_the_oldest_version_changes_nothing_of_its_own_documents() -> None:
    document = replace(DOCUMENT, fingerprint=write_for(DOCUMENT, V1).fingerprint)
    assert write_for(document, OLDEST) == document


def test_a_fingerprint_of_one_document_alone_is_not_compared() -> None:
    newer = write_for(DOCUMENT, V1)
    for before, after in ((DOCUMENT, newer), (newer, DOCUMENT), (newer, newer)):
        found = diff_snapshots(before, after, REGISTRY)
        assert (found.changes, found.left_out) == ((), 0)
    other = replace(newer, fingerprint=(Subtype("nodeCount", {"value": 9}),))
    paths = [change.path for change in diff_snapshots(newer, other, REGISTRY).changes]
    assert "fingerprint.nodeCount.value" in paths
