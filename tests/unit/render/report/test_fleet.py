from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kubectl_snapshot.document.fleet.grouping import Group, Grouping
from kubectl_snapshot.document.fleet.manifest import FAILED, FleetManifest, FleetNode, FleetRun
from kubectl_snapshot.document.fleet.outliers import FleetDiff
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.main import main
from kubectl_snapshot.render.report.fleet import MAX_COLUMNS, MAX_NODES, render_fleet_report
from tests.unit.document.fleet.nodes import compare, make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER, SWAPPINESS = "GPU.smi.driver", "OS.sysctl./proc/sys/vm/swappiness"


def render(snapshots: dict[str, Snapshot], missing: tuple[tuple[str, str], ...] = ()) -> str:
    grouping, groups = compare(snapshots)
    nodes = tuple(FleetNode(name, FAILED) for name, _ in missing)
    manifest = FleetManifest({}, (FleetRun("r", version="1.2"),), nodes=nodes)
    return render_fleet_report(FleetDiff("fleet", grouping, tuple(groups), missing), manifest)


def text_of(page: str) -> str:
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append  # type: ignore[method-assign]
    parser.feed(page[page.index("<body>") :])
    return " ".join(" ".join(parts).split())


def test_coverage_outliers_and_a_map_are_shown() -> None:
    change = {DRIVER: "570", SWAPPINESS: "60"}
    fleet = make_fleet(6, vary("a", change), vary("b", {**change, "OS.kmod.new": True}))
    text = text_of(render(fleet, (("x", "failed: image pull"), ("y", "failed: image pull"))))
    assert "2 failed" in text
    assert "2 differ" in text
    assert "failed: image pull x, y" in text
    assert "All nodes 8 nodes" in text
    assert "2 nodes differ from 6 in the same 2 readings a, b" in text
    assert f"{DRIVER} 580 570" in text
    assert "OS.kmod.new not present true" in text
    assert "Node 1 2 3 b ● ● ● a ● ● Generated" in text.replace("runs no script.", "")


def test_a_fleet_that_agrees_says_so() -> None:
    page = render(make_fleet(4))
    assert "All nodes agree." in text_of(page)
    assert "Nodes and readings" not in page


def test_splits_unknown_and_own_values_are_shown() -> None:
    halves = [vary(f"m{n}", {SWAPPINESS: "60", "OS.kmod.own": n}) for n in range(3)]
    usual = [vary(f"n{n}", {"OS.kmod.own": n + 10}) for n in range(3)]
    unread = vary("u", {"OS.kmod.own": 99}, status={"OS.sysctl": "error"})
    text = text_of(render(make_fleet(0, *halves, *usual, unread)))
    assert "No majority: 3 / 3 nodes" in text
    assert f"{SWAPPINESS} 60 / 10" in text
    assert "OS.sysctl error: why: u" in text
    assert "Another value on nearly every node: OS.kmod.own." in text


def test_the_page_runs_nothing_and_escapes_hostile_values() -> None:
    bad = "<script>alert(1)</script>\x1b[31m\u202e"
    page = render(make_fleet(4, vary("a", {"OS.kmod.x<b>": bad, DRIVER: bad})))
    assert page.count("<script") == 1
    assert "x<b>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=\"(?!#|data:)", page)


def test_a_page_of_a_thousand_differing_nodes_is_small() -> None:
    changes = [{f"OS.kmod.m{n % 40}": True, f"OS.sysctl.k{n}": str(n)} for n in range(1100)]
    fleet = {f"n{n}": vary(f"n{n}", change) for n, change in enumerate(changes)}
    page = render(fleet)
    assert len(page.encode()) < 3_000_000
    assert page.count('<tr><th scope="row">n') <= MAX_NODES
    assert f'<th scope="col">{MAX_COLUMNS}</th>' in page
    assert f'<th scope="col">{MAX_COLUMNS + 1}</th>' not in page


def test_an_empty_group_of_one_has_no_verdict() -> None:
    grouping = Grouping(("pool",), (Group(("a",), ("n",)),))
    _, groups = compare(make_fleet(1))
    page = render_fleet_report(
        FleetDiff("f", grouping, tuple(g for g in groups)), FleetManifest({})
    )
    assert "agree" not in text_of(page)


def test_the_verb_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = write_fleet(tmp_path / "fleet", make_fleet(3, vary("a", {DRIVER: "570"})))
    assert main(["report", path, "-o", str(tmp_path / "page.html")]) == 0
    assert "1 differs" in text_of((tmp_path / "page.html").read_text())
    assert main(["report", path, path, "-o", str(tmp_path / "other.html")]) == 2
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "other.html")]) == 2
    assert not (tmp_path / "other.html").exists()
