from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.rules.constraints import (
    FOREIGN,
    Expression,
    compare_reading,
    evaluate,
    parse_constraint,
    parse_expression,
)
from kubectl_snapshot.document.snapshot import Scalar
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
        *("K8s.server.version => 1.32", "K8s.server.version ~> 1.3", "K8s.server.version ! 1"),
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


@pytest.mark.parametrize(
    ("expression", "actual", "holds"),
    [
        (">= 1.33.4-gke.1318001", "v1.33.4-gke.1318000", False),
        (">= 1.33.4-gke.1318001", "v1.33.4-gke.1318001", True),
        (">= 1.33.4-gke.1318001", "v1.33.5-gke.1", True),
        (">= 1.33.4-gke.1318001", "v1.33.3", False),
        ("> 1.33.4-gke.1318001", "v1.33.4-gke.1318001", False),
        ("< 6.8.0-1041", "6.8.0-1029-nvidia", True),
        ("<= 6.8.0-1041", "6.8.0-1041-nvidia", True),
        ("== 6.8.0-1041", "6.8.0-1041-nvidia", True),
        ("== 6.8.0-1041-nvidia", "6.8.0-1029-nvidia", False),
        ("!= 6.8.0-1041-nvidia", "6.8.0-1029-nvidia", True),
        ("== 1.33.4-eks-3025e55", "v1.33.4-eks-4025e55", False),
        ("== 1.33.4-eks-3025e55", "v1.33.4", False),
        ("!= 1.33.4-eks-3025e55", "v1.33.4", True),
        ("== 1.33.4", "v1.33.4-eks-3025e55", True),
        (">= 1.30.0", "1.30.0-rc.1", True),
        (">= 1.30.0-rc.1", "1.30.0", True),
    ],
)
def test_a_suffix_that_is_given_is_compared(expression: str, actual: str, holds: bool) -> None:
    assert evaluate(parse_expression(expression), actual) == holds


