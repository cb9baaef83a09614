from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.budgets import BUDGETS, Budget, Row, is_missed, render_table

ADRS = Path(__file__).resolve().parents[3] / "docs" / "adr"


@pytest.mark.parametrize(("value", "verdict"), [(3.9, "ok"), (4.0, "ok"), (4.1, "missed")])
def test_a_figure_above_its_budget_is_missed(value: float, verdict: str) -> None:
    row = Row("--help", value, "x", Budget(4))
    assert row.verdict == verdict
    assert is_missed([row]) == (verdict == "missed")


def test_an_adr_excuses_a_missed_budget_up_to_its_own_limit() -> None:
    budget = Budget(4, adr="0019", limit=9)
    within, beyond = (Row("collect", value, "x", budget) for value in (8.9, 9.1))
    assert within.verdict == "over; ADR 0019 allows 9"
    assert not is_missed([within])
    assert is_missed([within, beyond])


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    row = Row("capture", None, "x", Budget(1.3), note="there is no cluster")
    assert row.verdict == "not measured"
    assert not is_missed([row])
    assert "there is no cluster" in render_table([row])


def test_a_figure_without_a_budget_is_information() -> None:
    assert Row("the bare client", 1.0, "x").verdict == ""


def test_each_adr_that_excuses_a_budget_is_there() -> None:
    for budget in BUDGETS.values():
        assert not budget.adr or list(ADRS.glob(f"{budget.adr}-*.md"))


def test_the_table_shows_median_range_figure_and_budget() -> None:
    row = Row("--help", 2.17, "x", Budget(4), 22.2, 19.0, 127.0, 19.8)
    line = render_table([row]).splitlines()[1]
    assert line.split() == "--help 22.2 19.0 – 127 19.8 2.17 x 4.00 x ok".split()
