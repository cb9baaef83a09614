"""The picture of the README."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from benchmarks.chart import IMAGES, ROWS, THEMES, read_newest, render_chart

SVG = "{http://www.w3.org/2000/svg}"
MACHINE = {"python": "3.11.7 (/usr/bin/python3)", "cores": 2}


def row(
    name: str, median_ms: float | None, at_most: float = 0, limit: float = 0
) -> dict[str, object]:
    budget = {"at_most": at_most, "limit": limit} if at_most else None
    return {"name": name, "median_ms": median_ms, "budget": budget}


@pytest.mark.parametrize("theme", list(THEMES))
def test_the_pictures_show_the_newest_results(theme: str) -> None:
    picture = (IMAGES / f"speed-{theme}.svg").read_text(encoding="utf-8")
    assert picture == render_chart(read_newest(), THEMES[theme]), "run `make chart`"


def test_bars_and_limits_have_one_scale() -> None:
    rows = [row("base", 10.0), row("--help", 20.0, 4), row("collect, whole process", 80.0, 10, 12)]
    picture = render_chart({"machine": MACHINE, "rows": rows}, THEMES["light"])
    tree = ElementTree.fromstring(picture)
    bars = [float(bar.attrib["width"]) for bar in tree.iter(f"{SVG}rect")]
    assert bars[1] == pytest.approx(2 * bars[0], abs=0.2)
    assert bars[2] == pytest.approx(8 * bars[0], abs=0.5)
    left = float(next(tree.iter(f"{SVG}rect")).attrib["x"])
    strokes = [float(x) - left for x in re.findall(r"d='M([\d.]+)", picture)]
    # The ADR's limit where there is one; its stroke is where a bar of so many times the base ends.
    assert strokes == pytest.approx([4 * bars[0], 12 * bars[0]], abs=0.7)
    texts = [text.text for text in tree.iter(f"{SVG}text")]
    assert ROWS["collect, whole process"] in texts and "80 ms" in texts
    assert not any("node of a cluster" in (text or "") for text in texts)


def test_the_capture_of_a_node_is_told_beside_the_bare_client() -> None:
    names = {"base": 10.0, "one node, against a bare client": 1501.0, "the bare client": 1619.0}
    rows = [row(name, median_ms) for name, median_ms in names.items()]
    picture = render_chart({"machine": MACHINE, "rows": rows}, THEMES["dark"])
    assert "A node of a cluster: 1.5 s. A client that only starts the pod: 1.6 s." in picture
