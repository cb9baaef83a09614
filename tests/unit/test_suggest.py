from __future__ import annotations

import pytest

from kubectl_snapshot.main import main
from kubectl_snapshot.suggest import count_typing_errors, find_closest, suggest


def test_the_closest_word_comes_before_the_rest() -> None:
    assert (
        suggest("chekc", ["capture", "check"], "see the help") == "did you mean check? see the help"
    )
    assert suggest("CHECK", ["capture", "check"], "see") == "did you mean check? see"


def test_nothing_close_is_no_suggestion() -> None:
    assert suggest("xyz", ["capture", "check"], "see the help") == "see the help"


@pytest.mark.parametrize(
    ("typed", "meant", "errors"),
    [
        ("same", "same", 0),
        ("ture", "true", 1),
        ("jsn", "json", 1),
        ("jsson", "json", 1),
        ("jsox", "json", 1),
        ("ca", "abc", 3),
        ("open", "token", 2),
        ("", "ab", 2),
    ],
)
def test_typing_errors_are_added_omitted_replaced_and_swapped_characters(
    typed: str, meant: str, errors: int
) -> None:
    assert count_typing_errors(typed, meant, 3) == errors
    assert count_typing_errors(meant, typed, 3) == errors


def test_words_of_too_different_length_are_not_compared() -> None:
    assert count_typing_errors("a", "abcd", 2) == 3


FLAGS = ("--node", "--node-selector", "--token", "--image", "--image-pull-secret", "-A", "-v")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--open", ""),
        ("--Node", "--node"),
        ("--nodes", "--node"),
        ("-a", "-A"),
        ("-x", ""),
        ("--selector", "--node-selector"),
        ("--image-pull", "--image-pull-secret"),
        ("--im", ""),
        ("--ima", ""),  # of two flags
        ("--pull-secret", "--image-pull-secret"),
        ("--imgae-pul-secrt", "--image-pull-secret"),
        ("--imgae-pul-sert", ""),  # four errors
    ],
)
def test_only_a_close_flag_is_meant(typed: str, meant: str) -> None:
    assert find_closest(typed, FLAGS) == meant


def test_of_two_spellings_that_of_the_same_dashes_is_closer() -> None:
    assert find_closest("--node", ["node", "--node"]) == "--node"
    assert find_closest("jsn", []) == ""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["captrue"], "capture"),
        (["--nod", "x"], "--node"),
        (["--node-slector=a=b"], "--node-selector"),
        (["check", "x.yaml", "--constrain", "a"], "--constraint"),
        (["--agent", "injct"], "inject"),
        (["--strict=ture"], "true"),
        (["completion", "bsh"], "bash"),
        (["-t", "jsno"], "json"),
        (["check", "x", "-c", "a.b.c == 1", "-o", "jnit"], "junit"),
        (["version", "-o", "jsn"], "json"),
    ],
)
def test_what_is_mistyped_is_answered_with_what_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert f" hint: did you mean {meant}? " in capsys.readouterr().err


def test_a_variable_is_reported_what_was_meant_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECTL_SNAPSHOT_AGENT", "imag")
    assert main([]) == 2
    reported = capsys.readouterr().err
    assert "environment variable KUBECTL_SNAPSHOT_AGENT: " in reported
    assert "did you mean image?" in reported
