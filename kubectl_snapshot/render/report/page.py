"""Render the HTML templates beside this file to self-contained pages. Pure."""

from __future__ import annotations

import pkgutil
import re
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.render.report.cells import render_rows, render_value, show
from kubectl_snapshot.render.template import render_template

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE, PARTS = "base.html.j2", "parts.html.j2"
STYLE, SCRIPT = "page.css", "page.js"


def render_page(template: str, variables: Mapping[str, Any]) -> str:
    """Return a rendered page; values are escaped, and invisible characters shown."""
    css, script = _read(STYLE), re.sub("\n *", "\n", _read(SCRIPT))
    own = {"css": css, "script": script}
    digests = {"css_digest": _digest(css), "script_digest": _digest(script)}
    return render_template(
        _read(template),
        {**variables, **own, **digests},
        autoescape=True,
        name=template,
        parts={name: _read(name) for name in (BASE, PARTS)},
        filters={"anchor": anchor, "value": render_value, "rows": render_rows},
        finalize=show,
    )


def anchor(path: str) -> str:
    """Return the HTML id of a path such as `GPU.gpu-0`; other characters are encoded."""
    return re.sub(r"[^A-Za-z0-9.@:-]", lambda m: f"_{ord(m[0]):x}_", path)


def _read(name: str) -> str:
    """Return a file of the package, read by its loader from a directory or a zip."""
    data = pkgutil.get_data(__package__, f"html/{name}")
    assert data is not None, f"{name} is not installed"
    return data.decode()


def _digest(text: str) -> str:
    """Return the digest of a text for the page's Content-Security-Policy (CSP 3)."""
    return b64encode(sha256(text.encode()).digest()).decode()
