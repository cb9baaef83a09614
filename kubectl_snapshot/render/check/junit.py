"""Render the results of `check` as JUnit XML for CI systems. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from kubectl_snapshot.document.rules.judge import FAILED, HELD
from kubectl_snapshot.document.rules.results import NOTED, WARNED
from kubectl_snapshot.render.check.results import describe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

    from kubectl_snapshot.document.rules.results import RuleResult
    from kubectl_snapshot.render.check.results import CheckReport

# Characters that XML 1.0 cannot represent (section 2.2, Char), and control characters.
NO_XML = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: CheckReport) -> str:
    """Return the results as test cases of one suite.

    Unknown is skipped, with `--strict` an error; failed warnings are skipped, too: CI systems then
    count the same failures as the exit code.
    """
    return _render([_build_suite(report, report.tool)])


def render_suites(reports: Iterable[CheckReport]) -> str:
    """Return the results of several nodes, a suite each, named after the node."""
    return _render([_build_suite(report, report.source) for report in reports])


def _build_suite(report: CheckReport, name: str) -> Element:
    cases = [_build_case(result, report) for result in report.shown]
    suite = ElementTree.Element("testsuite", {"name": _xml_text(name), "tests": str(len(cases))})
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    timestamp, node = (report.metadata.get(key, "") for key in ("timestamp", "source-node"))
    # The schema of JUnit's Ant task has no time zone.
    suite.set("timestamp", _xml_text(timestamp.rstrip("Z")))
    suite.set("hostname", _xml_text(node))
    suite.extend(cases)
    return suite


def _render(suites: Iterable[Element]) -> str:
    root = ElementTree.Element("testsuites")
    root.extend(suites)
    ElementTree.indent(root)
    xml: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n'


def _build_case(result: RuleResult, report: CheckReport) -> Element:
    rule, verdict = result.rule, result.verdict
    name = rule.name if verdict.path == rule.constraint.path.text else f"{rule.name} {verdict.path}"
    suite, _, line = (rule.place or "command line").rpartition(" line ")
    suite = report.tool if result.mark else suite
    case = ElementTree.Element(
        "testcase", {"name": _xml_text(name), "classname": _xml_text(suite or line), "time": "0"}
    )
    if result.outcome != HELD:
        tag = _choose_tag(result, report.is_strict)
        element = ElementTree.SubElement(case, tag, {"message": _xml_text(describe(result))})
        # GitLab shows the text of a failure, an error and a skipped case, and no message; GitHub's
        # reporters show either.
        mark = f"{result.mark or 'warning'}: " if result.outcome in (WARNED, NOTED) else ""
        words = (mark + describe(result), rule.message, rule.remediation, rule.source)
        element.text = _xml_text("\n".join(filter(None, words)))
    return case


def _choose_tag(result: RuleResult, is_strict: bool) -> str:
    if result.outcome == FAILED:
        return "failure"
    return "error" if result.is_counted(is_strict) else "skipped"


def _xml_text(text: str) -> str:
    return NO_XML.sub("\ufffd", text)
