from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from kubectl_snapshot.document.rules.results import check_rules
from kubectl_snapshot.document.rules.rule_file import WARNING, Rule, parse_rule
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.check.junit import render_junit
from kubectl_snapshot.render.check.results import CheckReport

SNAPSHOT = Snapshot(
    {"source-node": "gpu-17", "timestamp": "2026-11-23T07:50:28Z"},
    (
        Measurement(
            "OS",
            (Subtype("release", {"ID": "ubuntu", "NAME": "<a>\x00\x1b\x9b&", "V.a": 1, "V.b": 2}),),
        ),
    ),
)
HELD, FAILING = parse_rule("OS.release.ID ubuntu"), parse_rule("OS.release.ID == rhel")
UNKNOWN = parse_rule("GPU.smi.driver >= 570")
SKIPPED = Rule("s", HELD.constraint, when=(FAILING.constraint,))


def suite(*rules: Rule, is_strict: bool = False) -> ElementTree.Element:
    report = CheckReport("-", SNAPSHOT.metadata, check_rules(rules, SNAPSHOT), is_strict)
    (found,) = ElementTree.fromstring(render_junit(report).encode())
    return found


@pytest.mark.parametrize(
    ("rule", "is_strict", "tags"),
    [
        (HELD, True, []),
        (FAILING, False, ["failure"]),
        (UNKNOWN, False, ["skipped"]),
        (UNKNOWN, True, ["error"]),
        (SKIPPED, True, ["skipped"]),
        (replace(FAILING, severity=WARNING), True, ["skipped"]),
        (replace(UNKNOWN, severity=WARNING), True, ["skipped"]),
    ],
)
def test_what_counts_as_failed_is_what_the_exit_code_counts(
    rule: Rule, is_strict: bool, tags: list[str]
) -> None:
    (case,) = suite(rule, is_strict=is_strict)
    assert [child.tag for child in case] == tags


def test_the_suite_counts_its_cases_and_names_the_node() -> None:
    found = suite(HELD, FAILING, UNKNOWN, SKIPPED)
    assert found.attrib == {
        "name": "kubectl-snapshot check",
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
        "timestamp": "2026-11-23T07:50:28",
        "hostname": "gpu-17",
    }


def test_a_case_is_named_by_rule_file_and_reading() -> None:
    rule = replace(parse_rule("OS.release.V.* == 1"), name="v", place="a line b.yaml line 3")
    one, two = suite(rule)
    assert one.attrib == {"name": "v OS.release.V.a", "classname": "a line b.yaml", "time": "0"}
    assert two.get("name") == "v OS.release.V.b"
    (case,) = suite(HELD)
    assert (case.get("name"), case.get("classname")) == ("OS.release.ID ubuntu", "command line")


def test_what_xml_cannot_hold_is_replaced() -> None:
    rule = replace(parse_rule("OS.release.NAME == x"), message="why", remediation="how")
    (case,) = suite(rule)
    failure = case[0]
    assert failure.get("message") == "OS.release.NAME is <a>\ufffd\ufffd\ufffd&, not == x"
    assert failure.text == f"{failure.get('message')}\nwhy\nhow"


def test_a_warning_says_in_its_text_that_it_is_one() -> None:
    rule = replace(parse_rule("OS.release.ID == x"), severity=WARNING, message="why")
    (case,) = suite(rule)
    assert case[0].tag == "skipped"
    assert case[0].text == "warning: OS.release.ID is ubuntu, not == x\nwhy"
