from __future__ import annotations

import pytest

from kubectl_snapshot.main import main
from kubectl_snapshot.text import suggest


def test_the_closest_word_comes_before_the_rest() -> None:
    assert (
        suggest("chekc", ["capture", "check"], "see the help") == "did you mean check? see the help"
    )
    assert suggest("CHECK", ["capture", "check"], "see") == "did you mean check? see"


def test_nothing_close_is_no_suggestion() -> None:
    assert suggest("xyz", ["capture", "check"], "see the help") == "see the help"


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


def test_a_variable_is_told_what_was_meant_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECTL_SNAPSHOT_AGENT", "imag")
    assert main([]) == 2
    told = capsys.readouterr().err
    assert "environment variable KUBECTL_SNAPSHOT_AGENT: " in told
    assert "did you mean image?" in told
