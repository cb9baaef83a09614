from __future__ import annotations

import io
import json
from argparse import Namespace

import pytest

from kubectl_snapshot.commands.console.progress import (
    choose_progress,
    render_error,
    render_error_json,
)
from kubectl_snapshot.errors import NotFound

SCHEDULED = {"event": "scheduled", "node": "node2"}
FINISHED = {"event": "finished", "collector": "OS", "status": "ok", "elapsed-ms": 12}
LEFT = {"event": "left-behind", "reasons": ["Job j: 503"], "commands": ["kubectl delete job j"]}


@pytest.fixture(autouse=True)
def terminal_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def reported(events: list[dict[str, object]], stderr: io.StringIO, **flags: bool) -> str:
    settings = {"log_json": False, "quiet": False, "verbose": False, **flags}
    tell = choose_progress(Namespace(**settings), stderr)
    for event in events:
        tell(event)
    return stderr.getvalue()


def test_a_pipe_gets_plain_lines() -> None:
    assert reported([SCHEDULED, FINISHED], io.StringIO()) == "collecting on node2\n"


def test_verbose_tells_each_collector() -> None:
    assert reported([FINISHED], io.StringIO(), verbose=True) == "OS: ok in 12 ms\n"


def test_a_terminal_gets_one_line_that_is_gone_at_the_end() -> None:
    text = reported([SCHEDULED, FINISHED, {"event": "done"}], Terminal())
    assert "\n" not in text
    assert text.endswith("\r\x1b[2K")


def test_a_terminal_gets_colours_unless_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = {"event": "warning", "message": "not read: GPU"}
    assert "\x1b[33mwarning:\x1b[0m not read: GPU\n" in reported([warning], Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert reported([warning], Terminal()).endswith("\x1b[2Kwarning: not read: GPU\n")


def test_a_terminal_that_cannot_write_over_a_line_gets_plain_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert reported([SCHEDULED, {"event": "done"}], Terminal()) == "collecting on node2\n"


def test_quiet_tells_only_what_somebody_must_act_on() -> None:
    assert reported([SCHEDULED], io.StringIO(), quiet=True) == ""
    assert "kubectl delete job j" in reported([LEFT], io.StringIO(), quiet=True)


def test_json_has_one_object_a_line() -> None:
    lines = reported([SCHEDULED, FINISHED], io.StringIO(), log_json=True).splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["scheduled", "finished"]


@pytest.mark.parametrize("bad", ["\x1b[31m", "\x07", "\u202e", "\x9b", "\r", "\n"])
def test_words_from_a_node_cannot_steer_the_terminal(bad: str) -> None:
    text = reported([{"event": "scheduled", "node": f"a{bad}b"}], io.StringIO())
    assert bad not in text[:-1]


def test_an_error_reads_what_why_hint() -> None:
    error = NotFound("namespace ops not found", "404", "pass one with -n")
    assert render_error(error) == (
        "error: namespace ops not found\n  why: 404\n hint: pass one with -n"
    )
    assert render_error(NotFound("only this")) == "error: only this"


def test_an_error_as_json_bears_its_code() -> None:
    assert json.loads(render_error_json(NotFound("x")))["code"] == "NOT_FOUND"


def test_a_defect_of_ours_is_one_line_with_the_way_to_report_it() -> None:
    assert "--debug" in render_error(KeyError("spec"))
