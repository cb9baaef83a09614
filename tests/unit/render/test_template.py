from __future__ import annotations

import pytest

from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.render import template
from kubectl_snapshot.render.template import check_template, render_template


def render(source: str, **variables: object) -> str:
    return render_template(source, variables, autoescape=False)


def test_variables_are_put_in() -> None:
    source = "{% for n in names %}\n- {{ n }}\n{% endfor %}\n"
    assert render(source, names=["a", "b"]) == "- a\n- b\n"


def test_markup_in_a_value_is_escaped_where_it_is_asked_for() -> None:
    assert render("{{ v }}", v="<b>&'\"") == "<b>&'\""
    escaped = render_template("{{ v }}", {"v": "<b>&'\""}, autoescape=True)
    assert escaped == "&lt;b&gt;&amp;&#39;&#34;"


@pytest.mark.parametrize(
    ("source", "what", "why"),
    [
        ("\n{% for %}", "the template line 2: invalid Jinja2", "Expected an expression"),
        ("\n{{ nothing }}", "the template line 2 cannot be rendered", "'nothing' is undefined"),
        ("{{ 1 / 0 }}", "the template line 1 cannot be rendered", "division by zero"),
        ("{% include 'x' %}", "the template line 1 includes x", "cannot include files"),
        ("{{ names.append(1) }}", "the template line 1 cannot be rendered", "is unsafe"),
        ("{{ ''.__class__.mro() }}", "the template line 1 cannot be rendered", "unsafe"),
        ("{{ range(10000000) }}", "the template line 1 cannot be rendered", "Range too big"),
    ],
)
def test_what_is_wrong_is_reported_with_its_line(source: str, what: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        render(source, names=[])
    assert caught.value.what == what
    assert why in caught.value.why


def test_a_template_includes_the_parts_it_is_given_and_uses_its_filters() -> None:
    text = render_template(
        "{% include 'head' %}{{ 'a'|double }}",
        {},
        autoescape=True,
        parts={"head": "<h1>"},
        filters={"double": lambda text: text * 2},
        finalize=str.upper,
    )
    assert text == "<h1>AA"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ nothing }}", "'nothing' is undefined; it has names, unit"),
        ("{{ names.x }}", 'undefined name "x"; available: a, b'),
        ("{{ unit.state }}", 'undefined name "state"; available: name, data, context, items'),
        ("{{ unit.data['x'] }}", 'undefined name "x"; available: nothing'),
    ],
)
def test_what_is_not_there_is_reported_with_what_is(source: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        render(source, names={"a": 1, "b": 2}, unit=Subtype("kubelet.service"))
    assert caught.value.why == why


def test_what_has_many_names_is_reported_with_the_first_of_them() -> None:
    with pytest.raises(InvalidRequest) as caught:
        render("{{ names.x }}", names=dict.fromkeys(range(1000)))
    assert caught.value.why.endswith("available: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …")


def test_what_a_template_may_leave_open_is_no_error() -> None:
    assert render("{{ names.x|default('-') }}{{ y is defined }}", names={}) == "-False"


@pytest.mark.parametrize(
    "source",
    ["{{ 9**(9**9) }}", "{{ 'x' * 2000000 }}", "{{ 2000000 * [1] }}", "{{ (9**9)**99999 }}"],
)
def test_no_expression_computes_for_minutes(source: str) -> None:
    with pytest.raises(InvalidRequest, match="line 1 cannot be rendered"):
        render(source)
    assert render("{{ 2 ** 10 }}{{ 'x' * 3 }}{{ 2.5 * 2 }}") == "1024xxx5.0"


def test_a_text_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "MAX_CHARACTERS", 1000)
    with pytest.raises(InvalidRequest) as caught:
        render("{% for i in range(100000) %}\n{{ i }}\n{% endfor %}")
    assert caught.value.what.endswith("output exceeds 1000 characters")


def test_an_error_of_a_function_keeps_its_kind_and_gets_the_line() -> None:
    def read() -> None:
        raise NotFound("there is no such thing", "nobody made it", "make it")

    with pytest.raises(NotFound) as caught:
        render("\n{{ read() }}", read=read)
    error = caught.value
    assert (error.what, error.why, error.hint) == (
        "the template line 2: there is no such thing",
        "nobody made it",
        "make it",
    )


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("\n{% if %}", "a.j2 line 2: invalid Jinja2"),
        ("{{ 1|nothing }}", "a.j2 line 1: invalid Jinja2"),
    ],
)
def test_a_template_can_be_checked_before_there_is_anything_to_render(
    source: str, what: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_template(source, "a.j2")
    assert caught.value.what == what
    check_template("{{ anything.at_all() }}", "a.j2")
