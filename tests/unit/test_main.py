from __future__ import annotations

import pytest

from kubectl_snapshot.main import main, split_command


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ("capture", [])),
        (["--node", "a"], ("capture", ["--node", "a"])),
        (["capture", "--node", "a"], ("capture", ["--node", "a"])),
        (["version", "--client"], ("version", ["--client"])),
        (
            ["--debug", "--log-json", "capture", "-o", "x"],
            ("capture", ["--debug", "--log-json", "-o", "x"]),
        ),
        (["--node", "version"], ("capture", ["--node", "version"])),
    ],
)
def test_the_verb_is_the_first_word_that_is_no_log_flag(
    words: list[str], expected: tuple[str, list[str]]
) -> None:
    assert split_command(words) == expected


def test_an_unknown_verb_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert split_command(["--debug", "snap", "a"]) == ("", ["snap", "a"])
    assert main(["snap"]) == 2
    assert "capture" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["snap"],
        ["--nope"],
        ["--timeout", "abc", "--local"],
        ["--node-selector", "abc"],
        ["--node-selector", " a=b"],
        ["--toleration", "=v:NoSchedule"],
        ["--toleration", "k=v"],
        ["-t", "xml"],
        ["--strict=maybe"],
        ["--privileged=yes"],
        ["--image", "a", "--image", "b"],
        ["-n"],
        ["collect", "--timeout", "1"],
    ],
)
def test_bad_input_ends_with_2_and_three_lines_at_most(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.splitlines()) <= 3


def test_debug_adds_the_traceback_and_nothing_else_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["snap"])
    assert "Traceback" not in capsys.readouterr().err
    main(["--debug", "snap"])
    assert "Traceback" in capsys.readouterr().err


def test_a_traceback_has_lines_but_no_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--debug", "sn\x1b[2Jap"])
    printed = capsys.readouterr().err
    assert "\n  File " in printed
    assert "\x1b" not in printed


def test_a_failure_is_one_object_with_log_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--log-json", "--node-selector", "x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert '"code": "INVALID_REQUEST"' in line
