"""Draw the newest results as docs/images/speed-light.svg and -dark.svg. `make chart`."""

from __future__ import annotations

import html
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cluster import BARE, CAPTURE

ROOT = Path(__file__).resolve().parents[1]
RESULTS, IMAGES = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"

WIDTH, ROW, TOP, LEFT, RIGHT, BAR = 760, 34, 62, 270, 60, 16
FONT = "font-family='system-ui, sans-serif'"
# Rows by their names in the results, and as the chart calls them.
ROWS = {
    "base": "python3 -c pass",
    "--help": "--help",
    "version --client": "version --client",
    "completion, by the shim": "TAB completion",
    "first API answer (version)": "first answer of an API server",
    "collect --profile reference": "what AICR reads of a node",
    "collect, whole process": "a node, all that is asked for",
}


@dataclass(frozen=True)
class Colours:
    """The colours of one picture."""

    text: str
    faint: str
    bar: str
    limit: str


THEMES = {
    "light": Colours("#1f2328", "#656d76", "#0969da", "#cf222e"),
    "dark": Colours("#e6edf3", "#8d96a0", "#4493f8", "#ff7b72"),
}


def main() -> int:
    results = read_newest()
    for theme, colours in THEMES.items():
        path = IMAGES / f"speed-{theme}.svg"
        path.write_text(render_chart(results, colours), encoding="utf-8")
        print(path.relative_to(ROOT))
    return 0


def read_newest() -> dict[str, Any]:
    """Return the newest file of `make bench`."""
    newest: dict[str, Any] = json.loads(max(RESULTS.glob("*.json")).read_text(encoding="utf-8"))
    return newest


def render_chart(results: dict[str, Any], colours: Colours) -> str:
    """Return bars of milliseconds, each with its limit as a stroke."""
    measured = {row["name"]: row for row in results["rows"] if row["name"] in ROWS}
    rows = [measured[name] for name in ROWS if name in measured]
    base_ms = measured["base"]["median_ms"]
    scale = (WIDTH - LEFT - RIGHT) / max(
        [row["median_ms"] for row in rows] + [limit_of(row) * base_ms for row in rows]
    )
    lines = [
        text(0, 22, "How long commands take", colours.text, "font-weight='600' font-size='17'"),
        text(0, 44, describe(results["machine"]), colours.faint, "font-size='12'"),
    ]
    for index, row in enumerate(rows):
        y = TOP + index * ROW
        width, limit = row["median_ms"] * scale, limit_of(row) * base_ms * scale
        lines += [
            text(LEFT - 12, y + 13, ROWS[row["name"]], colours.text, "text-anchor='end'"),
            f"<rect x='{LEFT}' y='{y}' width='{width:.1f}' height='{BAR}' rx='3' "
            f"fill='{colours.bar}'/>",
            text(LEFT + max(width, limit) + 8, y + 13, f"{row['median_ms']:.0f} ms", colours.text),
        ]
        if limit:
            lines.append(
                f"<path d='M{LEFT + limit:.1f} {y - 4}v{BAR + 8}' stroke='{colours.limit}' "
                "stroke-width='2' stroke-dasharray='3 2'/>"
            )
    height = TOP + len(rows) * ROW + 24
    lines.append(text(0, height - 10, describe_capture(results), colours.faint, "font-size='12'"))
    title = html.escape(", ".join(f"{ROWS[r['name']]} {r['median_ms']:.0f} ms" for r in rows))
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' role='img' "
        f"{FONT} font-size='13'><title>{title}</title>"
    )
    return "\n".join([head, *lines, "</svg>"]) + "\n"


def describe_capture(results: dict[str, Any]) -> str:
    """Return the time of a node of a cluster, "" if it was not measured."""
    seconds = {row["name"]: (row["median_ms"] or 0) / 1e3 for row in results["rows"]}
    ours, bare = seconds.get(CAPTURE), seconds.get(BARE)
    if not (ours and bare):
        return ""
    return f"A node of a cluster: {ours:.1f} s. A client that only starts the pod: {bare:.1f} s."


def limit_of(row: dict[str, Any]) -> float:
    """Return what the row may take at most, as a multiple of the base; 0 without a limit."""
    budget = row["budget"] or {}
    return float(budget.get("limit") or budget.get("at_most") or 0)


def describe(machine: dict[str, Any]) -> str:
    python = str(machine["python"]).split(" ")[0]
    return f"Median, Python {python}, {machine['cores']} cores; dashed: what the bench allows"


def text(x: float, y: float, words: str, colour: str, more: str = "") -> str:
    more = f" {more}" if more else ""
    return f"<text x='{x:.1f}' y='{y}' fill='{colour}'{more}>{html.escape(words)}</text>"


if __name__ == "__main__":
    sys.exit(main())
