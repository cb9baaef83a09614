"""The templates of docs/examples, each with the document of docs/examples, as goldens."""

from __future__ import annotations

import pytest

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.user_template import parse_template, render_user_template
from tests.docs_support import ROOT
from tests.unit.golden import check_golden

TEMPLATES = sorted((ROOT / "docs" / "examples" / "templates").glob("*.j2"))
SNAPSHOT = ROOT / "docs" / "examples" / "snapshots" / "gpu-17.yaml"
# A node of which next to nothing could be read, and what was read is hostile.
HOSTILE = Snapshot(
    {"source-node": "<script>|", "timestamp": "2026-03-09T18:42:07Z"},
    (
        Measurement(
            "GPU",
            (
                Subtype("gpu-0", {"name": "<script>\n|"}, {"status": "partial", "reason": "<i>"}),
                Subtype("smi", {}, {"status": "unavailable", "reason": "no driver\n| x |"}),
            ),
        ),
        Measurement("NodeTopology", (Subtype("taint", {"g.NoSchedule": "x|a,b"}),)),
    ),
)


def render(name: str, snapshot: Snapshot) -> str:
    (path,) = (path for path in TEMPLATES if path.name == name)
    return render_user_template(parse_template(path.read_text(), path.name), snapshot)


@pytest.mark.parametrize("name", [path.name for path in TEMPLATES])
def test_an_example_shows_a_whole_document(name: str) -> None:
    text = render(name, parse_document(SNAPSHOT.read_bytes()))
    check_golden(f"templates/{name.removesuffix('.j2')}", text)
    assert "NVIDIA H100 80GB HBM3" in text


def test_the_report_says_what_could_not_be_read_and_makes_up_nothing() -> None:
    text = render("cluster-report.md.j2", HOSTILE)
    assert "## Gaps\n\n- GPU.gpu-0 is partial: <i>\n- GPU.smi is unav" in text
    assert "| **Count** | _unknown_ |\n" in text
    assert "| g | NoSchedule | x | a,b |\n" in text


def test_no_value_breaks_a_table_of_the_report() -> None:
    text = render("cluster-report.md.j2", HOSTILE)
    assert "| **Node** | <script>\\| |\n" in text
    assert "GPU.smi is unavailable: no driver \\| x \\|\n" in text


def test_no_value_is_markup_in_the_page() -> None:
    text = render("gpus.html.j2", HOSTILE)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
