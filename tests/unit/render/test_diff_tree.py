from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, Change, Diff, Side
from kubectl_snapshot.render.diff_tree import render_json, render_yaml

EVIL = 'no: "1e3"\n\x1b[31m- #\u2028 {'
DIFF = Diff(
    Side("a.yaml", {"source-node": "gpu-1"}),
    Side("-", {}),
    (
        Change("OS.sysctl", "x", CHANGED, "60", "10", "-50"),
        Change("OS.sysctl", "no", ADDED, after=""),
        Change("OS.kmod", EVIL, REMOVED, before=False),
        Change("GPU.gpu-1", "", REMOVED, note=EVIL, values={EVIL: EVIL, "k" * 2000: 1}),
        Change("GPU.gpu-2", "a", CHANGED, 2**64 - 1, 0.5, after_name="GPU.gpu-1"),
    ),
    3,
)
EXPECTED = {
    "before": {"source": "a.yaml", "metadata": {"source-node": "gpu-1"}},
    "after": {"source": "-", "metadata": {}},
    "summary": {"added": 1, "removed": 2, "changed": 2, "unknown": 0, "left-out": 3},
    "findings": [],
    "muted": [],
    "changes": [
        {
            "path": "OS.sysctl.x",
            "kind": "changed",
            "subtype": "OS.sysctl",
            "key": "x",
            "before": "60",
            "after": "10",
            "note": "-50",
        },
        {
            "path": "OS.sysctl.no",
            "kind": "added",
            "subtype": "OS.sysctl",
            "key": "no",
            "after": "",
        },
        {
            "path": f"OS.kmod.{EVIL}",
            "kind": "removed",
            "subtype": "OS.kmod",
            "key": EVIL,
            "before": False,
        },
        {
            "path": "GPU.gpu-1",
            "kind": "removed",
            "subtype": "GPU.gpu-1",
            "note": EVIL,
            "values": {EVIL: EVIL, "k" * 2000: 1},
        },
        {
            "path": "GPU.gpu-2.a",
            "kind": "changed",
            "subtype": "GPU.gpu-2",
            "key": "a",
            "after-subtype": "GPU.gpu-1",
            "before": 2**64 - 1,
            "after": 0.5,
        },
    ],
}


@pytest.mark.parametrize(
    ("render", "load"), [(render_json, json.loads), (render_yaml, yaml.safe_load)]
)
def test_a_program_reads_the_whole_difference(
    render: Callable[[Diff], str], load: Callable[[str], object]
) -> None:
    assert load(render(DIFF)) == EXPECTED


@pytest.mark.parametrize("render", [render_json, render_yaml])
def test_no_word_of_a_node_acts_on_a_terminal(render: Callable[[Diff], str]) -> None:
    assert not [c for c in render(DIFF) if not c.isprintable() and c != "\n"]


def test_nothing_at_all_is_still_a_document() -> None:
    empty = yaml.safe_load(render_yaml(Diff(DIFF.before, DIFF.after)))
    assert empty["changes"] == []
    assert empty == json.loads(render_json(Diff(DIFF.before, DIFF.after)))
