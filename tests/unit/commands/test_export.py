from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.fleet.manifest import FAILED, FleetManifest, FleetNode, FleetRun
from kubectl_snapshot.document.snapshot import Measurement, Subtype
from kubectl_snapshot.fleet.files.directory import write_manifest
from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import build, default, make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER = "GPU.smi.driver"
Capsys = pytest.CaptureFixture[str]
Rows = list[dict[str, Any]]
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(*words: str) -> Rows:
    assert main(["export", *words, "-o", "rows.jsonl"]) == 0
    return [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]


def select(rows: Rows, **wanted: Any) -> Rows:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_a_reading_is_a_row_with_its_origin(nowhere: Path) -> None:
    run = FleetRun("run1", started="2026-11-23T06:00:00Z")
    write_fleet(nowhere / "fleet", make_fleet(2), run=run)
    rows = export("fleet", "--cluster-name", "prod")
    base = {"run": "run1", "time": "2026-11-23T06:00:00Z", "cluster": "prod", "node": "n1"}
    rest = {"reason": None, "ignored": None}
    assert select(rows, node="n1", path=DRIVER) == [
        {**base, "path": DRIVER, "type": "string", "value": "580", **rest}
    ]
    (kmod,) = select(rows, node="n1", path="OS.kmod.xfs")
    assert (kmod["type"], kmod["value"]) == ("bool", "true")
    (count,) = select(rows, node="n1", path="GPU.smi.gpu-count")
    assert (count["type"], count["value"]) == ("int64", "2")
    ignored = {row["path"]: row["ignored"] for row in rows}
    assert ignored["GPU.gpu-0.uuid"] == "identity"
    assert ignored["OS.sysctl./proc/sys/fs/file-nr"] == "volatile"
    keys = [(row["node"], row["path"]) for row in rows]
    assert len(set(keys)) == len(keys)


def test_a_document_knows_its_run_and_time_better_than_the_manifest(nowhere: Path) -> None:
    (snapshot,) = make_fleet(1).values()
    own = {"run-id": "second", "timestamp": "2026-11-24T06:00:00Z"}
    nodes = {"n0": replace(snapshot, metadata={**snapshot.metadata, **own})}
    write_fleet(nowhere / "fleet", nodes, failed=["gone"], run=FleetRun("first", started="then"))
    rows = export("fleet")
    assert {(r["run"], r["time"]) for r in select(rows, node="n0")} == {tuple(own.values())}
    assert {(r["run"], r["time"]) for r in select(rows, node="gone")} == {("first", "then")}


def test_what_is_not_known_has_no_value_and_a_reason(nowhere: Path) -> None:
    status = {"OS.kmod": "forbidden", "GPU.topology": "absent"}
    odd = vary("odd", status=status)
    write_fleet(nowhere / "fleet", make_fleet(1, odd), failed=["gone"])
    rows = export("fleet")
    (kmod,) = select(rows, node="odd", path="OS.kmod")
    assert (kmod["type"], kmod["value"], kmod["reason"]) == ("unread", None, "forbidden: why")
    (links,) = select(rows, node="odd", path="GPU.topology")
    assert (links["type"], links["value"]) == ("absent", None)
    assert not [row for row in rows if row["node"] == "odd" and row["path"].startswith("OS.kmod.")]
    (gone,) = select(rows, node="gone")
    assert (gone["path"], gone["value"], gone["reason"]) == (
        "status",
        "failed",
        "image pull: no such image",
    )
    assert select(rows, path="status", node="n0")[0]["reason"] is None


def test_cluster_wide_facts_are_there_once_and_labels_are_the_nodes(nowhere: Path) -> None:
    labels = {"pool.a": "a|n0,x", "pool.b": "b|n1", "lone.v": "v|n0,n1", "short": "s|n0 (+2 more)"}
    write_fleet(nowhere / "fleet", make_fleet(2), labels=labels)
    rows = export("fleet")
    (entry,) = select(rows, path="NodeTopology.label.pool.a")
    assert (entry["node"], entry["value"]) == (None, "a|n0,x")
    assert [(r["node"], r["value"]) for r in select(rows, path="label.pool")] == [
        ("n0", "a"),
        ("n1", "b"),
    ]
    assert [r["value"] for r in select(rows, path="label.lone.v")] == ["v", "v"]
    assert {(r["node"], r["type"], r["value"]) for r in select(rows, path="label.short")} == {
        ("n0", "string", "s"),
        (None, "unread", None),
    }
    # Each node's document has K8s.server, too: it is a fact of the cluster.
    assert not select(rows, path="K8s.server.version")


