"""Render the results of `check` as JUnit XML for CI systems. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from kubectl_snapshot.document.rules.judge import FAILED, HELD
from kubectl_snapshot.document.rules.results import WARNED
from kubectl_snapshot.render.check_results import describe

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from kubectl_snapshot.document.rules.results import Finding
    from kubectl_snapshot.render.check_results import CheckReport

SUITE = "kubectl-snapshot check"
# Characters that XML 1.0 cannot represent (section 2.2, Char), and control characters.
NO_XML = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: CheckReport) -> str:
    """Return the results as test cases of one suite.

    Unknown is skipped, with `--strict` an error; failed warnings are skipped, too: CI systems then
    count the same failures as the exit code.
    """

    cases = [_build_case(finding, report) for finding in report.shown]
    suite = ElementTree.Element("testsuite", {"name": SUITE, "tests": str(len(cases))})
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    timestamp, node = (report.metadata.get(key, "") for key in ("timestamp", "source-node"))
    # The schema of JUnit's Ant task has no time zone.
    suite.set("timestamp", _xml_text(timestamp.rstrip("Z")))
    suite.set("hostname", _xml_text(node))
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    xml: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n'


def _build_case(finding: Finding, report: CheckReport) -> Element:
    rule, verdict = finding.rule, finding.verdict
    name = rule.name if verdict.path == rule.constraint.path.text else f"{rule.name} {verdict.path}"
    suite, _, line = (rule.place or "command line").rpartition(" line ")
    case = ElementTree.Element(
        "testcase", {"name": _xml_text(name), "classname": _xml_text(suite or line), "time": "0"}
    )
    if finding.outcome != HELD:
        tag = _choose_tag(finding, report.is_strict)
        element = ElementTree.SubElement(case, tag, {"message": _xml_text(describe(finding))})
        # GitLab shows the text of a failure, an error and a skipped case, and no message; GitHub's
        # reporters show either.
        mark = "warning: " if finding.outcome == WARNED else ""
        words = (mark + describe(finding), rule.message, rule.remediation, rule.source)
        element.text = _xml_text("\n".join(filter(None, words)))
    return case


def _choose_tag(finding: Finding, is_strict: bool) -> str:
    if finding.outcome == FAILED:
        return "failure"
    return "error" if finding.is_counted(is_strict) else "skipped"


def _xml_text(text: str) -> str:
    return NO_XML.sub("\ufffd", text)
