from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN, Verdict
from kubectl_snapshot.document.rules.results import RuleResult, check_rules
from kubectl_snapshot.document.rules.rule_file import WARNING, Rule, parse_rule
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.check.results import CheckReport, describe, render_json, render_text

SNAPSHOT = Snapshot(
    {"source-node": "gpu-17", "timestamp": "2026-11-23T07:50:28Z"},
    (
        Measurement("K8s", (Subtype("server", {"version": "v1.31.2"}),)),
        Measurement("OS", (Subtype("release", {"ID": "ubuntu", "NAME": "\x1b[31mU\n"}),)),
    ),
)
VERSION = replace(
    parse_rule("K8s.server.version >= 1.32"),
    name="version",
    message="older ones are not supported",
    remediation="upgrade",
    source="https://kubernetes.io/releases/",
    place="rules.yaml line 3",
)


def report(*rules: Rule) -> CheckReport:
    return CheckReport("snap.yaml", SNAPSHOT.metadata, check_rules(rules, SNAPSHOT))


def test_text_says_what_is_there_what_was_wanted_and_what_to_do() -> None:
    conditional = Rule(
        "only on rhel", parse_rule("OS.release.ID == x").constraint, when=(RHEL.constraint,)
    )
    assert render_text(
        report(parse_rule("OS.release.ID ubuntu"), VERSION, MISSING, conditional)
    ).splitlines() == [
        "FAIL     version: K8s.server.version is v1.31.2, not >= 1.32",
        "         why: older ones are not supported",
        "         fix: upgrade",
        "         see: https://kubernetes.io/releases/",
        "unknown  GPU.smi.driver >= 570: it has no subtypes of type GPU",
        "ok       OS.release.ID is ubuntu",
        "skipped  only on rhel: OS.release.ID == x: "
        "only when OS.release.ID == rhel: OS.release.ID is ubuntu",
        "1 held, 1 failed, 1 unknown, 1 skipped",
    ]


MISSING = parse_rule("GPU.smi.driver >= 570")
RHEL = parse_rule("OS.release.ID == rhel")


def test_only_what_failed_is_shown_and_all_is_counted() -> None:
    all_of_it = report(parse_rule("OS.release.ID ubuntu"), VERSION, MISSING)
    only = replace(all_of_it, only_failed=True)
    lines = render_text(only).splitlines()
    assert (len(lines), lines[-1]) == (5, "1 held, 1 failed, 1 unknown")
    assert [r["name"] for r in json.loads(render_json(only))["results"]] == ["version"]
    strict = json.loads(render_json(replace(only, is_strict=True)))
    assert [r["outcome"] for r in strict["results"]] == ["failed", "unknown"]
    warned = replace(report(replace(VERSION, severity=WARNING)), only_failed=True)
    assert render_text(warned).startswith("warn     version: ")


def test_a_check_without_an_applied_rule_says_so() -> None:
    skipped = report(Rule("a", VERSION.constraint, when=(RHEL.constraint,)))
    assert render_text(skipped).endswith("\n1 skipped, no rule applied\n")
    assert json.loads(render_json(skipped))["applied"] is False
    assert json.loads(render_json(report(VERSION)))["applied"] is True


@pytest.mark.parametrize(
    ("text", "verdict", "path", "described"),
    [
        ("OS.a.b == 1", Verdict("OS.a.b", FAILED, "0"), "", "OS.a.b is 0, not == 1"),
        ("OS.a.b 1", Verdict("OS.a.b", FAILED, "0"), "", "OS.a.b is 0, not 1"),
        (
            "OS.a.b == 1",
            Verdict("OS.a.b", FAILED, "0", "why"),
            "",
            "OS.a.b is 0 (why), not == 1",
        ),
        ("OS.a.b == 1", Verdict("OS.a.b", HELD, "1", "why"), "", "OS.a.b is 1 (why)"),
        (
            "OS.a.b == OS.c.d",
            Verdict("OS.a.b", FAILED, "4", "", "16 (OS.c.d)"),
            "",
            "OS.a.b is 4, not == 16 (OS.c.d)",
        ),
        (
            "GPU.gpu-*.a == GPU.gpu-*.b",
            Verdict("GPU.gpu-0.a", FAILED, "4", "", "16 (GPU.gpu-0.b)"),
            "GPU.gpu-[0-1].a",
            "GPU.gpu-[0-1].a is 4, not == 16 (GPU.gpu-*.b)",
        ),
        (
            "OS.a.b == 1",
            Verdict("OS.a.b", UNKNOWN, "x", "no number"),
            "",
            "OS.a.b == 1: no number",
        ),
    ],
)
def test_a_verdict_has_the_actual_and_the_expected_value(
    text: str, verdict: Verdict, path: str, described: str
) -> None:
    result = RuleResult(parse_rule(text), verdict)
    assert describe(result, path) == described
    named = RuleResult(replace(result.rule, name="n"), verdict)
    assert describe(named, path) == f"n: {described}"


def test_a_warning_is_marked_as_one() -> None:
    text = render_text(report(replace(VERSION, severity=WARNING)))
    assert text.startswith("warn     version: ")
    assert text.endswith("\n1 warned\n")


def test_no_word_of_a_node_acts_on_a_terminal() -> None:
    text = render_text(report(parse_rule("OS.release.NAME == x")))
    assert text.splitlines()[0] == "FAIL     OS.release.NAME is  [31mU , not == x"


def test_a_long_value_is_cut_for_people_and_whole_for_programs() -> None:
    long = RuleResult(
        parse_rule("OS.release.ID == 1"), Verdict("OS.release.ID", FAILED, "9" * 5000)
    )
    unknown = RuleResult(parse_rule("OS.release.ID > 1"), Verdict("x", UNKNOWN, None, "8" * 5000))
    report = CheckReport("a.yaml", {}, (long, unknown))
    text = render_text(report)
    assert f"{'9' * 300}…, not == 1\n" in text
    assert f"x > 1: {'8' * 300}…\n" in text
    assert "9" * 5000 in render_json(report)
    fits = RuleResult(parse_rule("OS.release.ID == 1"), Verdict("x", FAILED, "9" * 300))
    assert "…" not in render_text(CheckReport("a.yaml", {}, (fits,)))


def test_json_has_every_finding_and_the_counts() -> None:
    document = json.loads(render_json(report(VERSION, MISSING)))
    assert document["node"] == "gpu-17"
    assert document["summary"] == {
        "held": 0,
        "failed": 1,
        "warned": 0,
        "unknown": 1,
        "skipped": 0,
    }
    first, second = document["results"]
    assert first == {
        "name": "version",
        "path": "K8s.server.version",
        "constraint": ">= 1.32",
        "severity": "error",
        "outcome": "failed",
        "actual": "v1.31.2",
        "expected": "",
        "reason": "",
        "message": "older ones are not supported",
        "remediation": "upgrade",
        "source": "https://kubernetes.io/releases/",
        "place": "rules.yaml line 3",
    }
    assert (second["actual"], second["reason"]) == (None, "it has no subtypes of type GPU")
