from __future__ import annotations

import pytest

from kubectl_snapshot.render.go_template import find_go, port_line
from kubectl_snapshot.render.template import check_template

# Lines in the manner of the reference's templates.
PORTED = {
    "{{ .Kind }} {{.APIVersion}}": "{{ snapshot.kind }} {{ snapshot.api_version }}",
    "{{ .Metadata.version }}": "{{ snapshot.metadata.version }}",
    '{{ index .Metadata "source-node" }}': '{{ snapshot.metadata["source-node"] }}',
    "{{- range .Measurements }}": "{% for measurement in snapshot.measurements %}",
    "{{ range .Subtypes -}}x{{ end }}": ("{% for subtype in measurement.subtypes %}x{% endfor %}"),
    "{{ range $k, $v := .Data }}": "{% for k, v in subtype.data.items() %}",
    '{{ if eq .Type.String "K8s" }}{{ $x := .Data }}{{ end }}': (
        '{% if measurement.type == "K8s" %}{% set x = subtype.data %}{% endif %}'
    ),
    '{{ if index $node "provider" }}{{ (index $node "provider").String }}{{ else }}-{{ end }}': (
        '{% if "provider" in node %}{{ node["provider"] }}{% else %}-{% endif %}'
    ),
    '{{ .Name | replace "a" "" | upper }}': '{{ subtype.name|replace("a", "")|upper }}',
    '{{ .Metadata.x | default "none" }}': '{{ snapshot.metadata.x|default("none") }}',
    '{{ default "none" .Metadata.x }}': '{{ snapshot.metadata.x|default("none") }}',
    '{{ if ne .Name "a" }}{{ len .Data }}{{ else if .Data }}-{{ end }}': (
        '{% if subtype.name != "a" %}{{ subtype.data|length }}{% elif subtype.data %}-{% endif %}'
    ),
    "{{ .String }}{{ . }}": "{{ item }}{{ item }}",
    "{{- /* a comment */ -}}": "{# a comment #}",
}


@pytest.mark.parametrize("line", PORTED)
def test_a_line_of_go_is_put_into_jinja2(line: str) -> None:
    assert port_line(line)[0] == PORTED[line]


@pytest.mark.parametrize("line", PORTED)
def test_what_a_line_becomes_is_jinja2_and_no_longer_go(line: str) -> None:
    assert find_go(line) is not None
    assert find_go(PORTED[line]) is None
    check_template("".join(port_line(line)), "a.j2")


def test_the_first_line_of_go_is_found() -> None:
    found = find_go("# Title\n\n  Node: {{ .Metadata.node }}\n{{ end }}\n")
    assert found is not None
    assert (found.number, found.text) == (3, "Node: {{ .Metadata.node }}")
    assert found.jinja == "Node: {{ snapshot.metadata.node }}"


@pytest.mark.parametrize(
    "line",
    [
        *("no action", "{{ index }}", "{{ range(3) }}", "{{ a.b }}", "{{ x if y else z }}"),
        *(
            "{{ end }}",
            "{{ foo (x) }}",
            "{{ range (3) }}",
            "{% if x %}",
            "{{ 'x' }}",
            "{{ not x }}",
            "{{ a - .5 }}",
        ),
    ],
)
def test_jinja2_is_not_taken_for_go(line: str) -> None:
    assert find_go(line) is None


@pytest.mark.parametrize("body", ["(", ")", "|", "| x", "((", "if", "range", "$", "", "index ("])
def test_half_a_line_of_go_breaks_nothing(body: str) -> None:
    assert port_line("{{ " + body + " }}")[0]