def test_a_snapshot_is_a_fleet_of_one_node(nowhere: Path) -> None:
    label = Measurement("NodeTopology", (Subtype("label", {"pool": "a|one,two"}),))
    one = build("one", default("one"))
    snapshot = replace(one, measurements=(*one.measurements, label))
    Path("one.yaml").write_text(render_yaml(snapshot))
    rows = export("one.yaml")
    assert [r["node"] for r in select(rows, path="K8s.server.version")] == [None]
    assert [r["node"] for r in select(rows, path=DRIVER)] == ["one"]
    assert [(r["node"], r["value"]) for r in select(rows, path="label.pool")] == [("one", "a")]
    assert [r["value"] for r in select(rows, path="status")] == ["captured"]


def test_only_selected_paths_are_exported_but_every_status(nowhere: Path) -> None:
    odd = vary("odd", status={"OS.kmod": "error"})
    write_fleet(nowhere / "fleet", make_fleet(1, odd), labels={"pool": "a|n0"}, failed=["gone"])
    rows = export("fleet", "--only", "GPU.smi", "--ignore", "GPU.smi.gpu-count")
    assert {row["path"] for row in rows} == {"status", DRIVER}
    assert len(select(rows, path="status")) == 3
    rows = export("fleet", "--only", "label.pool", "--only", "OS.kmod.xfs")
    assert [(r["node"], r["path"]) for r in rows if r["path"] != "status"] == [
        ("n0", "label.pool"),
        ("n0", "OS.kmod.xfs"),
        ("odd", "OS.kmod"),
    ]


def test_a_pattern_without_a_match_is_an_error_and_the_file_stays(
    nowhere: Path, capsys: Capsys
) -> None:
    write_fleet(nowhere / "fleet", make_fleet(1))
    Path("rows.jsonl").write_text("old")
    assert main(["export", "fleet", "-o", "rows.jsonl", "--only", "GPU.smi.drivr"]) == 2
    assert "no reading matches GPU.smi.drivr\n hint: did you mean GPU.smi.driver?" in (
        capsys.readouterr().err
    )
    assert Path("rows.jsonl").read_text() == "old"
    assert sorted(os.listdir()) == ["fleet", "rows.jsonl"]


def test_a_document_that_cannot_be_read_is_a_row_and_a_warning(
    nowhere: Path, capsys: Capsys
) -> None:
    write_fleet(nowhere / "fleet", make_fleet(2), labels={"pool": "a|n0"})
    (nowhere / "fleet" / "nodes" / "n0.yaml").write_text("changed")
    (nowhere / "fleet" / "cluster.yaml").write_text("kind: Other")
    rows = export("fleet")
    (row,) = select(rows, node="n0")
    assert (row["path"], row["type"], row["value"]) == ("status", "unread", None)
    assert "its SHA-256 is not the one in fleet.yaml" in row["reason"]
    (cluster,) = select(rows, node=None)
    assert (cluster["type"], cluster["run"]) == ("unread", "run1")
    assert select(rows, node="n1", path=DRIVER)
    err = capsys.readouterr().err
    assert err.count("warning: ") == 2 and "nodes/n0.yaml" in err and "cluster.yaml" in err


def test_all_formats_have_the_same_rows(nowhere: Path) -> None:
    write_fleet(nowhere / "fleet", make_fleet(2, vary("odd", status={"OS.kmod": "error"})))
    outputs = ["-o", "rows.csv", "-o", "rows.parquet", "-o", "rows.jsonl"]
    assert main(["export", "fleet", *outputs]) == 0
    rows = [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]
    assert pyarrow.parquet.read_table("rows.parquet").to_pylist() == rows
    with open("rows.csv", encoding="utf-8", newline="") as file:
        found = [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]
    assert found == rows
    assert not Path("rows.csv").read_text().count("\r")


