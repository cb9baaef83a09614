from __future__ import annotations

import io
import json

from kubectl_snapshot.commands import preflight
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.errors import NotFound
from kubectl_snapshot.job.preflight.checks import PreflightCheck, build_failed_check

FACTS = [
    PreflightCheck("namespace", "ok", "ops exists"),
    build_failed_check(
        "nodes", NotFound("no node matches", "none has it", "see `kubectl get nodes`")
    ),
]


def test_a_table_has_status_reason_and_fix_and_how_it_would_end() -> None:
    assert preflight.render_table(FACTS, 3) == (
        "ok    namespace  ops exists\n"
        "fail  nodes      no node matches: none has it\n"
        "                 fix: see `kubectl get nodes`\n"
        "a capture with these flags would fail with exit code 3\n"
    )


def test_a_servers_words_do_not_steer_the_terminal() -> None:
    assert "\x1b" not in preflight.render_table(
        [PreflightCheck("pod", "fail", "\x1b[2J", "\x9b1m")], 4
    )


def test_json_has_every_fact_and_the_exit_code() -> None:
    reported = json.loads(preflight.render_json(FACTS, 3))
    assert reported["exitCode"] == 3
    assert [list(check) for check in reported["facts"]] == [
        ["check", "status", "reason", "fix"]
    ] * 2
    assert reported["facts"][1]["fix"] == "see `kubectl get nodes`"


def test_this_machine_needs_no_cluster() -> None:
    out = io.StringIO()
    args = parse_flags(preflight.build_parser(), ["--local"], {})
    assert preflight.run(args, out) == 0
    assert "would work" in out.getvalue()


def test_the_flags_are_those_of_a_capture() -> None:
    words = ["--node", "node1", "--privileged=false", "-n", "ops", "--strict", "-o", "json"]
    args = parse_flags(preflight.build_parser(), words, {})
    assert (args.node, args.privileged, args.strict) == (["node1"], "false", "true")
