"""The rules in docs/examples/rules hold on the good example and find every broken document."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.document.rules.judge import FAILED
from kubectl_snapshot.main import main

ROOT = Path(__file__).resolve().parents[4]
RULES = ROOT / "docs/examples/rules"
GOOD = yaml.safe_load((ROOT / "docs/examples/snapshots/gpu-17.yaml").read_text())
BROKEN = yaml.safe_load((ROOT / "tests/corpora/diff/broken-documents.yaml").read_text())
BASELINE, PINNED = RULES / "gpu-node.yaml", RULES / "pinned-node.yaml"
# What the baseline alone must find (the portable part), and the rule that does.
PORTABLE = {
    "gpu-missing": "gpu-count",
    "gpu-lost": "gpu-status",
    "recovery-action": "no-recovery-action",
    "row-remap-failed": "no-failed-row-remapping",
    "row-remap-pending": "no-pending-row-remapping",
    "ecc-uncorrected": "no-uncorrected-errors",
    "pcie-width": "pcie-width",
    "nvlink-down": "nvlinks-active",
    "fabric-state": "fabric-completed",
    "fabric-manager-version": "fabric-manager-version",
    "unit-failed": "fabric-manager-active",
    "module-missing": "peermem-loaded",
    "persistence-mode": "persistence-mode",
    "vbios": "same-vbios",
    "clocks-limit": "same-clocks",
    "pcie-max-gen": "same-pcie-generation",
    "power-limit": "same-power-limit",
}

Document = dict[str, Any]


def find_subtype(document: Document, path: str) -> tuple[list[Document], Document, str]:
    """Return a subtype's list, the subtype, and what of the path is below it."""
    type_, _, rest = path.partition(".")
    (subtypes,) = (m["subtypes"] for m in document["measurements"] if m["type"] == type_)
    named = [s for s in subtypes if f"{rest}.".startswith(f"{s['subtype']}.")]
    subtype = max(named, key=lambda s: len(s["subtype"]))
    return subtypes, subtype, rest[len(subtype["subtype"]) + 1 :]


def edit(document: Document, change: Document) -> None:
    path = change["path"]
    if path.startswith("metadata."):
        document["metadata"][path.partition(".")[2]] = change["set"]
        return
    subtypes, subtype, key = find_subtype(document, path)
    if not key:
        subtypes.remove(subtype)
        if "set" in change:
            subtypes.append({"subtype": subtype["subtype"], **change["set"]})
        return
    place = subtype["data"]
    if key.startswith("context."):
        place, key = subtype["context"], key[len("context.") :]
    assert (key in place) != change.get("new", False), path
    if "remove" in change:
        del place[key]
    else:
        place[key] = change["set"]


def break_document(case: Document) -> Document:
    document = copy.deepcopy(GOOD)
    for change in (*case.get("setup", ()), *case["edits"]):
        edit(document, change)
    return document


def check(
    document: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str], *rules: Path
) -> tuple[int, set[str], set[str]]:
    """Return the exit code, the names of the failed rules, and the other outcomes."""
    path = tmp_path / "snap.json"
    path.write_text(json.dumps(document))
    words = [word for rule in rules for word in ("-f", str(rule))]
    code = main(["check", str(path), *words, "--strict", "-o", "json"])
    results = json.loads(capsys.readouterr().out)["results"]
    return (
        code,
        {result["name"] for result in results if result["outcome"] == FAILED},
        {result["outcome"] for result in results} - {FAILED},
    )


def test_the_good_node_passes_with_nothing_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, failed, others = check(GOOD, tmp_path, capsys, BASELINE, PINNED)
    assert (code, failed, others) == (0, set(), {"held", "skipped"})


@pytest.mark.parametrize("case", BROKEN, ids=[case["id"] for case in BROKEN])
def test_every_broken_document_is_found(
    case: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, failed, _ = check(break_document(case), tmp_path, capsys, BASELINE, PINNED)
    assert code == 1
    assert failed


@pytest.mark.parametrize(("name", "rule"), PORTABLE.items())
def test_the_baseline_alone_finds_what_is_no_sites_choice(
    name: str, rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = (case for case in BROKEN if case["id"] == name)
    code, failed, _ = check(break_document(case), tmp_path, capsys, BASELINE)
    assert (code, failed) == (1, {rule})


def without_gpus() -> Document:
    document = copy.deepcopy(GOOD)
    for measurement in document["measurements"]:
        if measurement["type"] == "GPU":
            hardware = {"gpu-present": False, "gpu-count": 0, "driver-loaded": True}
            measurement["subtypes"] = [
                {"subtype": "smi", "data": {"driver": "580.105.08", "gpu-count": 0}},
                {"subtype": "hardware", "data": hardware},
            ]
    return document


def test_a_node_labelled_as_gpu_node_without_gpus_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, failed, _ = check(without_gpus(), tmp_path, capsys, BASELINE)
    assert (code, failed) == (1, {"require: gpu"})


def test_a_node_without_a_fabric_needs_neither_eight_gpus_nor_a_fabric_manager(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = copy.deepcopy(GOOD)
    (gpus,) = (m for m in document["measurements"] if m["type"] == "GPU")
    gpus["subtypes"] = [s for s in gpus["subtypes"] if s["subtype"].split("-")[1:2] <= ["3"]]
    for subtype in gpus["subtypes"]:
        data = subtype["data"]
        for key in [k for k in data if k.startswith(("nvlink.", "fabric."))]:
            del data[key]
        if subtype["subtype"] in ("smi", "hardware"):
            data["gpu-count"] = 4
    (units,) = (m for m in document["measurements"] if m["type"] == "SystemD")
    units["subtypes"] = [s for s in units["subtypes"] if "fabric" not in s["subtype"]]
    code, failed, others = check(document, tmp_path, capsys, BASELINE)
    assert (code, failed, others) == (0, set(), {"held", "skipped"})


def test_a_fabric_manager_that_is_not_there_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = copy.deepcopy(GOOD)
    _, unit, _ = find_subtype(document, "SystemD.nvidia-fabricmanager.service")
    unit["data"] = {"LoadState": "not-found", "ActiveState": "inactive"}
    unit["context"] = {"status": "absent", "reason": "not found"}
    assert check(document, tmp_path, capsys, BASELINE)[0] == 0
