"""Pages as tests look at them, and the two documents of docs/examples that they are of."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Snapshot

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def read_example(name: str) -> Snapshot:
    path = EXAMPLES / "snapshots" / f"{name}.yaml"
    return parse_document(path.read_text(encoding="utf-8"), name)


# Eight GPUs and all of it read; the same machine with one GPU less, and gaps.
GOOD, BAD = read_example("gpu-17"), read_example("gpu-23")


def find_texts(page: str) -> set[str]:
    """Return the texts between two tags."""
    return {unescape(text).strip() for text in re.findall(r">([^<]+)<", page)}


def find_broken_links(page: str) -> list[str]:
    """Return the links within the page that lead nowhere."""
    ids = set(re.findall(r'\sid="([^"]*)"', page))
    return [name for name in re.findall(r'href="#([^"]*)"', page) if name not in ids]


def find_elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return every element's name and attributes."""
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attributes)))

    Reader().feed(page)
    return found
