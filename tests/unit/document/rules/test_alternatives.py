from __future__ import annotations

import pytest

from kubectl_snapshot.document.rules.alternatives import split_terms
from kubectl_snapshot.document.rules.constraints import Constraint, parse_constraint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">= 1.32", [[">= 1.32"]]),
        (" ubuntu ", [["ubuntu"]]),
        ("quiet splash ro", [["quiet splash ro"]]),
        (">= 1.32 < 1.35", [[">= 1.32", "< 1.35"]]),
        (">=1.32\t<1.35  !=1.33", [[">=1.32", "<1.35", "!=1.33"]]),
        (">= 1.34 < 1.35||>= 1.36", [[">= 1.34", "< 1.35"], [">= 1.36"]]),
        ("a || b", [["a"], ["b"]]),
        ("= 1.32", [["== 1.32"]]),
        (">= 1 =1.32", [[">= 1", "==1.32"]]),
        ("== 1.32", [["== 1.32"]]),
        ("=> 1.32", [["=> 1.32"]]),
        ("=~ x", [["=~ x"]]),
        ("a=b", [["a=b"]]),
        ("|", [["|"]]),
    ],
)
def test_a_term_begins_where_an_operator_follows_a_blank(
    text: str, expected: list[list[str]]
) -> None:
    assert split_terms(text) == expected


def test_each_term_is_a_constraint_on_the_same_path() -> None:
    constraint = parse_constraint("K8s.server.version >= 1.34 < 1.35 || = 1.36.1")
    assert constraint.text == "K8s.server.version >= 1.34 < 1.35 || == 1.36.1"
    texts = [[term.text for term in terms] for terms in constraint.alternatives]
    assert texts == [
        ["K8s.server.version >= 1.34", "K8s.server.version < 1.35"],
        ["K8s.server.version == 1.36.1"],
    ]
    assert parse_constraint(constraint.text) == constraint


def test_a_single_term_has_no_alternatives() -> None:
    constraint: Constraint = parse_constraint("OS.a.b = 1")
    assert constraint.alternatives == ()
    assert constraint == parse_constraint("OS.a.b == 1")
    assert parse_constraint("OS.a.b == OS.c.d < 3").right == ""
