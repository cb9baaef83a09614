from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.commands.completion import paths
from kubectl_snapshot.commands.completion.answer import find_completion, render_completion
from kubectl_snapshot.commands.completion.paths import (
    complete_path,
    find_groups,
    read_subtypes,
    scan_json,
    scan_yaml,
)
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from tests.unit.document.fleet.nodes import make_fleet
from tests.unit.document.strategies import DOCUMENT_PROPERTY, PROPERTY, SNAPSHOTS
from tests.unit.fleet.directories import write_fleet

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / "docs/examples/snapshots/gpu-17.yaml"
SUBTYPES = {
    "metadata": ["mode"],
    "OS.release": ["ID", "ID_LIKE"],
    "OS.kmod": ["nvidia"],
    "SystemD.a": ["b"],
    "SystemD.a.service": ["Restart"],
}


@pytest.mark.parametrize(
    ("prefix", "candidates"),
    [
        ("", ["metadata.", "OS.", "SystemD."]),
        ("O", ["OS."]),
        ("OS", ["OS."]),
        ("OS.", ["OS.release.", "OS.kmod."]),
        ("OS.r", ["OS.release."]),
        ("OS.release", ["OS.release."]),
        ("OS.release.", ["OS.release.ID", "OS.release.ID_LIKE"]),
        ("OS.release.ID_", ["OS.release.ID_LIKE"]),
        ("OS.release.X", []),
        ("metadata.", ["metadata.mode"]),
        ("SystemD.a.", ["SystemD.a.b", "SystemD.a.service."]),
        ("SystemD.a.s", ["SystemD.a.service."]),
        ("SystemD.a.service.R", ["SystemD.a.service.Restart"]),
        ("K8s.", []),
    ],
)
def test_a_path_is_completed_level_by_level(prefix: str, candidates: list[str]) -> None:
    assert complete_path(prefix, SUBTYPES) == candidates


@pytest.mark.parametrize(
    ("words", "prefix", "candidates"),
    [
        (
            ["query"],
            "OS.release.VERSION_",
            ["OS.release.VERSION_CODENAME", "OS.release.VERSION_ID"],
        ),
        (["query", "OS.release.ID"], "K8s.server.v", ["K8s.server.version"]),
        (["check", "-c"], "GPU.hardware.gpu-c", ["GPU.hardware.gpu-count"]),
        (["diff", str(EXAMPLE), "--only"], "GPU.smi.d", ["GPU.smi.driver"]),
        (["diff", str(EXAMPLE)], "--ignore=GPU.smi.d", ["GPU.smi.driver"]),
    ],
)
def test_the_snapshot_of_the_command_line_has_the_paths(
    words: list[str], prefix: str, candidates: list[str]
) -> None:
    before = [words[0], str(EXAMPLE), *words[1:]]
    found = find_completion(before, prefix, {})
    assert (list(found.candidates), found.takes_file) == (candidates, False)


def test_an_incomplete_path_is_followed_by_no_space() -> None:
    levels = render_completion(find_completion(["query", str(EXAMPLE)], "OS.", {}))
    assert levels.endswith(":6\n")
    keys = render_completion(find_completion(["query", str(EXAMPLE)], "OS.release.N", {}))
    assert keys == "OS.release.NAME\n:4\n"


@pytest.mark.parametrize("source", ["-", "@live", "cm://a/b", "/nope", "."])
def test_what_is_no_file_has_no_paths(source: str) -> None:
    assert read_subtypes(source) == {}


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"measurements": []}')
    assert read_subtypes(str(path)) == {"metadata": []}
    monkeypatch.setattr(paths, "MAX_BYTES", 10)
    assert read_subtypes(str(path)) == {}


def test_every_key_of_an_example_is_found_in_yaml_and_in_json() -> None:
    document = yaml.safe_load(EXAMPLE.read_text())
    expected = {"metadata": list(document["metadata"])}
    for measurement in document["measurements"]:
        for subtype in measurement["subtypes"]:
            expected[f"{measurement['type']}.{subtype['subtype']}"] = list(subtype["data"])
    assert read_subtypes(str(EXAMPLE)) == expected
    assert scan_json(json.dumps(document)) == expected


def test_the_layouts_of_other_writers_are_read() -> None:
    text = (
        "kind: Snapshot\nmetadata:\n    source: a\nmeasurements:\n    - type: K8s\n"
        "      subtypes:\n        - context:\n            reason: x\n          data:\n"
        '            \'a b\': 1\n            "c\\"d": |\n              e: f\n'
        '            g: [h]\n          subtype: "server"\n        - subtype: empty\n'
        "- type: OS\n  subtypes:\n  - data: {}\n    subtype: release\n"
    )
    assert scan_yaml(text) == {
        "metadata": ["source"],
        "K8s.server": ["a b", 'c"d', "g"],
        "K8s.empty": [],
        "OS.release": [],
    }


def test_only_the_first_measurement_of_a_type_is_offered() -> None:
    first, second = (Measurement("OS", (Subtype(name, {"a": 1}),)) for name in ("one", "two"))
    other = Measurement("GPU", (Subtype("smi", {"b": 1}),))
    snapshot = Snapshot({}, (first, other, second))
    expected = {"metadata": [], "OS.one": ["a"], "GPU.smi": ["b"]}
    assert scan_json(render_json(snapshot)) == expected
    assert list(scan_json(render_json(snapshot))) == list(expected)
    assert {"metadata": [], **scan_yaml(render_yaml(snapshot))} == expected


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"measurements": 1}', '{"measurements": [1]}', "null"]
)
def test_what_is_no_document_has_no_paths(text: str) -> None:
    assert scan_json(text) == {}
    assert scan_yaml(text) == {}


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_whatever_is_scanned_is_in_the_document(snapshot: Snapshot) -> None:
    expected = {f"{t}.{s.name}": sorted(s.data) for t, s in iter_subtypes(snapshot) if s.name}
    scanned = scan_json(render_json(snapshot))
    assert {k: v for k, v in scanned.items() if k != "metadata"}.keys() <= expected.keys()
    scan_yaml(render_yaml(snapshot))


@PROPERTY
@given(st.text())
def test_no_text_stops_a_completion(text: str) -> None:
    scan_yaml(text)
    scan_json(text)


def test_a_fleet_is_grouped_by_its_labels_and_readings(tmp_path: Path) -> None:
    labels = {"pool.a": "a|n0", "pool.b": "b|n1", "zone": "z|n0,n1", "lone.v": "v|n0", "m": "|n0"}
    fleet = write_fleet(tmp_path / "fleet", make_fleet(2), labels=labels)
    for verb in ("diff", "baseline", "report"):
        offered = [*find_completion([verb, fleet, "--group-by"], "", {}, 1.0).candidates]
        assert offered == ["lone.v", "m", "pool", "zone", "K8s.", "GPU.", "OS.", "SystemD."]
    assert find_groups("GPU.smi.", [fleet]) == ["GPU.smi.driver", "GPU.smi.gpu-count"]
    assert find_groups("zo", [fleet, str(tmp_path)]) == ["zone"]
    assert find_groups("", [str(tmp_path)]) == []
    assert find_groups("", [write_fleet(tmp_path / "bare", {}, failed=["x"])]) == []
