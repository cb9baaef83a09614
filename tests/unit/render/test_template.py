from __future__ import annotations

import pytest

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.render.template import render_template


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
        ("\n{% for %}", "the template line 2 is no Jinja2", "Expected an expression"),
        ("\n{{ nothing }}", "the template line 2 cannot be rendered", "'nothing' is undefined"),
        ("{{ 1 / 0 }}", "the template line 1 cannot be rendered", "division by zero"),
        ("{% include 'x' %}", "the template line 1 includes x", "may include no file"),
        ("{{ names.append(1) }}", "the template line 1 cannot be rendered", "is unsafe"),
        ("{{ ''.__class__.mro() }}", "the template line 1 cannot be rendered", "unsafe"),
        ("{{ range(10000000) }}", "the template line 1 cannot be rendered", "Range too big"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(source: str, what: str, why: str) -> None:
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
