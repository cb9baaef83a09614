from __future__ import annotations

import pytest

from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest, NotFound, SnapshotError
from kubectl_snapshot.render.user_template import is_markup, parse_template, render_user_template

SNAPSHOT = Snapshot(
    {"source-node": "gpu-17", "version": "0.1"},
    (
        Measurement(
            "K8s",
            (
                Subtype("server", {"version": "v1.34.2-eks-3025e55"}),
                Subtype("node", {}, {"status": "forbidden", "reason": "nodes is forbidden"}),
            ),
        ),
        Measurement(
            "OS",
            (
                Subtype("kmod", {"nvidia": True, "values": False}),
                Subtype("release", {"NAME": "<b>&"}),
            ),
        ),
        Measurement(
            "SystemD",
            (
                Subtype("containerd.service", {"ActiveState": "active", "Share": 1e6}),
                Subtype("kubelet.service", {"ActiveState": "failed"}),
            ),
        ),
    ),
)


def render(source: str, name: str = "a.j2") -> str:
    return render_user_template(parse_template(source, name), SNAPSHOT)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ snapshot.kind }} {{ snapshot.api_version }}", "Snapshot aicr.nvidia.com/v1alpha1"),
        ("{{ snapshot.metadata['source-node'] }}", "gpu-17"),
        ("{% for m in snapshot.measurements %}{{ m.type }} {% endfor %}", "K8s OS SystemD "),
        ("{{ snapshot.measurements[0].subtypes[0].data.version }}", "v1.34.2-eks-3025e55"),
        ("{{ reading('K8s.server.version') }}", "v1.34.2-eks-3025e55"),
        ("{{ reading('metadata.version') }}", "0.1"),
        ("{{ reading('SystemD.kubelet.service.ActiveState') }}", "failed"),
        ("{{ reading('K8s.node.provider', 'unknown') }}", "unknown"),
        ("{{ reading('metadata.mode', '-') }}", "-"),
        ("{{ readings('SystemD.*.ActiveState').values()|join(',') }}", "active,failed"),
        ("{{ readings('OS.nothing.*') }}", "{}"),
        (
            "{{ subtypes('SystemD.*')|join(',') }}",
            "SystemD.containerd.service,SystemD.kubelet.service",
        ),
        ("{{ subtypes()|length }}", "6"),
        ("{{ subtypes('K8s.node')['K8s.node'].status }}", "forbidden"),
        ("{{ gaps['K8s.node'] }}", "K8s.node is forbidden: nodes is forbidden"),
        ("{{ check('K8s.server.version >= 1.34') }}", "held"),
        ("{{ check('K8s.server.version >= 1.35') }}", "failed"),
        ("{{ check('K8s.node.provider == eks') }}", "unknown"),
        ("{{ check('SystemD.*.ActiveState == active') }}", "failed"),
    ],
)
def test_a_template_sees_the_document_and_looks_things_up(source: str, text: str) -> None:
    assert render(source) == text


def test_values_are_printed_as_the_document_has_them() -> None:
    assert render("{{ reading('OS.kmod.nvidia') }}") == "true"
    assert render("{{ 'is ' ~ reading('OS.kmod.nvidia')|text }}") == "is true"
    assert render("{{ reading('SystemD.containerd.service.Share') }}") == "1e+06"
    assert render("{{ reading('OS.kmod.nvidia')|tojson }}") == "true"


def test_a_value_can_stand_in_a_cell_of_markdown() -> None:
    assert render("{{ 'a|b\\r\\nc'|cell }}{{ true|cell }}") == "a\\|b ctrue"


def test_a_key_with_a_functions_name_is_not_printed_as_the_function() -> None:
    assert render("{{ subtypes('OS.kmod')['OS.kmod'].data['values'] }}") == "false"
    with pytest.raises(InvalidRequest) as caught:
        render("{{ subtypes('OS.kmod')['OS.kmod'].data.values }}")
    assert "values is a function" in caught.value.why


@pytest.mark.parametrize(
    ("source", "kind", "why"),
    [
        ("\n{{ reading('K8s.node.provider') }}", NotFound, "K8s.node is forbidden: nodes is forb"),
        ("\n{{ reading('OS.release.ID') }}", NotFound, "OS.release has no key 'ID'"),
        ("\n{{ reading('metadata.mode') }}", NotFound, ""),
        ("\n{{ reading('Os.release.ID', 'x') }}", InvalidRequest, "unknown measurement type"),
        (
            "\n{{ snapshot.nodes }}",
            InvalidRequest,
            'undefined name "nodes"; available: metadata, mea',
        ),
        ("\n{{ readng('OS') }}", InvalidRequest, "it has snapshot, reading, readings, subtypes"),
        ("\n{{ check('K8s.server.version >=') }}", InvalidRequest, ""),
        ("\n{% include '/etc/passwd' %}", InvalidRequest, "templates cannot include files"),
    ],
)
def test_what_is_wrong_is_reported_with_its_line(
    source: str, kind: type[SnapshotError], why: str
) -> None:
    with pytest.raises(kind) as caught:
        render(source)
    assert caught.value.what.startswith("a.j2 line 2")
    assert why in caught.value.why


@pytest.mark.parametrize(
    "expression",
    [
        "reading.__globals__",
        "snapshot.__class__.__mro__",
        "snapshot|attr('__class__')",
        "'{0.__class__}'.format(snapshot)",
        "'%s'.__class__",
        "snapshot.measurements.__getitem__(0)",
        "snapshot.metadata.update(a='b')",
        "subtypes()['OS.kmod'].data.clear()",
        "snapshot.measurements.append(1)",
    ],
)
def test_a_template_does_not_get_out_of_the_sandbox(expression: str) -> None:
    with pytest.raises(InvalidRequest):
        render("{{ " + expression + " }}")


def test_a_reading_without_a_value_says_how_to_write_something_else() -> None:
    with pytest.raises(NotFound) as caught:
        render("{{ reading('OS.release.ID') }}")
    assert "reading('OS.release.ID', 'unknown')" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("a.html", True), ("a.HTM.j2", True), ("a.xml.jinja2", True), ("a.svg.jinja", True)),
        *(("a.md.j2", False), ("a.j2", False), ("html", False), ("a.html.md", False)),
    ],
)
def test_markup_is_reported_by_the_name(name: str, expected: bool) -> None:
    assert is_markup(name) is expected


def test_values_in_markup_are_escaped() -> None:
    source = "<p>{{ reading('OS.release.NAME') }}"
    assert render(source, "a.html.j2") == "<p>&lt;b&gt;&amp;"
    assert render(source, "a.md.j2") == "<p><b>&"


def test_a_template_of_go_is_refused_with_its_line_in_jinja2() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_template("# Report\n{{- range .Measurements }}\n{{ end }}\n", "a.tmpl")
    error = caught.value
    assert error.what == "a.tmpl line 2 is Go template syntax, not Jinja2"
    assert error.why == "the line is {{- range .Measurements }}"
    assert "write it as {% for measurement in snapshot.measurements %}" in error.hint
    assert "docs/templates.md" in error.hint


def test_a_line_of_go_that_cannot_be_put_into_words_names_the_manual() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_template('{{ if and (eq .Name "a") (eq .Type "b") }}', "a.tmpl")
    assert caught.value.hint == "see docs/templates.md for the Jinja2 syntax"


def test_what_is_neither_is_refused_as_no_jinja2() -> None:
    with pytest.raises(InvalidRequest, match=r"a\.j2 line 2: invalid Jinja2"):
        parse_template("\n{% if %}", "a.j2")
