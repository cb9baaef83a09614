from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.rules.constraints import (
    Expression,
    evaluate,
    parse_constraint,
    parse_expression,
)
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import PROPERTY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">= 1.32.4", (">=", "1.32.4", True)),
        (">=1.32.4", (">=", "1.32.4", True)),
        ("\u2003== 24.04 ", ("==", "24.04", True)),
        ("== v1", ("==", "v1", False)),
        ("!= rhel", ("!=", "rhel", False)),
        ("> latest", (">", "latest", True)),
        ("ubuntu", ("", "ubuntu", False)),
        ("=> 1.2", ("", "=> 1.2", True)),
        ("a == b", ("", "a == b", False)),
    ],
)
def test_an_expression_is_an_operator_and_a_value(text: str, expected: tuple[object, ...]) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize("text", ["", " ", "<", ">= ", "==", "\t"])
def test_an_expression_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_expression(text)


@pytest.mark.parametrize(
    ("expression", "actual", "holds"),
    [
        (">= 1.32.4", "v1.33.5-eks-3025e55", True),
        ("> 1.33", "v1.33.5", False),
        ("<= 1.33", "1.33.9", True),
        ("< 1.33", "1.32.9", True),
        ("== 1.33", "v1.33.0", True),
        ("== 1.33", "v1.33.5", False),
        ("!= 1.33.5", "v1.33.5-gke.1", False),
        ("!= ubuntu", "rhel", True),
        ("== 1", "v1", False),
        ("== 1.0", "v1", True),
        ("1.33", "1.33.0", False),
        ("ubuntu", " ubuntu ", True),
        ("Ubuntu", "ubuntu", False),
        ("== 1.2.3.4", "1.2.3.4", True),
        ("> 5", "8", True),
        ("> 8", "10", True),
    ],
)
def test_a_reading_keeps_to_an_expression_or_not(expression: str, actual: str, holds: bool) -> None:
    assert evaluate(parse_expression(expression), actual) is holds


@pytest.mark.parametrize(
    ("expression", "actual"), [("> 5", "eight"), (">= foo", "1.2"), ("<1", "")]
)
def test_an_ordering_of_what_is_no_version_is_refused(expression: str, actual: str) -> None:
    with pytest.raises(InvalidRequest, match="version"):
        evaluate(parse_expression(expression), actual)


def test_an_operator_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no operator '~'"):
        evaluate(Expression("~", "1", False), "1")


@pytest.mark.parametrize(
    ("text", "path", "expression"),
    [
        ("K8s.server.version >= 1.32", "K8s.server.version", ">= 1.32"),
        ("K8s.server.version>=1.32", "K8s.server.version", ">= 1.32"),
        (" OS.release.ID ubuntu", "OS.release.ID", "ubuntu"),
        ("OS.grub.ro!=x", "OS.grub.ro", "!= x"),
        ("GPU.smi.gpu.model == NVIDIA H100 80GB HBM3", "GPU.smi.gpu.model", None),
        ("SystemD.*.ActiveState == active", "SystemD.*.ActiveState", "== active"),
    ],
)
def test_a_constraint_is_a_path_and_an_expression(
    text: str, path: str, expression: str | None
) -> None:
    constraint = parse_constraint(text)
    assert constraint.path.text == path
    assert constraint.expression.text == (expression or "== NVIDIA H100 80GB HBM3")


@pytest.mark.parametrize(
    "text",
    [
        *("", "K8s.server.version", "K8s.server >= 1", "Foo.a.b == 1", ">= 1.2"),
        *("K8s.server.version >=", "K8s.server.version >= latest", "K8s.server.version > 1.2.3.4"),
        *("K8s.server.version = 1.32", "K8s.server.version => 1.32", "K8s.server.version ~> 1.3"),
        "K8s.server.version ! 1",
    ],
)
def test_a_constraint_that_nothing_could_keep_to_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_constraint(text)


@PROPERTY
@given(st.text() | st.text("OS.a* <>=!~1"))
def test_any_text_is_a_constraint_or_an_invalid_request(text: str) -> None:
    try:
        constraint = parse_constraint(f"OS.{text}")
    except InvalidRequest:
        return
    assert parse_constraint(constraint.text) == constraint
