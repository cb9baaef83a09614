from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.report.node import render_report
from kubectl_snapshot.render.report.page import anchor
from tests.unit.render.pages import find_elements


def test_the_script_is_small_and_asks_for_nothing() -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", render_report(Snapshot()), re.DOTALL)
    assert 1000 < len(script.encode()) < 4096
    assert not re.search("fetch|XMLHttp|import|innerHTML|eval|localStorage|https?:", script)


def test_an_anchor_is_the_path_where_it_can_be() -> None:
    assert anchor("GPU.gpu-0") == "GPU.gpu-0"
    assert anchor("SystemD.nvidia@0.service") == "SystemD.nvidia@0.service"
    assert anchor('OS.a b"<_') == "OS.a_20_b_22__3c__5f_"


def test_the_policy_lets_in_the_style_sheet_and_the_script_and_nothing_else() -> None:
    page = render_report(Snapshot())
    digests = {}
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests[tag] = b64encode(sha256(text.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{digests['style']}'; "
        f"script-src 'sha256-{digests['script']}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"\s(style|on\w+)=", page)


HOSTILE = (
    '"><script>alert(1)</script>',
    "' onmouseover='x",
    "</style></title><img src=x>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\u202e\x1b]0;x\x07",
)


def hostile_snapshot() -> Snapshot:
    """Return a document that has every hostile word in every place there is."""
    names = ("helm", "argocd", "gpu-0", "gpu-1", "topology", "taint", *HOSTILE)
    keys = ("source-node", "timestamp", "version", "mode", "cluster-scope", "redacted", "redaction")
    measurements = tuple(
        Measurement(type_, tuple(hostile_subtype(name, status) for name in names))
        for type_ in ("K8s", "GPU", "NodeTopology", *HOSTILE)
        for status in ("error", "".join(HOSTILE))
    )
    return Snapshot({key: "".join(HOSTILE) for key in keys}, measurements)


def hostile_subtype(name: str, status: str) -> Subtype:
    data = {word: word for word in HOSTILE}
    data.update({f"{word}{end}": word for word in HOSTILE for end in (".namespace", ".revision")})
    data.update({key: "".join(HOSTILE) for key in ("name", "uuid", "pci.numa-node")})
    data.update({"".join(HOSTILE) + "/x": word for word in HOSTILE})
    context = {key: "".join(HOSTILE) for key in (*HOSTILE, "reason", "uuid")}
    return Subtype(name, data, {**context, "status": status})


def test_nothing_of_a_document_is_markup() -> None:
    page = render_report(hostile_snapshot())
    elements = find_elements(page)
    assert {tag for tag, _ in elements} <= {*OUR_TAGS}
    for _, attributes in elements:
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert not set("\u202e\x1b\x07") & set(page)
    assert "{{ 7 * 7 }}{% raw %}" in page


OUR_TAGS = (
    "a b body caption code dd desc details div dl dt figure footer g h1 h2 h3 head header html li "
    "line link main meta nav ol p rect section span style summary svg table tbody td text th thead "
    "time title tr ul button input label output script"
).split()
