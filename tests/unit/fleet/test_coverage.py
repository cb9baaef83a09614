from __future__ import annotations

import pytest

from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_OK, InvalidRequest
from kubectl_snapshot.fleet.coverage import choose_exit_code, parse_coverage, render_coverage

WHOLE = [FleetNode(f"a{i}", "captured") for i in range(5)]
PULL = [FleetNode(f"p{i}", "failed", "image pull", "image x not found") for i in range(4)]
GAP = FleetNode("g", "partial", "gaps", gaps="GPU.smi=timeout")
AWAY = FleetNode("w", "skipped", "not Ready", "since x")


def build(*nodes: FleetNode) -> FleetManifest:
    return FleetManifest({}, nodes=nodes)


def test_the_table_groups_by_cause_and_names_examples() -> None:
    assert render_coverage(build(AWAY, GAP, *PULL, *WHOLE)).splitlines() == [
        "6 of 11 nodes captured (54 %): 5 captured, 1 partial, 4 failed, 1 skipped",
        "NODES  STATUS   CAUSE       EXAMPLES",
        "4      failed   image pull  p0, p1, p2 and 1 more: image x not found",
        "1      skipped  not Ready   w: since x",
        "1      partial  gaps        g: GPU.smi=timeout",
    ]


def test_failed_nodes_come_first_and_three_are_named() -> None:
    away = [FleetNode(f"w{i}", "skipped", "not Ready") for i in range(3)]
    lines = render_coverage(build(*away, PULL[0])).splitlines()
    assert lines[2:] == [
        "1      failed   image pull  p0: image x not found",
        "3      skipped  not Ready   w0, w1, w2",
    ]


def test_a_whole_fleet_is_one_line() -> None:
    expected = "5 of 5 nodes captured (100 %): 5 captured\n"
    assert render_coverage(build(*WHOLE)) == expected


def test_almost_all_is_not_100_percent() -> None:
    nodes = [FleetNode(str(i), "captured") for i in range(999)]
    assert "(99 %)" in render_coverage(build(*nodes, AWAY))


@pytest.mark.parametrize(
    ("nodes", "is_strict", "least", "code"),
    [
        ([*WHOLE], True, 1.0, EXIT_OK),
        ([*WHOLE, GAP], True, None, EXIT_GAPS),
        ([*WHOLE, AWAY], True, None, EXIT_GAPS),
        ([*WHOLE, AWAY], False, None, EXIT_OK),
        ([*WHOLE, *PULL, GAP], False, 0.6, EXIT_OK),
        ([*WHOLE, *PULL, GAP], False, 0.61, EXIT_GAPS),
    ],
)
def test_the_exit_code_follows_what_was_asked_for(
    nodes: list[FleetNode], is_strict: bool, least: float | None, code: int
) -> None:
    assert choose_exit_code(build(*nodes), is_strict, least) == code


@pytest.mark.parametrize("tenths", [0, 1, 503, 964, 999, 1000])
def test_exactly_the_coverage_that_was_asked_for_is_enough(tenths: int) -> None:
    nodes = [FleetNode(str(i), "captured" if i < tenths else "failed") for i in range(1000)]
    least = parse_coverage(f"{tenths / 10}%")
    assert choose_exit_code(build(*nodes), False, least) == EXIT_OK


def test_a_coverage_is_a_percentage() -> None:
    assert [parse_coverage(text) for text in ("95%", "99.5%", "0%", " 100% ")] == [
        0.95,
        0.995,
        0,
        1,
    ]
    for text in ("", "95", "0.95", "101%", "-1%", "x%"):
        with pytest.raises(InvalidRequest, match="invalid coverage") as caught:
            parse_coverage(text)
        assert "95%" in caught.value.hint
