"""Render the results of `check` for code review: GitHub workflow commands, SARIF, Markdown. Pure.

Values come from a node: each format's special characters are escaped.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.rules.judge import FAILED, HELD
from kubectl_snapshot.document.rules.results import NOTED, SKIPPED, WARNED
from kubectl_snapshot.render.check.results import MARKS, describe, describe_verdict
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from kubectl_snapshot.document.rules.rule_file import Rule
    from kubectl_snapshot.render.check.groups import Group
    from kubectl_snapshot.render.check.results import CheckReport

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ERROR_LEVEL, WARNING_LEVEL, NOTE_LEVEL = "error", "warning", "note"


def render_github(report: CheckReport) -> str:
    """Return a workflow command per failure, warning and unknown value, and the counts.

    Source: GitHub documentation, "Workflow commands for GitHub Actions"; its runner's
    ActionCommand escapes `%`, CR, LF, and in properties also `:` and `,`.
    """
    node = report.metadata.get("source-node", "")
    lines = []
    for group in _groups_that_count(report):
        rule = group.first.rule
        file, line = split_place(rule)
        properties = {"file": file, "line": line, "title": rule.name}
        parts = [f"{k}={_escape_property(v)}" for k, v in properties.items() if v]
        words = (f"{node}: {describe_verdict(group.first, group.path)}", rule.message, _fix(rule))
        text = "\n".join(single_line(word) for word in words if word)
        level = _level(group, report)
        if level == NOTE_LEVEL:
            level = "notice" if group.first.mark else WARNING_LEVEL
        lines.append(f"::{level} {','.join(parts)}::{_escape(text)}")
    lines.append(f"::notice title={report.tool}::{_escape(f'{node}: {report.summary}')}")
    return "".join(f"{line}\n" for line in lines)


def render_sarif(report: CheckReport) -> str:
    """Return the failures, warnings and unknown values as a SARIF 2.1.0 log (OASIS)."""
    groups = _groups_that_count(report)
    rules = {group.first.rule.name: group.first.rule for group in groups}
    names = list(rules)
    driver = {"name": report.tool, "rules": [_build_rule(rule) for rule in rules.values()]}
    log = {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "results": [_build_result(group, names, report) for group in groups],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def render_markdown(report: CheckReport) -> str:
    """Return a heading with the counts and a table, for GITHUB_STEP_SUMMARY or a merge request."""
    node = report.metadata.get("source-node", "") or report.source
    lines = [f"### {_code(node)}: {report.summary}", ""]
    rows = [group for group in report.groups if group.first.outcome != SKIPPED]
    if rows:
        lines += ["| result | rule | reading | why and fix |", "| --- | --- | --- | --- |"]
    for group in rows:
        rule, outcome = group.first.rule, group.first.outcome
        is_bad = outcome in (FAILED, WARNED, NOTED)
        details = [rule.message, rule.remediation] if is_bad else []
        mark = group.first.mark or MARKS[outcome]
        mark = f"**{mark}**" if outcome == FAILED else mark
        # The text of a finding has readings in it, that of a rule has not.
        quote = _code if group.first.mark else _plain
        cells = (
            mark,
            _plain(rule.name) if rule.place or group.first.mark else "",
            _code(describe_verdict(group.first, group.path)),
            "; ".join(quote(text) for text in details if text),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def split_place(rule: Rule) -> tuple[str, str]:
    """Return the file and line of a rule, empty for one of the command line."""
    file, _, line = rule.place.rpartition(" line ")
    return file, line


def _groups_that_count(report: CheckReport) -> list[Group]:
    return [group for group in report.groups if group.first.outcome not in (HELD, SKIPPED)]


def _level(group: Group, report: CheckReport) -> str:
    outcome = group.first.outcome
    if group.first.is_counted(report.is_strict):
        return ERROR_LEVEL
    return WARNING_LEVEL if outcome == WARNED else NOTE_LEVEL


def _fix(rule: Rule) -> str:
    return f"fix: {rule.remediation}" if rule.remediation else ""


def _build_rule(rule: Rule) -> dict[str, Any]:
    built: dict[str, Any] = {
        "id": rule.name,
        "shortDescription": {"text": rule.message or rule.constraint.text},
    }
    if rule.remediation:
        built["help"] = {"text": rule.remediation}
    if rule.source.startswith("https://"):
        built["helpUri"] = rule.source
    return built


def _build_result(group: Group, names: list[str], report: CheckReport) -> dict[str, Any]:
    rule = group.first.rule
    file, line = split_place(rule)
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(file or report.source)}}
    if line:
        location["region"] = {"startLine": int(line)}
    return {
        "ruleId": rule.name,
        "ruleIndex": names.index(rule.name),
        "level": _level(group, report),
        "message": {"text": single_line(describe(group.first, group.path))},
        "locations": [{"physicalLocation": location}],
    }


def _uri(path: str) -> str:
    from urllib.parse import quote  # late: this format only

    return quote(path, safe="/:@")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(single_line(text)).replace(":", "%3A").replace(",", "%2C")


def _code(text: str) -> str:
    """Return a text as a code span in a table: nothing in it is markup."""
    plain = single_line(text).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""


def _plain(text: str) -> str:
    """Return a text of a rule in a table."""
    escaped = single_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return escaped.replace("|", "\\|")
