from __future__ import annotations

import re
import time

import pytest

from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.report.node import (
    MOST_OPEN_ROWS,
    MOST_PRINTED_ROWS,
    build_sections,
    render_report,
)
from tests.docs_support import read_page
from tests.unit.render.pages import BAD, GOOD, find_broken_links, find_texts


def of(*subtypes: Subtype, type_: str = "OS", **metadata: str) -> str:
    return render_report(Snapshot(metadata, (Measurement(type_, subtypes),)))


@pytest.mark.parametrize("snapshot", [GOOD, BAD, Snapshot()])
def test_every_link_leads_to_one_place(snapshot: Snapshot) -> None:
    page = render_report(snapshot)
    assert find_broken_links(page) == []
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_every_value_of_the_document_is_on_the_page() -> None:
    texts = find_texts(render_report(GOOD))
    for section in build_sections(GOOD):
        for part in section.parts:
            assert part.path in texts
            assert {key for key, _ in part.rows} <= texts


def test_the_same_document_gives_the_same_bytes() -> None:
    assert render_report(GOOD) == render_report(GOOD)


def test_what_could_not_be_read_comes_before_the_gpus_with_its_reason() -> None:
    page = render_report(BAD)
    box, gpus = page.index("Could not be read (6)"), page.index('id="_gpus"')
    assert page.index("At a glance</h2>") < box
    assert "cannot list secrets: secrets is forbidden" in page[box:gpus]
    assert 'href="#K8s.helm"' in page[box:gpus]


def test_a_document_of_which_all_was_read_says_so() -> None:
    assert "No gaps: everything could be read." in render_report(GOOD)


def test_another_tools_document_is_not_said_to_be_whole() -> None:
    page = of(Subtype("release", {"ID": "ubuntu"}))
    assert "No gaps" not in page
    assert "does not record gaps" in page


def test_a_document_that_was_not_redacted_says_so() -> None:
    assert "Not redacted: this page" in of(redaction="disabled")


def test_an_empty_text_is_reported_from_no_value() -> None:
    assert "empty text" in of(Subtype("grub", {"ro": ""}))


def test_a_long_value_is_folded_and_whole() -> None:
    page = of(Subtype("grub", {"a": "x" * 1_000_000}))
    assert "x" * 1_000_000 in page
    assert "1000000 characters" in page


def test_many_rows_are_folded_and_whole() -> None:
    few, many = ({f"k{n}": n for n in range(count)} for count in (MOST_OPEN_ROWS, 3000))
    assert '<details class="rows" open>' in of(Subtype("few", few))
    page = of(Subtype("many", many))
    assert '<details class="rows huge"><summary>3000 values' in page
    assert ">k2999</th>" in page


def test_a_cluster_of_5000_nodes_is_a_page_in_seconds() -> None:
    names = ",".join(f"node-{n}" for n in range(5000))
    labels = {f"kubernetes.io/hostname.node-{n}": f"node-{n}|node-{n}" for n in range(50_000)}
    taint = Subtype("taint", {"nvidia.com/gpu": f"NoSchedule|present|{names}"})
    before = time.monotonic()
    page = of(taint, Subtype("label", labels), type_="NodeTopology")
    assert time.monotonic() - before < 20
    assert names in page


def test_subtypes_of_one_name_have_anchors_of_their_own() -> None:
    twice = Measurement("OS", (Subtype("a"), Subtype("a")))
    sections = build_sections(Snapshot({}, (twice, twice)))
    assert [s.id for s in sections] == ["OS", "OS:2"]
    assert [p.id for s in sections for p in s.parts] == ["OS.a", "OS.a:2", "OS.a:3", "OS.a:4"]


def test_the_limits_are_those_of_the_page_in_docs() -> None:
    page = " ".join(read_page("docs/report.md").split())
    assert f"More than {MOST_OPEN_ROWS} values of one subtype" in page
    assert f"all but sections of more than {MOST_PRINTED_ROWS:,} values" in page


def test_a_gpu_that_does_not_answer_says_why_where_its_values_would_be() -> None:
    page = render_report(BAD)
    table = page[page.index('<table class="gpus"') :]
    row = table[table.index("#GPU.gpu-5") : table.index("#GPU.gpu-6")]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells[0] == (
        '<div class="reason">the driver does not list the GPU that the PCI bus has</div>'
    )
    assert "reason" not in "".join(cells[1:])


def test_every_row_has_the_path_that_a_click_copies() -> None:
    page = render_report(GOOD)
    for path in ("K8s.server.", "K8s.policy.context.", "GPU."):
        assert f'data-path="{path}"' in page
    assert page.count("data-path=") == len(re.findall(r"<table(?! class=\"matrix)", page)) - 1
