"""SARIF, JUnit and GitHub annotations of `findings` and `check` have the form their readers parse.

Also of a document that has a hostile text at every path. Whole logs were validated once with
OASIS's sarif-schema-2.1.0.json, and read with junitparser 5.0.3.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.main import main
from tests.unit.document.findings.test_find import hostile_node
from tests.unit.render.pages import EXAMPLES

SICK = str(EXAMPLES / "snapshots" / "gpu-23.yaml")
RULES = str(EXAMPLES / "rules" / "gpu-node.yaml")
VERBS = (
    ("findings",),
    ("findings", "--fail-on", "warning"),
    ("check", "-f", RULES),
    ("check", "-f", RULES, "-c", "K8s.server.version >= 1.99", "--strict"),
)


def build_object(required: str, **optional: object) -> dict[str, object]:
    """Return the schema of an object with no other than these properties."""
    names = required.split()
    properties = {name: optional.get(name, {"type": "string"}) for name in (*names, *optional)}
    return {
        "type": "object",
        "required": names,
        "properties": properties,
        "additionalProperties": False,
    }


TEXT = build_object("text")
LIST = {"type": "array", "minItems": 1}
# What we use of SARIF 2.1.0: 3.13 log, 3.14 run, 3.19 driver, 3.49 rule, 3.27 result, 3.29 place.
PLACE = build_object(
    "physicalLocation",
    physicalLocation=build_object(
        "artifactLocation",
        artifactLocation=build_object("uri", uri={"pattern": r"^[^\s\x00-\x1f\"<>\\^`{|}]+$"}),
        region=build_object("startLine", startLine={"type": "integer", "minimum": 1}),
    ),
)
RULE = build_object(
    "id shortDescription",
    shortDescription=TEXT,
    help=TEXT,
    helpUri={"pattern": "^https://[^ ]+$"},
)
RESULT = build_object(
    "ruleId ruleIndex level message locations",
    ruleIndex={"type": "integer", "minimum": 0},
    level={"enum": ["error", "warning", "note"]},
    message=TEXT,
    locations={**LIST, "items": PLACE},
)
DRIVER = build_object("name rules", rules={"type": "array", "items": RULE, "uniqueItems": True})
RUN = build_object(
    "tool results", tool=build_object("driver", driver=DRIVER), results={**LIST, "items": RESULT}
)
SARIF = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **build_object("$schema version runs", version={"const": "2.1.0"}, runs={**LIST, "items": RUN}),
}
# https://github.com/jenkinsci/xunit-plugin, junit-10.xsd: elements, their children and attributes.
JUNIT = {
    "testsuites": ({"testsuite"}, set()),
    "testsuite": (
        {"testcase"},
        {"name", "tests", "failures", "errors", "skipped", "timestamp", "hostname"},
    ),
    "testcase": ({"error", "failure", "skipped", "system-out"}, {"name", "classname", "time"}),
    "error": (set(), {"message"}),
    "failure": (set(), {"message"}),
    "skipped": (set(), {"message"}),
    "system-out": (set(), set()),
}
# A property's value has no comma, colon, CR or LF, nor a percent sign but that of an escape.
GITHUB = re.compile(
    r"::(error|warning|notice) "
    r"(file=(%[0-9A-F]{2}|[^%,:])+,line=\d+,)?title=(%[0-9A-F]{2}|[^%,:])+::"
    r"(%[0-9A-F]{2}|[^%\x00-\x1f\u202e])+"
)


@pytest.fixture(params=["sick", "hostile"])
def document(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sick":
        return SICK
    path = tmp_path / "hostile.json"
    path.write_text(render_json(hostile_node()), encoding="utf-8")
    return str(path)


@pytest.fixture(params=VERBS, ids=["findings", "fail-on", "check", "strict"])
def words(request: pytest.FixtureRequest, document: str) -> list[str]:
    verb, *rest = request.param
    return [verb, document, *rest]


def test_sarif_has_the_form_of_sarif(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*words, "-o", "sarif"])
    log = json.loads(capsys.readouterr().out)
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(ids) == len(set(ids))
    assert all(ids[r["ruleIndex"]] == r["ruleId"] for r in run["results"])


def test_junit_has_the_form_of_junit(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*words, "-o", "junit"])
    root = ElementTree.fromstring(capsys.readouterr().out)
    for element in root.iter():
        children, attributes = JUNIT[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.attrib) <= attributes
    (suite,) = root
    for attribute, path in (
        ("tests", "testcase"),
        ("errors", "testcase/error"),
        ("failures", "testcase/failure"),
        ("skipped", "testcase/skipped"),
    ):
        assert int(suite.attrib[attribute]) == len(suite.findall(path))
    names = [case.attrib["name"] for case in suite]
    assert len(names) == len(set(names))


def test_a_github_annotation_is_one_line_of_its_grammar(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*words, "-o", "github"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    for line in lines:
        assert GITHUB.fullmatch(line), line
