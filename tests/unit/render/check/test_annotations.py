from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN, Verdict
from kubectl_snapshot.document.rules.results import SKIPPED, RuleResult
from kubectl_snapshot.document.rules.rule_file import WARNING, Rule, parse_rule
from kubectl_snapshot.render.check.annotations import (
    render_github,
    render_markdown,
    render_sarif,
)
from kubectl_snapshot.render.check.results import CheckReport

RULE = Rule(
    "a, b: 50%",
    parse_rule("GPU.gpu-*.x == 1").constraint,
    message="it | <matters>",
    remediation="mend\nit",
    source="https://example.com/a",
    place="my rules.yaml line 7",
)
WARN = replace(RULE, name="w", severity=WARNING, place="r.yaml line 9", remediation="", source="x")
LINE = parse_rule("OS.release.ID == x")
FINDINGS = (
    RuleResult(LINE, Verdict("OS.release.ID", UNKNOWN, None, "not read")),
    RuleResult(RULE, Verdict("GPU.gpu-0.x", FAILED, "a|`b`\n::error::\x1bc")),
    RuleResult(RULE, Verdict("GPU.gpu-1.x", FAILED, "a|`b`\n::error::\x1bc")),
    RuleResult(WARN, Verdict("GPU.gpu-2.x", FAILED, "0")),
    RuleResult(RULE, Verdict("GPU.gpu-3.x", HELD, "1")),
    RuleResult(RULE, Verdict("GPU.gpu-4.x", SKIPPED, None, "no"), False),
)
REPORT = CheckReport("snap.yaml", {"source-node": "gpu-17"}, FINDINGS)
STRICT = replace(REPORT, is_strict=True)
SUMMARY = "1 held, 2 failed, 1 warned, 1 unknown, 1 skipped"


def test_github_annotates_the_rule_and_nothing_of_a_node_is_a_command() -> None:
    assert render_github(REPORT).splitlines() == [
        "::error file=my rules.yaml,line=7,title=a%2C b%3A 50%25::"
        "gpu-17: GPU.gpu-[0-1].x is a|`b` ::error:: c, not == 1%0Ait | <matters>%0Afix: mend it",
        "::warning file=r.yaml,line=9,title=w::gpu-17: GPU.gpu-2.x is 0, not == 1%0Ait | <matters>",
        "::warning title=OS.release.ID == x::gpu-17: OS.release.ID == x: not read",
        f"::notice title=kubectl-snapshot check::gpu-17: {SUMMARY}",
    ]
    assert "::error title=OS.release.ID == x::" in render_github(STRICT)


def test_sarif_has_a_place_for_each_result() -> None:
    log = json.loads(render_sarif(REPORT))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["tool"]["driver"] == {
        "name": "kubectl-snapshot check",
        "rules": [
            {
                "id": "a, b: 50%",
                "shortDescription": {"text": "it | <matters>"},
                "help": {"text": "mend\nit"},
                "helpUri": "https://example.com/a",
            },
            {"id": "w", "shortDescription": {"text": "it | <matters>"}},
            {
                "id": "OS.release.ID == x",
                "shortDescription": {"text": "OS.release.ID == x"},
            },
        ],
    }
    assert [
        (
            result["ruleIndex"],
            result["level"],
            result["message"]["text"],
            result["locations"][0]["physicalLocation"],
        )
        for result in run["results"]
    ] == [
        (
            0,
            "error",
            "a, b: 50%: GPU.gpu-[0-1].x is a|`b` ::error:: c, not == 1",
            {"artifactLocation": {"uri": "my%20rules.yaml"}, "region": {"startLine": 7}},
        ),
        (
            1,
            "warning",
            "w: GPU.gpu-2.x is 0, not == 1",
            {"artifactLocation": {"uri": "r.yaml"}, "region": {"startLine": 9}},
        ),
        (2, "note", "OS.release.ID == x: not read", {"artifactLocation": {"uri": "snap.yaml"}}),
    ]
    levels = [r["level"] for r in json.loads(render_sarif(STRICT))["runs"][0]["results"]]
    assert levels == ["error", "warning", "error"]


def test_markdown_is_a_table_in_which_values_are_no_markup() -> None:
    assert render_markdown(REPORT).splitlines() == [
        f"### `gpu-17`: {SUMMARY}",
        "",
        "| result | rule | reading | why and fix |",
        "| --- | --- | --- | --- |",
        "| **FAIL** | a, b: 50% | `GPU.gpu-[0-1].x is a\\|'b' ::error:: c, not == 1` |"
        " it \\| &lt;matters>; mend it |",
        "| warn | w | `GPU.gpu-2.x is 0, not == 1` | it \\| &lt;matters> |",
        "| unknown |  | `OS.release.ID == x: not read` |  |",
        "| ok | a, b: 50% | `GPU.gpu-3.x is 1` |  |",
    ]


@pytest.mark.parametrize("render", [render_github, render_sarif, render_markdown])
def test_only_what_failed_can_be_shown(render: object) -> None:
    assert callable(render)
    text = render(replace(REPORT, only_failed=True))
    assert "GPU.gpu-[0-1].x" in text
    assert "GPU.gpu-3.x" not in text
    assert "not read" not in text
    assert "not read" in render(replace(STRICT, only_failed=True))


def test_nothing_to_show_is_the_counts_alone() -> None:
    held = replace(REPORT, results=FINDINGS[4:5], metadata={}, only_failed=True)
    assert render_markdown(held) == "### `snap.yaml`: 1 held\n\n"
    assert json.loads(render_sarif(held))["runs"][0]["results"] == []
    assert render_github(held).startswith("::notice title=kubectl-snapshot check::")
