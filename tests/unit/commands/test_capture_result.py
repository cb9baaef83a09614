from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.commands import capture
from kubectl_snapshot.commands.capture_result import (
    MAX_GAP_LINES,
    is_summary,
    report_gaps,
    suggest_commands,
    write_result,
)
from kubectl_snapshot.commands.console.progress import render_event
from kubectl_snapshot.commands.flags.capture import parse_config
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.commands.output import Output, parse_outputs
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.main import main

LOST = Subtype("gpu-1", {}, {"status": "error", "reason": "GPU is lost"})
SNAPSHOT = Snapshot(
    {"source-node": "gpu-17", "mode": "agent"},
    (Measurement("GPU", (Subtype("gpu-0", {"uuid": "a"}), LOST)),),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def write(*words: str) -> tuple[int, str, list[Mapping[str, Any]]]:
    args = parse_flags(capture.build_parser(), words, {})
    out, events = io.StringIO(), []
    outputs = parse_outputs(args.output, args.format)
    code = write_result(args, SNAPSHOT, outputs, events.append, out)
    return code, out.getvalue(), events


def test_a_gap_is_reported_with_its_reason_and_a_file_with_what_to_do_next(tmp_path: Path) -> None:
    path = tmp_path / "a b.yaml"
    code, out, events = write("-o", str(path))
    assert (code, out) == (0, "")
    assert [render_event(event) for event in events] == [
        f"snapshot of gpu-17 written to {path}",
        "warning: not read: GPU.gpu-1: GPU is lost",
        f"next: `kubectl snapshot report '{path}' -o '{tmp_path}/a b.html'`"
        f" or `kubectl snapshot diff '{path}' @live`",
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [([], 0), (["--strict"], 10), (["--strict=all-or-nothing"], 10), (["--strict=false"], 0)],
)
def test_gaps_fail_a_strict_capture_only(words: list[str], code: int) -> None:
    found, out, events = write("-o", "name", *words)
    assert found == code
    assert (out == "") == ("--strict=all-or-nothing" in words)
    reported = [event["message"] for event in events]
    label = "not read" if out else "nothing printed; not read"
    assert reported == [f"{label}: GPU.gpu-1: GPU is lost"]


def test_many_reasons_are_counted() -> None:
    events: list[Mapping[str, Any]] = []
    report_gaps([f"OS.a: {n}" for n in range(MAX_GAP_LINES + 2)], "not read", events.append)
    assert len(events) == MAX_GAP_LINES + 1
    assert events[-1]["message"] == "not read for 2 more reasons: see metadata.gaps"
    events.clear()
    report_gaps([f"OS.a: {n}" for n in range(MAX_GAP_LINES)], "not read", events.append)
    assert len(events) == MAX_GAP_LINES


@pytest.mark.parametrize(
    ("outputs", "is_local", "commands"),
    [
        ([Output("yaml")], False, []),
        ([Output("html", "a.html")], False, []),
        (
            [Output("name"), Output("json", "a.json")],
            True,
            ["report a.json -o a.html", "diff a.json @live --local"],
        ),
        ([Output("json", "plain")], False, ["report plain -o plain.html", "diff plain @live"]),
    ],
)
def test_what_to_do_next_is_of_a_file_that_can_be_read(
    outputs: list[Output], is_local: bool, commands: list[str]
) -> None:
    expected = [f"kubectl snapshot {command}" for command in commands]
    assert suggest_commands(outputs, is_local) == expected


def test_the_summary_of_a_written_snapshot_ends_with_a_command_for_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.yaml"
    _, alone, _ = write("-o", "summary")
    assert alone.splitlines()[11].split(maxsplit=1) == [
        "next",
        "kubectl snapshot --node gpu-17 -o gpu-17.yaml",
    ]
    _, out, events = write("-o", "summary", "-o", str(path), "-o", f"{tmp_path}/s.txt")
    command = events[-1]["commands"][0]
    assert command == f"kubectl snapshot report {path} -o {tmp_path}/a.html"
    title, text = out.splitlines()[11].split(maxsplit=1)
    assert title == "next"
    assert command.startswith(text.rstrip("…"))


def test_a_configmap_is_read_by_its_name() -> None:
    (output,) = parse_outputs(["cm://ops/a.b"], "")
    assert suggest_commands([output], False) == [
        "kubectl snapshot report cm://ops/a.b",
        "kubectl snapshot diff cm://ops/a.b @live",
    ]


def test_a_summary_has_the_gaps_itself() -> None:
    assert is_summary((Output("summary"),))
    assert not is_summary((Output("summary"), Output("yaml", "a.yaml")))


@pytest.mark.parametrize(
    ("words", "is_short"),
    [([], True), (["-o", "yaml"], False), (["-t", "yaml"], False), (["-o", "-"], False)],
)
def test_a_terminal_gets_a_summary_unless_a_format_is_chosen(
    words: list[str], is_short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["--local", "--collect", "OS", *words]) == 0
    lines = terminal.getvalue().splitlines()
    # Twelve lines, and what is wrong.
    assert any(line.startswith("findings ") for line in lines[12:]) is is_short
    assert lines[0].startswith("node " if is_short else "kind: Snapshot")


def test_a_pipe_gets_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--local", "--collect", "OS"]) == 0
    assert capsys.readouterr().out.startswith("kind: Snapshot")


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ([], "a node, a GPU node first: a privileged pod in namespace ops reads it and is deleted"),
        (["--node", "a", "--privileged=false"], "a: a restricted pod in namespace ops reads it"),
        (["--node-selector", "p=q"], "a node with p=q: a privileged pod in namespace ops reads it"),
        (
            ["--node", "a", "--no-cleanup"],
            "a: a privileged pod in namespace ops reads it and is kept",
        ),
    ],
)
def test_the_plan_says_node_pod_and_namespace(words: list[str], plan: str) -> None:
    args = parse_flags(capture.build_parser(), words, {})
    config = parse_config(args, lambda event: None)
    reported = capture.describe_plan(config, {"namespace": "ops"})
    assert reported.startswith(f"capturing {plan}")
