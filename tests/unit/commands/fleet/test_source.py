"""A fleet in a directory, in a tar file and on stdin is the same to every verb."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from kubectl_snapshot.commands.fleet.source import is_fleet, looks_like_tar
from kubectl_snapshot.fleet.files.pack import pack_file
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER = "GPU.smi.driver"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_fleet(tmp_path / "fleet", make_fleet(3, vary("b", {DRIVER: "570"})), ["gone"], labels={})
    for name in ("fleet.tar", "fleet.tar.gz"):
        pack_file("fleet", load_fleet("fleet").manifest, name)


def say(capsys: Capsys, *words: str) -> tuple[int, str]:
    code = main(list(words))
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "{}"),
        ("diff", "{}", "--baseline", "n0"),
        ("check", "{}", "-c", f"{DRIVER} 580"),
        ("query", "{}", DRIVER, "--group"),
        ("findings", "{}"),
        ("baseline", "{}", "--share", "60%"),
        ("report", "{}", "-o", "-"),
    ],
)
@pytest.mark.parametrize("place", ["fleet.tar", "fleet.tar.gz"])
def test_every_verb_takes_a_tar_file(capsys: Capsys, words: tuple[str, ...], place: str) -> None:
    in_directory = say(capsys, *(word.format("fleet") for word in words))
    code, out = say(capsys, *(word.format(place) for word in words))
    assert in_directory[1] != ""
    assert (code, out.replace(place, "fleet")) == in_directory


def test_two_tar_files_are_compared(capsys: Capsys) -> None:
    assert say(capsys, "diff", "fleet.tar", "fleet")[0] == 0
    assert say(capsys, "diff", "fleet", "fleet.tar.gz")[0] == 0


@pytest.mark.parametrize("place", ["fleet.tar", "fleet.tar.gz"])
def test_a_tar_file_may_come_from_stdin(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    content = io.BufferedReader(io.BytesIO(Path(place).read_bytes()))  # type: ignore[type-var]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    expected = say(capsys, "query", "fleet", DRIVER)
    assert say(capsys, "query", "-", DRIVER) == expected


def test_a_snapshot_on_stdin_is_still_one(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BufferedReader(io.BytesIO(Path("fleet/nodes/n0.yaml").read_bytes()))  # type: ignore[type-var]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    assert say(capsys, "query", "-", DRIVER, "-o", "value") == (0, "580\n")


def test_what_is_no_tar_file_is_no_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    os.mkfifo("fifo")
    Path("utf16.yaml").write_bytes("kind: Snapshot".encode("utf-16"))
    for source in ("", None, "-", "none", "fifo", "fleet/fleet.yaml", "utf16.yaml", "cm://a/b"):
        assert not is_fleet(source), source
    for source in ("fleet", "fleet/", "fleet.tar", "fleet.tar.gz"):
        assert is_fleet(source), source
    assert not looks_like_tar(b"")


def test_a_broken_tar_file_is_an_error_of_its_own(capsys: Capsys) -> None:
    Path("x.tar").write_bytes(Path("fleet.tar").read_bytes()[:5000])
    assert main(["diff", "x.tar"]) == 2
    assert "x.tar is not a tar file of a fleet" in capsys.readouterr().err