@pytest.mark.parametrize(
    ("expression", "actual"),
    [
        (">= 1.33.4-eks-3025e55", "v1.33.4-eks-4025e55"),
        ("<= 1.33.4-gke.1", "v1.33.4"),
        (">= 1.33-gke.1", "v1.33.4-gke.2"),
        (">= 1.33.4-gke.1", "v1.33-gke.2"),
    ],
)
def test_a_suffix_that_cannot_be_compared_is_no_answer(expression: str, actual: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be compared with"):
        evaluate(parse_expression(expression), actual)


@pytest.mark.parametrize(
    ("expression", "actual", "holds"),
    [
        (">= 5", 5, True),
        ("> 5", 5, False),
        ("< 5", 4, True),
        ("<= 5", 6, False),
        ("> -5", -4, True),
        ("< -5", "-6", True),
        (">= 0.25", 0.5, True),
        (">= 42.5", 42, False),
        ("== 42.0", 42, True),
        ("== 42.0", "42", True),
        ("!= 42", 42.5, True),
        ("== 0.5", 0.25, False),
        (">= 9007199254740993", 9007199254740992, False),
        ("<= 8589934592", 2**64 - 1, False),
        # A text with a dot is a version.
        (">= 1.9", "1.10", True),
        (">= 1.2.3", 1.2, True),
        ("== true", True, True),
        ("== 1", True, False),
        ("42", 42, True),
        ("42.0", 42, False),
    ],
)
def test_numbers_are_compared_as_numbers(expression: str, actual: Scalar, holds: bool) -> None:
    assert compare_reading(parse_expression(expression), actual) == holds


@pytest.mark.parametrize("actual", [True, float("inf"), float("nan"), "", "x"])
def test_what_is_no_number_has_no_order(actual: Scalar) -> None:
    with pytest.raises(InvalidRequest):
        compare_reading(parse_expression(">= 1"), actual)


@pytest.mark.parametrize(
    ("text", "function", "pattern", "subject"),
    [
        ("status(GPU.gpu-*) == ok", "status", "GPU.gpu-*", "status(GPU.gpu-*)"),
        ("status( SystemD.a.service ) == ok", "status", "SystemD.a.service", None),
        ("count(GPU.gpu-*.uuid)>=8", "count", "GPU.gpu-*.uuid", "count(GPU.gpu-*.uuid)"),
        ("count(GPU.gpu-*) >= 8", "count", "GPU.gpu-*", "count(GPU.gpu-*)"),
        ("label(a.b/c) x", "label", "NodeTopology.label.a.b/c", "label(a.b/c)"),
        ("OS.a.b == 1", "", "OS.a.b", "OS.a.b"),
    ],
)
def test_a_constraint_may_have_a_function_of_a_path(
    text: str, function: str, pattern: str, subject: str | None
) -> None:
    constraint = parse_constraint(text)
    assert (constraint.function, constraint.pattern) == (function, pattern)
    assert constraint.subject == (subject or f"{function}({pattern})")
    assert parse_constraint(constraint.text) == constraint


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("stats(GPU.gpu-*) == ok", 'unknown function "stats"', "did you mean status?"),
        ("label() == x", "label() has no key", ""),
        ("status(GPU) == ok", 'invalid path "GPU"', "write it as Type.Subtype"),
        ("status(GPUs.gpu-0) == ok", 'invalid path "GPUs.gpu-0"', "write it as Type.Subtype"),
        ("count(x) == 1", 'invalid path "x"', "write it as"),
        (">= 1.30", "the constraint '>= 1.30' has no path", "write it as PATH"),
        ("OS.a.b => 1", "the constraint '=> 1' begins with no operator", "did you mean >=?"),
        ("OS.a.b >= 1 ||", "the constraint '>= 1 ||' has an empty alternative", "write it as"),
        ("OS.a.b || 1", "the constraint '|| 1' has an empty alternative", "write it as"),
        ("OS.a.b >= 1 => 2", "the constraint '=> 2' begins with no operator", "did you mean >=?"),
        (
            "NodeTopology.gpu-nodes.label x",
            "invalid condition on labels 'x'",
            "write it as KEY=VALUE",
        ),
        ("OS.a.b <> 1", "the constraint '<> 1' begins with no operator", "did you mean !=?"),
        ("OS.a.b ==~x", "the constraint '==~x' begins with no operator", "write it as"),
        ("OS.a.b ~ 1", "the constraint '~ 1' begins with no operator", "did you mean ==?"),
        ("OS.a.b !x", "the constraint '!x' begins with no operator", "write it as"),
        ("OS.a.b == GPU.gpu-*.x", "GPU.gpu-*.x has more * than OS.a.b", "each * on the right"),
        ("vm.swappiness == 1", 'invalid path "vm.swappiness"', "OS.sysctl./proc/sys/vm/swapp"),
    ],
)
def test_a_mistake_is_reported_with_what_was_meant(text: str, what: str, hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_constraint(text)
    assert caught.value.what == what
    assert hint in caught.value.hint


@pytest.mark.parametrize(("typed", "meant"), FOREIGN.items())
def test_an_operator_of_another_language_is_answered_with_ours(typed: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_constraint(f"OS.a.b {typed} 1")
    assert caught.value.hint == f"did you mean {meant}?"
    assert caught.value.why == "operators are >=, <=, !=, ==, >, <"


def test_a_path_on_the_right_is_one_of_a_known_type() -> None:
    assert parse_constraint("OS.a.b == GPU.smi.driver").right == "GPU.smi.driver"
    for text in ("Foo.a.b", "1.2.3", "GPU.smi", "GPU.smi.a b"):
        assert parse_constraint(f"OS.a.b == {text}").right == ""
    assert parse_constraint("OS.a.b == Foo.a.b", ("OS", "Foo")).right == "Foo.a.b"
    assert parse_constraint("Any.a.b == OS.a.b", None).right == "OS.a.b"
