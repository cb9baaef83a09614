"""convert: each generation of AICR reads what is written for it, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kubectl_snapshot.constants import API_VERSIONS
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.items import unfold
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.main import main
from tests.aicr_gates import OLDEST, READ_BY, V1, find_readers

ROOT = Path(__file__).resolve().parents[3]
GPU_17 = ROOT / "docs/examples/snapshots/gpu-17.yaml"
GOLDEN = ROOT / "docs/examples/aicr"


@pytest.mark.parametrize("name", ["out.yaml", "out.json"])
@pytest.mark.parametrize("version", API_VERSIONS)
def test_a_converted_document_passes_the_gates_of_its_version(
    version: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    assert main(["convert", str(GPU_17), "--api-version", version, "-o", str(path)]) == 0
    document = yaml.safe_load(path.read_text())
    assert find_readers(document) == READ_BY[version]


def unfold_all(path: Path) -> object:
    return unfold(replace(parse_document(path.read_text()), fingerprint=())).measurements


@pytest.mark.parametrize("name", ["v0.9.yaml", "v0.18.yaml", "v0.22.yaml", "v1.yaml"])
def test_a_document_of_each_generation_is_read_and_written_back(name: str, tmp_path: Path) -> None:
    text = (GOLDEN / name).read_text()
    read = parse_document(text)
    assert not read.not_read
    path = tmp_path / "out.yaml"
    assert main(["convert", str(GOLDEN / name), "-o", str(path)]) == 0
    assert path.read_text() == text
    for version in API_VERSIONS:
        other, back = tmp_path / "other.json", tmp_path / "back.yaml"
        assert main(["convert", str(path), "--api-version", version, "-o", str(other)]) == 0
        # Taints and labels as records repeat the readings: they come and go with the version.
        assert unfold_all(other) == unfold_all(path)
        own = read.api_version
        assert main(["convert", str(other), "--api-version", own, "-o", str(back)]) == 0
        assert back.read_text() == text


def test_version_and_format_stay_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(GPU_17)]) == 0
    assert capsys.readouterr().out == GPU_17.read_text()
    assert main(["convert", str(GPU_17), "-o", "json"]) == 0
    assert capsys.readouterr().out == render_json(parse_document(GPU_17.read_text()))


def test_a_document_of_ours_comes_back_from_every_version(tmp_path: Path) -> None:
    for version in API_VERSIONS:
        other, back = tmp_path / "other.json", tmp_path / "back.yaml"
        assert main(["convert", str(GPU_17), "--api-version", version, "-o", str(other)]) == 0
        assert main(["convert", str(other), "--api-version", OLDEST, "-o", str(back)]) == 0
        assert back.read_text() == GPU_17.read_text()
        assert main(["diff", str(GPU_17), str(other), "--strict"]) == 0


def test_a_variable_sets_the_version_for_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECTL_SNAPSHOT_API_VERSION", V1)
    assert main(["convert", str(GPU_17)]) == 0
    assert parse_document(capsys.readouterr().out).api_version == V1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b", "it has no measurements"),
        ("kind: Snapshot\nmeasurements: []", "it has no measurements"),
        ("kind: AICRConfig\nmeasurements: [{type: OS}]", "kind is AICRConfig"),
        ("apiVersion: aicr.run/v1beta1\nmeasurements: [{type: OS}]", "unknown apiVersion"),
        ("measurements: [null]", "it has no measurements"),
        ("measurements: [{}]", "it has no measurements"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        *(["convert"], ["query"], ["check", "-c", "OS.release.ID == x"]),
        *(["report", "-o", "/tmp/x.html"], ["diff", str(GPU_17)], ["convert", "-o", "json"]),
    ],
    ids=" ".join,
)
def test_what_is_no_snapshot_is_refused_by_every_verb(
    words: list[str], text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    verb, *rest = words
    assert main([verb, str(path), *rest]) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


def test_the_golden_documents_are_in_our_own_form() -> None:
    for path in GOLDEN.glob("*.yaml"):
        snapshot: Snapshot = parse_document(path.read_text())
        assert render_yaml(snapshot) == path.read_text()
