"""The zipapp does with a kubeconfig what kubectl does with it, but for the stated differences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kubectl_parity.all_cases import CASES
from tests.kubectl_parity.case import Case
from tests.kubectl_parity.programs import Observation, Program, observe, ours
from tests.kubectl_parity.world import World


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_zipapp_does_what_kubectl_does(
    case: Case, theirs: Program, kubectl_version: str, world: World, cache: Path, tmp_path: Path
) -> None:
    expected = observe(theirs, case, world, tmp_path, cache)
    (tmp_path / "plugin.log").unlink(missing_ok=True)
    got = observe(ours(), case, world, tmp_path, cache)
    reported = f"\nkubectl: {expected}\n   ours: {got}"
    assert got.exit_code == case.exit_code, reported
    if case.difference or kubectl_version < case.since:
        assert got != expected, f"this difference is gone: {case.difference}{reported}"
    else:
        assert got == expected, reported
    assert "Traceback" not in got.stderr
    assert_no_secret(got)


def assert_no_secret(got: Observation) -> None:
    for secret in ("p@ss", "p%40ss"):
        assert secret not in got.stderr
