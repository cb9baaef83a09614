"""Documents that earlier versions wrote are still read: tests/fixtures/formats has each format."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.main import main
from tests.docs_support import ROOT, validate_document

FORMATS = ROOT / "tests" / "fixtures" / "formats"
VERSIONS = sorted(path.name for path in FORMATS.iterdir() if path.is_dir())
DOCUMENTS = sorted(path for path in FORMATS.glob("*/*") if path.suffix in (".yaml", ".json"))
VALUES = {
    "GPU.smi.gpu-count": 8,
    "OS.release.ID": "ubuntu",
    "K8s.server.version": "v1.34.2",
    "GPU.gpu-5.pci.bus-id": "0000:c3:00.0",
    "metadata.source-node": "gpu-17",
}


def test_each_released_version_has_its_documents() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = set(re.findall(r"^## (\d+\.\d+\.\d+)", changes, re.MULTILINE))
    # Before the first release: the format of today.
    assert released <= set(VERSIONS) and VERSIONS
    api_versions = {path.stem for path in DOCUMENTS}
    assert {"aicr.nvidia.com-v1alpha1", "aicr.run-v1alpha2", "aicr.run-v1"} <= api_versions


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_reader_takes_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validate_document(path.read_text(encoding="utf-8"))
    assert main(["query", str(path), *VALUES, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == VALUES


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_its_readings_are_those_of_the_other_api_versions(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = path.parent / "aicr.nvidia.com-v1alpha1.yaml"
    assert main(["diff", str(first), str(path), "--only", "OS", "--only", "K8s.server"]) == 0
    assert "no difference" in capsys.readouterr().out


@pytest.mark.parametrize("version", VERSIONS)
def test_the_fleet_is_read_with_every_node(version: str) -> None:
    fleet = load_fleet(str(FORMATS / version / "fleet"))
    read = {node.name: one for node, one in fleet.read_all()}
    assert [name for name, one in read.items() if not isinstance(one, SnapshotError)] == [
        node.name for node in fleet.manifest.nodes if node.file
    ]
    assert len(fleet.manifest.nodes) > 1
