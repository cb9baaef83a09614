from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.rules.constraints import parse_constraint
from kubectl_snapshot.document.rules.results import (
    FAILED,
    HELD,
    SKIPPED,
    UNKNOWN,
    WARNED,
    Verdict,
    check_rules,
    count_outcomes,
    judge,
)
from kubectl_snapshot.document.rules.rule_file import WARNING, Rule, parse_rule
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest

TOKEN = "redacted:hmac-sha256:0123456789abcdef"
SNAPSHOT = Snapshot(
    {},
    (
        Measurement(
            "K8s",
            (
                Subtype("server", {"version": "v1.34.4"}),
                Subtype("node", {}, {"status": "forbidden", "reason": "no right"}),
                Subtype("policy", {"token": TOKEN}),
            ),
        ),
        Measurement(
            "GPU",
            (
                Subtype("gpu-0", {"count": 1, "ecc.current": True}),
                Subtype("gpu-1", {"ecc.current": False}),
                Subtype("gpu-2", {}, {"status": "timeout", "reason": "it hangs"}),
            ),
        ),
        Measurement("OS", (Subtype("release", {"NAME": "eight"}),)),
    ),
)


def verdicts(text: str) -> list[Verdict]:
    return list(judge(parse_constraint(text), SNAPSHOT))


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("K8s.server.version >= 1.34", HELD),
        ("K8s.server.version <= 1.33", FAILED),
        ("K8s.server.version > 1.33", HELD),
        ("K8s.server.version < 1.34", FAILED),
        ("K8s.server.version == 1.34.4", HELD),
        ("K8s.server.version != 1.34.4", FAILED),
        ("K8s.server.version v1.34.4", HELD),
        ("GPU.gpu-0.ecc.current == true", HELD),
        ("GPU.gpu-0.count >= 2", FAILED),
    ],
)
def test_each_operator_holds_or_fails(text: str, outcome: str) -> None:
    (verdict,) = verdicts(text)
    assert (verdict.outcome, verdict.reason) == (outcome, "")


@pytest.mark.parametrize(
    ("text", "actual", "reason"),
    [
        ("K8s.node.provider == eks", None, "K8s.node is forbidden: no right"),
        ("K8s.server.platform == x", None, "K8s.server has no key 'platform'"),
        (
            "OS.release.NAME >= 5",
            "eight",
            'invalid version "eight": "eight" is not a 64-bit number',
        ),
        ("K8s.policy.token == secret", TOKEN, "the reading is redacted"),
        ("K8s.policy.token != secret", TOKEN, "the reading is redacted"),
        ("OS.kmod.nvidia* == true", None, "nothing in the snapshot matches it"),
    ],
)
def test_what_cannot_be_judged_is_unknown_and_says_why(
    text: str, actual: str | None, reason: str
) -> None:
    (verdict,) = verdicts(text)
    assert (verdict.outcome, verdict.actual, verdict.reason) == (UNKNOWN, actual, reason)


@pytest.mark.parametrize("operator", ["", "==", "!="])
def test_no_rule_depends_on_the_key_of_a_redacted_value(operator: str) -> None:
    assert [v.outcome for v in verdicts(f"K8s.policy.token {operator} {TOKEN}")] == [UNKNOWN]


def test_a_pattern_is_judged_reading_by_reading_and_gap_by_gap() -> None:
    assert verdicts("GPU.gpu-*.ecc.current == true") == [
        Verdict("GPU.gpu-0.ecc.current", HELD, "true"),
        Verdict("GPU.gpu-1.ecc.current", FAILED, "false"),
        Verdict("GPU.gpu-2.ecc.current", UNKNOWN, None, "GPU.gpu-2 is timeout: it hangs"),
    ]


@pytest.mark.parametrize(
    ("conditions", "outcome", "reason"),
    [
        (["K8s.server.version >= 1.30"], HELD, ""),
        (
            ["K8s.server.version >= 1.35"],
            SKIPPED,
            "only when K8s.server.version >= 1.35: K8s.server.version is v1.34.4",
        ),
        (
            ["K8s.node.provider == eks"],
            UNKNOWN,
            "only when K8s.node.provider == eks: K8s.node is forbidden: no right",
        ),
        (
            ["K8s.node.provider == eks", "OS.release.NAME nine"],
            SKIPPED,
            "only when OS.release.NAME nine: OS.release.NAME is eight",
        ),
    ],
)
def test_a_rule_is_asked_only_when_all_its_conditions_hold(
    conditions: list[str], outcome: str, reason: str
) -> None:
    when = tuple(map(parse_constraint, conditions))
    rule = Rule("name", parse_constraint("OS.release.NAME eight"), when=when)
    (result,) = check_rules([rule], SNAPSHOT)
    assert (result.verdict.outcome, result.verdict.reason) == (outcome, reason)
    assert result.verdict.path == "OS.release.NAME"


def test_a_path_that_cannot_exist_is_an_error_at_the_rules_place() -> None:
    constraint = parse_constraint("K8s.servr.version >= 1")
    rule = Rule("name", constraint, place="rules.yaml line 3")
    with pytest.raises(InvalidRequest) as caught:
        check_rules([rule], SNAPSHOT, REGISTRY)
    assert caught.value.what == "rules.yaml line 3: no snapshot has K8s.servr.version"
    assert caught.value.hint == "did you mean K8s.server.version?"
    with pytest.raises(InvalidRequest, match="no snapshot has"):
        check_rules([replace(rule, place="")], SNAPSHOT, REGISTRY)


def test_outcomes_are_counted() -> None:
    rules = [*map(parse_rule, ["GPU.gpu-*.ecc.current == true", "OS.release.NAME eight"])]
    rules.append(replace(parse_rule("OS.release.NAME nine"), severity=WARNING))
    counted = count_outcomes(check_rules(rules, SNAPSHOT))
    assert counted == {HELD: 2, FAILED: 1, WARNED: 1, UNKNOWN: 1, SKIPPED: 0}
