from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.scale import NODES, PODS, Collected, Round, build_rows, check_document
from tests.lab import bulk

LABELS = len(bulk.LABELS) + bulk.POOLS + 3 + 5


def round_of(pods_s: float, nodes_s: float, collected: Mapping[str, Collected]) -> Round:
    return Round({PODS: pods_s, NODES: nodes_s}, {PODS: pods_s / 2, NODES: nodes_s / 2}, collected)


def test_time_is_a_multiple_of_the_same_lists_and_memory_the_highest_peak() -> None:
    rounds = [
        round_of(2.0, 1.0, {"both": Collected(6.0, 90)}),
        round_of(2.0, 1.0, {"both": Collected(12.0, 160)}),
        round_of(2.0, 1.0, {"both": Collected(6.6, 100)}),
    ]
    paged, whole, time, memory = build_rows("both", rounds)
    assert (paged.value, whole.value, time.value) == (1.0, 0.5, pytest.approx(2.2))
    assert (time.verdict, memory.value, memory.verdict) == ("ok", 160, "missed")


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("NodeTopology.label", {"status": "ok", "keys": LABELS + 99}),
        ("K8s.policy", {"status": "error", "keys": 0}),
    ],
)
def test_a_short_list_or_a_gap_is_no_measurement(name: str, reported: Mapping[str, object]) -> None:
    with pytest.raises(RuntimeError, match="incomplete result"):
        check_document({name: reported}, node_count=100)


def test_what_is_written_is_what_is_expected() -> None:
    nodes = [bulk.build_node(index) for index in range(1, 101)]
    labels = {(k, v) for node in nodes for k, v in node["metadata"]["labels"].items()}
    check_document({"NodeTopology.label": {"status": "ok", "keys": len(labels)}}, node_count=100)