def test_stdout_gets_json_lines_or_what_t_says(nowhere: Path, capsys: Capsys) -> None:
    write_fleet(nowhere / "fleet", make_fleet(1))
    assert main(["export", "fleet"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["path"] == "status"
    assert main(["export", "fleet", "-o", "-", "-t", "csv"]) == 0
    assert capsys.readouterr().out.startswith("run,time,cluster,node,path,type,value,reason,ign")


def test_parquet_goes_to_a_pipe(nowhere: Path) -> None:
    write_fleet(nowhere / "fleet", make_fleet(1))
    argv = [sys.executable, "-m", "kubectl_snapshot", "export", "fleet", "-o", "parquet"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    content = subprocess.run(argv, stdout=subprocess.PIPE, check=True, env=env).stdout
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    assert "GPU.smi.driver" in table.column("path").to_pylist()


def test_without_pyarrow_the_error_names_it_before_anything_is_read(
    nowhere: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet")
    assert main(["export", "missing", "-o", "rows.parquet"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: cannot write rows.parquet\n  why: {sys.executable} cannot")
    assert f" hint: `{sys.executable} -m pip install pyarrow`, or write JSON lines" in err


def test_text_that_utf8_cannot_encode_is_escaped(nowhere: Path) -> None:
    document = {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "measurements": [
            {"type": "OS", "subtypes": [{"subtype": "kmod", "data": {"a": "x\ud800", "b": "ü"}}]}
        ],
    }
    Path("x.json").write_text(json.dumps(document))
    assert main(["export", "x.json", "-o", "x.parquet", "-o", "x.csv", "-o", "x.jsonl"]) == 0
    rows = pyarrow.parquet.read_table("x.parquet").to_pylist()
    assert [r["value"] for r in rows if r["path"] == "OS.kmod.b"] == ["ü"]
    (value,) = [r["value"] for r in rows if r["path"] == "OS.kmod.a"]
    assert value.encode() and value.startswith("x") and len(value) > 1


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["export"], 2, "missing argument: DIR"),
        (["export", "none"], 3, "no such file: none"),
        (["export", "fleet", "./fleet/"], 2, "./fleet/ was given twice"),
        (["export", "cm://ops/x"], 2, "kubectl snapshot convert cm://ops/x -o node.yaml"),
        (["export", "@live"], 2, "cannot export @live"),
        (["export", "."], 2, ". is not a fleet"),
        (["export", "fleet", "-o", "x.txt"], 2, "unknown format of x.txt"),
        (["export", "fleet", "-t", "parqet"], 2, "did you mean parquet?"),
    ],
)
def test_a_mistake_is_explained(
    nowhere: Path, capsys: Capsys, words: list[str], code: int, what: str
) -> None:
    write_fleet(nowhere / "fleet", make_fleet(1))
    assert main(words) == code
    assert what in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_unfinished_file(nowhere: Path, number: int) -> None:
    argv = [sys.executable, "-m", "kubectl_snapshot", "export", "-", "-o", "rows.jsonl"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=env) as process:
        pause, deadline = threading.Event(), time.monotonic() + 60
        while not list(nowhere.glob(".rows.jsonl.*.part")):
            assert time.monotonic() < deadline
            pause.wait(0.02)
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    assert not list(nowhere.iterdir())


def test_a_node_without_a_snapshot_is_of_its_own_run(nowhere: Path) -> None:
    runs = (FleetRun("first", started="then"), FleetRun("second", started="now"))
    nodes = tuple(FleetNode(run.run_id, FAILED, run_id=run.run_id) for run in runs)
    (nowhere / "fleet").mkdir()
    write_manifest("fleet", FleetManifest({"all-nodes": True}, runs, nodes=nodes))
    rows = export("fleet")
    assert [(r["node"], r["run"], r["time"]) for r in rows] == [
        ("first", "first", "then"),
        ("second", "second", "now"),
    ]


def test_a_snapshot_is_of_the_named_cluster(nowhere: Path) -> None:
    Path("one.yaml").write_text(render_yaml(build("one", default("one"))))
    assert {row["cluster"] for row in export("one.yaml", "--cluster-name", "prod")} == {"prod"}
    assert {row["cluster"] for row in export("one.yaml")} == {None}
