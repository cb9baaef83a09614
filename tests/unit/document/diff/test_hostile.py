"""No text of a node crashes the comparison or a renderer of it."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.diff_text import render_text, render_unified
from kubectl_snapshot.render.diff_tree import render_json, render_yaml
from kubectl_snapshot.render.report.diff import render_diff_report

DIGITS = "9" * 5000
TEXTS = [
    DIGITS,
    f"v1.2.3-{DIGITS}",
    f"1.{DIGITS}",
    f"0x{DIGITS}",
    f"[[/a [/a] false {DIGITS} 0 0 0 0 0 0]]",
    f"a|b (+{DIGITS} more)",
    "²",
    "٣",
    "a|b (+٣ more)",
    "\ud800",
    "\x00\x1b[31m\u202e\n",
    "|",
    "",
    "redacted:hmac-sha256:" + "0" * 16,
    "%s{0}\\1",
]
SUBTYPES = (
    ("K8s", ("image", "node", "server")),
    ("GPU", ("smi", "gpu-0", "gpu-0-state", f"gpu-{DIGITS}", "gpu-²", "topology")),
    ("OS", ("grub", "sysctl")),
    ("SystemD", ("a.service",)),
    ("NodeTopology", ("summary", "taint", "label")),
)
KEYS = (
    *("uuid", "pci.bus-id", "module-id", "gpu-count", "provider-id", "node-count", "ip", "boot"),
    *("clocks.event-reasons", "ExecStart", "After", "/proc/sys/kernel/hung_task_warnings"),
)


def hostile(text: str, other: str, node: str) -> Snapshot:
    """Return a document with a text in every place."""
    data = dict.fromkeys((*KEYS, text, f"mig.{text}.uuid", f"mig.{DIGITS}.a", f"{text}.2"), other)
    context = {"elapsed-ms": other, f"image.{text}": other, f"{text}#1": other, "reason": text}
    measurements = tuple(
        Measurement(type_, tuple(Subtype(name, data, context) for name in (*names, text)))
        for type_, names in SUBTYPES
    )
    return Snapshot({"source-node": node, "timestamp": text}, measurements)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_text_crashes_the_comparison(text: str) -> None:
    before = hostile(text, text, "a")
    for node, other in (("a", f"{text}1"), (text, "1.2.3-4"), ("b", "b|c")):
        after = hostile(text, other, node)
        for selection in (Selection(everything=True), Selection((f"*{text}*",)), Selection()):
            diff = diff_snapshots(before, after, REGISTRY, selection=selection)
    for render in (render_text, render_unified, render_json, render_yaml):
        assert render(diff)
    assert render_diff_report(diff, before, after)
    assert diff_snapshots(before, before, REGISTRY).is_empty
