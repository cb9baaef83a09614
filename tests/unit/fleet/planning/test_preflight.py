from __future__ import annotations

import pytest

from kubectl_snapshot.document.fleet.manifest import SKIPPED, FleetNode
from kubectl_snapshot.errors import ServiceUnavailable
from kubectl_snapshot.fleet.planning.preflight import check_nodes, share
from kubectl_snapshot.fleet.planning.selection import KnownNode
from kubectl_snapshot.job.preflight.checks import FAIL, OK, WARN, choose_exit_code

NODES = [KnownNode(f"n{number}", "", "") for number in range(4)]
COLD = [FleetNode(name, SKIPPED, "not Ready", f"since {name}") for name in ("x1", "x2")]
WINDOWS = FleetNode("w", SKIPPED, "not Linux", "")


def test_the_nodes_to_capture_are_counted_and_the_others_told_by_cause() -> None:
    first, cold, windows = check_nodes(NODES, [*COLD, WINDOWS])
    assert (first.status, first.reason) == (OK, "4 of 7 would be captured: n0, n1, n2 and 1 more")
    assert cold.reason == "2 would be skipped, not Ready: x1, x2: since x1"
    assert windows.reason == "1 would be skipped, not Linux: w"
    assert {cold.status, windows.status} == {WARN}
    checks = (first, cold, windows)
    assert choose_exit_code(checks, is_strict=False) == 0
    assert choose_exit_code(checks, is_strict=True) == 10


def test_a_fleet_without_a_usable_node_fails_as_its_capture() -> None:
    checks = check_nodes([], COLD)
    assert checks[0].status == FAIL
    assert isinstance(checks[0].error, ServiceUnavailable)
    assert "not Ready: x1, x2" in checks[0].reason
    assert choose_exit_code(checks, is_strict=False) == 6


def test_what_a_fleet_has_already_is_not_captured_again() -> None:
    (first, *rest) = check_nodes(NODES, [COLD[0]], kept={"n0", "n1", "x1"})
    assert first.reason == "2 of 5 would be captured: n2, n3; 3 are in the fleet already"
    assert rest == []
    assert check_nodes([], COLD, kept={"x1"})[0].status == OK
    (none,) = check_nodes([NODES[0]], [], kept={"n0"})
    assert none.reason == "0 of 1 would be captured; 1 are in the fleet already"


@pytest.mark.parametrize(
    ("skipped", "kept", "expected"),
    [([], (), 1.0), (COLD, (), 4 / 6), (COLD, ("x1",), 5 / 6), ([WINDOWS], ("n0",), 0.8)],
)
def test_the_share_is_that_of_all_nodes(
    skipped: list[FleetNode], kept: tuple[str, ...], expected: float
) -> None:
    # Exactly: --min-coverage compares it.
    assert share(NODES, skipped, kept) == expected
