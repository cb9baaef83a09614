"""The queries of docs/howto/query-an-estate.md, run by DuckDB on an export of two captures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kubectl_snapshot.document.fleet.manifest import FleetRun
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.main import main
from tests import docs_support as docs
from tests.unit.document.fleet.nodes import default, vary
from tests.unit.fleet.directories import write_fleet

PAGE = "docs/howto/query-an-estate.md"
DRIVER, SWAPPINESS = "GPU.smi.driver", "OS.sysctl./proc/sys/vm/swappiness"
EXEC = "SystemD.kubelet.service.ExecStart"
POOLS = {
    "cloud.google.com/gke-nodepool.a": "a|n0,n1",
    "cloud.google.com/gke-nodepool.b": "b|n2,n3",
    "zone": "z|n0,n1,n2,n3,n4",
}
MONDAY, FRIDAY = "2026-11-23T06:00:00Z", "2026-11-27T06:00:00Z"


def write_capture(path: Path, run: str, time: str, *changed: Snapshot) -> None:
    nodes = {f"n{n}": vary(f"n{n}", {EXEC: "kubelet"}) for n in range(5)}
    nodes.update((one.metadata["source-node"], one) for one in changed)
    own = {
        name: replace(s, metadata={**s.metadata, "run-id": run, "timestamp": time})
        for name, s in nodes.items()
    }
    write_fleet(path, own, failed=["gone"], labels=POOLS, run=FleetRun(run, started=time))


@pytest.fixture(params=["parquet", "jsonl"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> duckdb.DuckDBPyConnection:
    monkeypatch.chdir(tmp_path)
    write_capture(tmp_path / "monday", "monday", MONDAY)
    changed = vary("n2", {DRIVER: "570", EXEC: "kubelet", "GPU.smi.added": True})
    unread = vary("n3", {EXEC: "kubelet"}, status={"OS.kmod": "forbidden"})
    write_capture(tmp_path / "friday", "friday", FRIDAY, changed, unread)
    (tmp_path / "estate").mkdir()
    for day in ("monday", "friday"):
        output = f"estate/{day}.{request.param}"
        assert main(["export", day, "--cluster-name", "prod", "-o", output]) == 0
    connection = duckdb.connect()
    view, from_json, latest = read_queries("Views")
    connection.execute(view if request.param == "parquet" else from_json)
    connection.execute(latest)
    return connection


def read_queries(title: str) -> list[str]:
    section = docs.read_section(docs.read_page(PAGE), title)
    found = [m["text"] for m in docs.FENCE.finditer(section) if m["language"] == "sql"]
    assert found
    return found


def test_each_query_of_the_page_answers(database: duckdb.DuckDBPyConnection) -> None:
    def ask(title: str) -> list[tuple[Any, ...]]:
        (query,) = read_queries(title)
        return database.execute(query).fetchall()

    assert ask("How many nodes have which version") == [("prod", "580", 4), ("prod", "570", 1)]
    odd = [
        ("prod", DRIVER, "570", "580", 1, ["n2"]),
        ("prod", "status", "failed", "captured", 1, ["gone"]),
    ]
    assert ask("Which nodes differ from the others") == odd
    assert ask("What changed over time") == [("prod", "n2", FRIDAY, DRIVER, "580", "570")]
    seen = ask("When a value was first seen")
    assert [row[:2] + row[3:] for row in seen] == [("580", MONDAY, 5), ("570", FRIDAY, 1)]
    assert seen[1][2] == "n2"
    assert ask("Values by node pool") == [
        ("a", "580", 2),
        ("b", "570", 1),
        ("b", "580", 1),
        (None, "580", 1),
    ]
    assert ask("What is not known") == [
        ("OS.kmod", "forbidden: why", 1, ["n3"]),
        ("status", "image pull: no such image", 1, ["gone"]),
    ]


def test_the_page_names_every_column_in_its_order(database: duckdb.DuckDBPyConnection) -> None:
    named = [row[0] for row in database.execute("DESCRIBE readings").fetchall()]
    section = docs.read_section(docs.read_page("docs/export.md"), "Columns")
    assert named == [line.split("`")[1] for line in section.splitlines() if "| `" in line][:9]
    count = len(default("n0"))
    assert (
        count < database.execute("SELECT count(*) FROM latest WHERE node = 'n0'").fetchall()[0][0]
    )
