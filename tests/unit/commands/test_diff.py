from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.main import main
from tests.unit.render.pages import EXAMPLES

READ = {"elapsed-ms": "1"}
BEFORE = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement("K8s", (Subtype("server", {"version": "v1.34.4"}, READ),)),
        Measurement("OS", (Subtype("release", {"ID": "ubuntu", "VERSION_ID": "24.04"}, READ),)),
    ),
)
OTHER = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement("K8s", (Subtype("server", {}, {"status": "forbidden", **READ}),)),
        Measurement("OS", (Subtype("release", {"ID": "ubuntu", "VERSION_ID": "22.04"}, READ),)),
    ),
)
UNREAD = Snapshot(BEFORE.metadata, (OTHER.measurements[0], BEFORE.measurements[1]))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    found = {"before": BEFORE, "other": OTHER, "unread": UNREAD}
    for name, snapshot in found.items():
        (tmp_path / f"{name}.yaml").write_text(render_yaml(snapshot))
    return {name: str(tmp_path / f"{name}.yaml") for name in found}


@pytest.mark.parametrize(
    ("other", "flags", "code"),
    [
        ("before", [], 0),
        ("before", ["--strict"], 0),
        ("other", [], 1),
        ("other", ["--strict"], 1),
        ("other", ["--only", "OS"], 1),
        ("other", ["--ignore", "OS"], 0),
        ("unread", [], 0),
        ("unread", ["--strict"], 10),
        ("unread", ["--strict", "--ignore", "K8s"], 0),
        ("unread", ["--strict", "--only", "OS"], 0),
    ],
)
def test_the_exit_code_is_the_answer(
    files: dict[str, str], other: str, flags: list[str], code: int
) -> None:
    assert main(["diff", files["before"], files[other], *flags]) == code


def test_the_text_tells_what_differs_and_what_is_unknown(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["diff", files["before"], files["other"]])
    captured = capsys.readouterr()
    assert "OS.release\n  ~ VERSION_ID: 24.04 → 22.04 older\n" in captured.out
    assert "  ? K8s.server: B: forbidden\n" in captured.out
    assert captured.out.endswith("\n1 changed, 1 unknown\n")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-", "-"], 2, "stdin was given twice"),
        (["no-such.yaml", "@live"], 3, "no-such.yaml"),
        (["@live", "no-such.yaml"], 3, "no-such.yaml"),
        (["{before}", "{other}", "-o", "junit"], 2, "junit"),
        (["{before}", "{other}", "-o", "a.xml"], 2, "a.xml"),
        (["{before}", "{other}", "-o", "cm://a/b"], 2, "cm://a/b"),
    ],
)
def test_trouble_is_no_answer(
    files: dict[str, str],
    words: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["diff", *(word.format(**files) for word in words)]) == code
    captured = capsys.readouterr()
    assert (captured.out, said in captured.err) == ("", True)


def test_a_document_that_cannot_be_read_is_trouble(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    assert main(["diff", files["before"], str(tmp_path / "broken.json")]) == 2


def test_one_of_them_comes_from_stdin(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(render_yaml(OTHER).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["diff", files["before"], "-", "-o", "json"]) == 1
    reported = json.loads(capsys.readouterr().out)
    assert (reported["before"]["source"], reported["after"]["source"]) == (files["before"], "-")


def test_files_get_the_format_of_their_ending(files: dict[str, str], tmp_path: Path) -> None:
    begins = {
        "txt": "A  ",
        "json": "{\n",
        "yaml": "before:\n",
        "patch": "# unknown: K8s.server: B: forbidden\n--- ",
        "diff": "# unknown",
        "html": "<!doctype html>",
    }
    words = [word for ending in begins for word in ("-o", str(tmp_path / f"d.{ending}"))]
    assert main(["diff", files["before"], files["other"], *words]) == 1
    for ending, begin in begins.items():
        text = (tmp_path / f"d.{ending}").read_text(encoding="utf-8")
        assert text.lower().startswith(begin.lower())
        assert "VERSION_ID" in text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--ignore", "OS.releas", "--only", "OS"], "did you mean OS.release?"),
        (["--only", "os"], "paths are case-sensitive: did you mean OS?"),
        (["--only", "k8s.server.*"], "paths are case-sensitive: did you mean K8s.server.version?"),
        (["--only", "OS.release.id"], "paths are case-sensitive: did you mean OS.release.ID?"),
        (["--ignore", "GPU"], "list the paths with `kubectl snapshot query SNAPSHOT`"),
    ],
)
def test_a_pattern_of_nothing_is_an_error(
    files: dict[str, str], words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", files["before"], files["other"], *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: no reading matches {words[1]}\n hint: {hint}\n"


def test_all_shows_how_the_documents_were_taken(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = tmp_path / "later.yaml"
    later.write_text(render_yaml(Snapshot({**BEFORE.metadata, "mode": "x"}, BEFORE.measurements)))
    assert main(["diff", files["before"], str(later)]) == 0
    assert "1 ignored: volatile readings" in capsys.readouterr().out
    assert main(["diff", files["before"], str(later), "--all"]) == 1
    assert "metadata\n  + mode: x\n" in capsys.readouterr().out


def test_a_muted_finding_is_no_news_and_every_format_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, sick = (str(EXAMPLES / "snapshots" / f"gpu-{number}.yaml") for number in (17, 23))
    mutes = tmp_path / "mutes.yaml"
    mutes.write_text("gpu-missing: ticket 4711\n")
    names = {ending: str(tmp_path / f"a.{ending}") for ending in ("txt", "json", "html")}
    outputs = [word for name in names.values() for word in ("-o", name)]
    words = ["diff", good, sick, "--mute-file", str(mutes), "--mute", "fabric-manager-down"]
    assert main([*words, *outputs]) == 1
    texts = {ending: Path(name).read_text() for ending, name in names.items()}
    why = f"ticket 4711 ({mutes})"
    assert f"muted: gpu-missing: {why}\nmuted: fabric-manager-down\n" in texts["txt"]
    assert "new critical" not in texts["txt"]
    tree = json.loads(texts["json"])
    assert tree["muted"] == [
        {"id": "gpu-missing", "reason": why},
        {"id": "fabric-manager-down", "reason": ""},
    ]
    assert not {"gpu-missing", "fabric-manager-down"} & {f["id"] for f in tree["findings"]}
    assert f"Muted: gpu-missing: {why}; fabric-manager-down</p>" in texts["html"]
    assert main(["report", good, sick, *words[3:], "-o", names["html"]]) == 0
    assert Path(names["html"]).read_text() == texts["html"]


def test_a_mistyped_mute_is_refused(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", files["before"], files["other"], "--mute", "gpu-mising"]) == 2
    assert 'unknown finding "gpu-mising"' in capsys.readouterr().err
    assert main(["diff", "-", files["other"], "--mute-file", "-"]) == 2
    assert "stdin was given twice" in capsys.readouterr().err
