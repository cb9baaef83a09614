"""The pages under docs/examples are what the renderers make of the documents beside them."""

from __future__ import annotations

import os

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.render.report.diff import render_diff_report
from kubectl_snapshot.render.report.node import render_report
from tests.unit.render.pages import BAD, EXAMPLES, GOOD

SOURCES = ("gpu-17.yaml", "gpu-23.yaml")


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("node.html", render_report(GOOD)),
        ("diff.html", render_diff_report(diff_snapshots(GOOD, BAD, REGISTRY, SOURCES), GOOD, BAD)),
    ],
    ids=["node", "diff"],
)
def test_the_example_is_up_to_date(name: str, page: str) -> None:
    path = EXAMPLES / name
    if os.environ.get("SNAPSHOT_REGEN") == "1":
        path.write_text(page, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page, "run scripts/regen"
