from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.change import (
    ADDED,
    CHANGED,
    REMOVED,
    UNKNOWN,
    Change,
    Diff,
    Side,
)
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.render.report.diff import Row, build_groups, render_diff_report
from kubectl_snapshot.render.report.node import MOST_OPEN_ROWS
from tests.unit.render.pages import BAD, GOOD, find_broken_links, find_texts

HOSTILE = "\"'><script>x</script>\u202e\x1b"


def diff_of(*changes: Change, left_out: int = 0) -> Diff:
    sides = (Side("a.yaml", GOOD.metadata), Side("b.yaml", BAD.metadata))
    return Diff(*sides, changes, left_out)


def render(*changes: Change, left_out: int = 0, after: Snapshot = BAD) -> str:
    return render_diff_report(diff_of(*changes, left_out=left_out), GOOD, after)


def test_changes_are_grouped_by_subtype_and_those_not_known_are_apart() -> None:
    groups = build_groups(
        (
            Change("OS.kmod", "a", REMOVED, True),
            Change("OS.kmod", "b", UNKNOWN, note="partial"),
            Change("OS.kmod", "c", ADDED, None, True),
            Change("SystemD.x", "", ADDED, values={"k": 1}),
            Change("SystemD.y", "", REMOVED, values={"k": 1}),
        )
    )
    assert [(group.name, group.whole) for group in groups] == [
        ("OS.kmod", ""),
        ("SystemD.x", ADDED),
        ("SystemD.y", REMOVED),
    ]
    assert [row for group in groups for row in group.rows] == [
        Row("a", REMOVED, True, None, ""),
        Row("c", ADDED, None, True, ""),
        Row("k", ADDED, None, 1, ""),
        Row("k", REMOVED, 1, None, ""),
    ]


def test_a_page_of_two_nodes_names_both_and_where_they_are_from() -> None:
    page = render(Change("GPU.device", "count", CHANGED, 8, 7, "-1"), left_out=31)
    assert "<title>gpu-17 → gpu-23 – changes</title>" in page
    assert {"a.yaml", "b.yaml", "8", "-1"} <= find_texts(page)
    assert "31 other differences ignored" in page
    assert find_broken_links(page) == []


def test_both_nodes_are_side_by_side_before_the_changes_what_differs_first() -> None:
    page = render_diff_report(diff_snapshots(GOOD, BAD, REGISTRY, ("a.yaml", "b.yaml")), GOOD, BAD)
    order = [page.index(f'<h2 id="{name}"') for name in ("_findings", "_nodes", "_changes")]
    assert order == sorted(order)
    table = page[order[1] : page.index("equal facts</summary>")]
    assert '<th scope="col">gpu-17</th><th scope="col">gpu-23</th>' in table
    labels = re.findall(r'<th scope="row">([^<]*)</th>', table)
    assert labels[:5] == ["Snapshot", "Findings", "Gaps", "GPUs", "Driver"]
    assert "Nodes in the cluster" not in labels
    row = table[table.index(">Gaps<") :]
    assert re.findall(r"<td>([^<]*)", row)[:2] == ["none", "6"]


def test_a_snapshot_of_another_tool_does_not_say_whether_it_has_gaps() -> None:
    page = render_diff_report(diff_snapshots(GOOD, Snapshot(), REGISTRY), GOOD, Snapshot())
    row = page[page.index(">Gaps<") :]
    assert re.findall(r"<td>([^<]*)", row)[:2] == ["none", "unknown"]
    assert {"time unknown", "not recorded"} <= find_texts(page)


def test_equal_changes_of_many_gpus_are_one_row() -> None:
    changes = [Change(f"GPU.gpu-{n}", "vbios-version", CHANGED, "1", "2") for n in range(8)]
    page = render(*changes)
    assert page.count('<tr class="changed">') == 1
    assert '<h3 id="GPU.gpu-_5b_0-7_5d_">GPU.gpu-[0-7]</h3>' in page


def test_what_one_side_could_not_read_is_on_the_page_twice_linked() -> None:
    page = render(Change("K8s.helm", "", UNKNOWN, note="B: forbidden", values={"a": 1}))
    assert "Could not be read on gpu-23 (6)" in page
    assert "The other snapshot has 1 value." in page
    assert {"Unknown (1)", "K8s.helm"} <= find_texts(page)
    assert find_broken_links(page) == []
    assert "No differences in what could be compared." in page


def test_one_node_before_and_after_is_named_once() -> None:
    page = render_diff_report(diff_snapshots(GOOD, GOOD, REGISTRY), GOOD, GOOD)
    assert "<h1>gpu-17</h1>" in page
    assert "No differences." in page
    assert find_broken_links(page) == []


@pytest.mark.parametrize("after", [GOOD, BAD, replace(BAD, metadata=GOOD.metadata), Snapshot()])
def test_every_id_is_there_once(after: Snapshot) -> None:
    page = render_diff_report(diff_snapshots(GOOD, after, REGISTRY), GOOD, after)
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert find_broken_links(page) == []


def test_many_changes_of_a_subtype_are_folded_and_whole() -> None:
    count = MOST_OPEN_ROWS + 1
    page = render(*(Change("OS.sysctl", f"k{n}", CHANGED, "a", "b") for n in range(count)))
    assert f"<summary>{count} differences</summary>" in page
    assert page.count('<tr class="changed">') == count


def test_nothing_of_a_change_is_markup() -> None:
    page = render(
        Change(HOSTILE, HOSTILE, CHANGED, HOSTILE, HOSTILE, HOSTILE),
        Change(HOSTILE, HOSTILE, UNKNOWN, note=HOSTILE),
    )
    assert page.count("<script") == 1
    assert not {"\u202e", "\x1b"} & set(page)


def test_a_value_that_is_not_there_is_reported_from_an_empty_one() -> None:
    page = render(Change("OS.grub", "ro", ADDED, None, ""))
    assert {"not present", "empty text"} <= find_texts(page)
