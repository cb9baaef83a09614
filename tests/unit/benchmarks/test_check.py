"""A short measurement beside the newest results."""

from __future__ import annotations

from benchmarks.budgets import Row
from benchmarks.check import compare

BEFORE = {"base": 1.0, "--help": 2.0, "zipapp": 1000.0, "gone": 5.0}


def test_what_grew_by_more_than_its_margin_is_named() -> None:
    rows = [Row("base", 1.0, "x"), Row("--help", 3.1, "x"), Row("zipapp", 1051.0, "B")]
    assert list(compare(rows, BEFORE)) == [
        "warning: --help: 3.10 x, 2.00 in the newest results",
        "warning: zipapp: 1,051.00 B, 1,000.00 in the newest results",
    ]


def test_what_did_not_is_told_in_one_line() -> None:
    rows = [
        Row("base", 1.0, "x"),
        Row("--help", 3.0, "x"),
        Row("zipapp", 1050.0, "B"),
        Row("new", 9.0, "x"),
        Row("unmeasured", None, "x"),
    ]
    (line,) = compare(rows, BEFORE)
    assert line.endswith("than in the newest results: --help, zipapp")
