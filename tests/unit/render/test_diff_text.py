from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_snapshot.document.diff.change import (
    ADDED,
    CHANGED,
    REMOVED,
    UNKNOWN,
    Change,
    Diff,
    Side,
)
from kubectl_snapshot.render.diff_text import render_text, render_unified

A = Side("a.yaml", {"source-node": "gpu-1", "timestamp": "2026-11-23T10:00:00Z", "version": "1"})
B = Side("b.yaml", {"source-node": "gpu-2", "timestamp": "2026-11-23T10:00:02Z", "version": "1"})
ARGUMENTS = " ".join(f"--argument-{n}=1" for n in range(20))
CHANGES = (
    Change("GPU.smi", "driver", CHANGED, "570.86", "570.158", "newer"),
    Change("GPU.gpu-1", "", REMOVED, note="H100 at 0:2", values={"name": "H100", "uuid": "B"}),
    Change("GPU.gpu-2", "ecc", CHANGED, True, False, after_name="GPU.gpu-1"),
    Change("OS.kmod", "nvidia_peermem", ADDED, after=True),
    Change("OS.sysctl", "/proc/sys/vm/swappiness", CHANGED, "60", "10", "-50"),
    Change("OS.sysctl", "/proc/sys/a", REMOVED, before="one\ntwo"),
    Change("SystemD.a.service", "ExecStart", CHANGED, f"[{ARGUMENTS} -v]", f"[{ARGUMENTS} -q]"),
    Change("K8s.server", "", UNKNOWN, note="B: unavailable: " + "there is no cluster " * 5),
    Change("K8s.node", "", UNKNOWN, note="B: unavailable: " + "there is no cluster " * 5),
)
DIFF = Diff(A, B, CHANGES, 17)

EXPECTED = """\
A  a.yaml: gpu-1, 2026-11-23T10:00:00Z
B  b.yaml: gpu-2, 2026-11-23T10:00:02Z

GPU.smi
  ~ driver: 570.86 → 570.158 newer

- GPU.gpu-1 (2 values): H100 at 0:2

GPU.gpu-2 (GPU.gpu-1 in B)
  ~ ecc: true → false

OS.kmod
  + nvidia_peermem: true

OS.sysctl
  ~ /proc/sys/vm/swappiness: 60 → 10 (-50)
  - /proc/sys/a: one\\ntwo

SystemD.a.service
  ~ ExecStart:
    - …ument-19=1 -v]
    + …ument-19=1 -q]

unknown
  ? K8s.server, K8s.node: B: unavailable: there is no cluster there is no
    cluster there is no cluster there is no cluster there is no cluster

1 added, 2 removed, 4 changed, 2 unknown
17 ignored: volatile readings and per-node identifiers; see --all
"""


def test_a_difference_is_reported_by_subtype() -> None:
    assert render_text(DIFF) == EXPECTED


def test_what_differs_in_the_same_way_is_reported_once() -> None:
    driver = Change("", "gsp-firmware.version", CHANGED, "580.1", "570.1", "older")
    names = [f"GPU.gpu-{number}" for number in range(8)]
    changes = [replace(driver, subtype=name) for name in names]
    text = render_text(Diff(A, A, (*changes, Change("GPU.gpu-8", "ecc", ADDED, after=True))))
    assert text.count("gsp-firmware") == 1
    assert "\n\nGPU.gpu-[0-7]\n  ~ gsp-firmware.version: 580.1 → 570.1 older\n" in text
    assert "\n\nGPU.gpu-8\n  + ecc: true\n" in text
    assert text.endswith("\n1 added, 8 changed\n")


def test_a_gpu_that_came_in_the_place_of_another_does_not_hide_it() -> None:
    gone, come = (Change("GPU.gpu-0", "", kind, note=kind) for kind in (REMOVED, ADDED))
    lines = render_text(Diff(A, A, (gone, come))).splitlines()
    assert "- GPU.gpu-0 (0 values): removed" in lines
    assert "+ GPU.gpu-0 (0 values): added" in lines


def test_no_line_is_longer_than_the_terminal() -> None:
    long = Change("OS.sysctl", "k" * 10, ADDED, after="v" * 300)
    for width in (60, 80, 120):
        text = render_text(replace(DIFF, changes=(*CHANGES, long)), width)
        assert max(map(len, text.splitlines())) <= width
        assert "…" in text


def test_no_difference_is_said() -> None:
    assert render_text(Diff(A, A)).endswith("\n\nno difference\n")
    unknown = Diff(A, A, CHANGES[-1:], 3)
    reported = "\nno difference, 1 unknown\n3 ignored: volatile readings; see --all\n"
    assert render_text(unknown).endswith(reported)


def test_documents_of_two_versions_are_reported_apart() -> None:
    other = replace(B, metadata={**B.metadata, "version": "2"})
    reported = "   written by 1 and 2: readings of only one version are differences\n"
    assert reported in render_text(Diff(A, other))
    assert "written by" not in render_text(Diff(A, B))


@pytest.mark.parametrize("render", [render_text, render_unified])
def test_no_word_of_a_node_breaks_a_line(render: object) -> None:
    assert callable(render)
    evil = "\x1b[31mred\u202e\r\nA\tB"
    change = Change(f"SystemD.{evil}", evil, CHANGED, evil, evil * 2)
    whole = Change(f"GPU.{evil}", "", ADDED, note=evil, values={evil: evil})
    text = render(Diff(Side(evil, {"source-node": evil}), B, (change, whole)))
    assert len(text.splitlines()) == text.count("\n") < 20
    if render is render_text:
        assert not [c for c in text if not c.isprintable() and c != "\n"]


def test_a_unified_diff_has_a_hunk_for_each_subtype() -> None:
    lines = render_unified(DIFF).splitlines()
    assert lines[:9] == [
        f"# unknown: K8s.server: {CHANGES[-1].note}",
        f"# unknown: K8s.node: {CHANGES[-1].note}",
        "--- a.yaml\t2026-11-23T10:00:00Z",
        "+++ b.yaml\t2026-11-23T10:00:02Z",
        "@@ -1,1 +1,1 @@ GPU.smi",
        "-GPU.smi.driver: 570.86",
        "+GPU.smi.driver: 570.158",
        "@@ -2,2 +1,0 @@ GPU.gpu-1",
        "-GPU.gpu-1.name: H100",
    ]
    assert "@@ -4,0 +3,1 @@ OS.kmod" in lines
    assert render_unified(Diff(A, B)) == ""


def test_a_unified_diff_makes_one_side_of_the_other(tmp_path: Path) -> None:
    text = render_unified(replace(DIFF, after=replace(B, source=A.source)))
    sides = {mark: re.findall(rf"(?m)^\{mark}(?!\{mark})(.*\n)", text) for mark in "-+"}
    target = tmp_path / A.source
    target.write_text("".join(sides["-"]))
    command = ["git", "apply", "-p0", "--unidiff-zero", "-"]
    subprocess.run(command, input=text, text=True, cwd=tmp_path, check=True)
    assert target.read_text() == "".join(sides["+"])
