"""Hooks of mkdocs: pages that lie outside docs/, and the links to them.

docs/ is written to be read in the repository, where a link may leave it. Pages that belong to the
site are added below project/; of a link to any other file the text stays.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs"
# Where a file of the repository is in the site.
PAGES = {
    name: f"project/{name}"
    for name in (
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "CODE_OF_CONDUCT.md",
        "SECURITY.md",
    )
}
PAGES["tests/lab/README.md"] = "project/lab.md"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^):#\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie outside docs/."""
    from mkdocs.structure.files import File

    for name, target in PAGES.items():
        files.append(File.generated(config, target, content=(ROOT / name).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Rewrite the links of a page to where their targets are in the site."""
    return rewrite_links(markdown, page.file.src_uri, files.src_uris.keys())


def rewrite_links(markdown: str, page: str, known: Collection[str]) -> str:
    """Return a page with links that hold in the site; `known` are the site's files."""
    in_site = {target: name for name, target in PAGES.items()}
    source = in_site.get(page, f"{DOCS}/{page}")

    def rewrite(match: re.Match[str]) -> str:
        text, link, anchor = match[1], match[2], match[3] or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        found = PAGES.get(target) or target.removeprefix(f"{DOCS}/")
        if found not in known:
            return text
        return f"[{text}]({posixpath.relpath(found, posixpath.dirname(page) or '.')}{anchor})"

    images = (
        markdown if source == f"{DOCS}/{page}" else markdown.replace("](docs/images", "](../images")
    )
    return LINK.sub(rewrite, images)
