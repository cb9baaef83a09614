from __future__ import annotations

from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.render.report.diff import render_diff_report
from kubectl_snapshot.render.report.facts import build_index
from kubectl_snapshot.render.report.findings import build_findings
from kubectl_snapshot.render.report.node import render_report
from tests.unit.document.findings.support import drop
from tests.unit.document.findings.test_find import hostile_node
from tests.unit.render.pages import BAD, GOOD, find_broken_links, find_elements, find_texts


def test_findings_come_first_worst_first_with_links_to_their_proof() -> None:
    page = render_report(BAD)
    section = page[page.index('id="_findings"') : page.index("At a glance</h2>")]
    assert section.index("gpu-missing") < section.index("fabric-manager-down")
    assert '<a href="#GPU.gpu-5"><code>GPU.gpu-5.context.reason</code></a>' in section
    assert (
        section.index("fabric-manager-down")
        < section.index("Also (5)")
        < section.index("kubelet-behind")
    )
    assert "Unknown (33)" in section
    assert find_broken_links(page) == []


def test_a_healthy_node_says_how_much_was_judged() -> None:
    fine = len(find_all(GOOD).fine)
    assert f"No critical finding and no warning in {fine} checks." in render_report(GOOD)


def test_a_node_of_which_little_is_known_is_not_healthy() -> None:
    page = render_report(drop(GOOD, "GPU"))
    assert "checks; others are unknown." in page
    assert "checks.</p>" not in page


def test_the_page_names_what_was_muted_and_why() -> None:
    page = render_report(BAD, {"gpu-missing": "ticket <4711> (mutes.yaml)"})
    assert "Muted: gpu-missing: ticket &lt;4711&gt; (mutes.yaml)" in page
    assert "1 critical" in page


def test_a_proof_without_a_subtype_has_no_link() -> None:
    (entry, *_) = build_findings(find_all(BAD), {}).main
    assert entry.proof[0].subtype == ""
    (entry, *_) = build_findings(find_all(BAD), build_index(BAD)).main
    assert entry.proof[0].subtype == "GPU.gpu-5"


def test_a_diff_begins_with_new_and_gone_findings() -> None:
    page = render_diff_report(diff_snapshots(GOOD, BAD, ()), GOOD, BAD)
    assert page.index("new and gone") < page.index("Side by side</h2>")
    assert {"new", "gpu-missing"} <= find_texts(page)
    page = render_diff_report(diff_snapshots(BAD, GOOD, ()), BAD, GOOD)
    assert {"gone", "gpu-missing"} <= find_texts(page)
    page = render_diff_report(diff_snapshots(GOOD, GOOD, ()), GOOD, GOOD)
    assert "new and gone" not in page


def test_nothing_of_a_finding_is_markup() -> None:
    page = render_report(hostile_node())
    assert [tag for tag, _ in find_elements(page)].count("script") == 1
    assert not {"\u202e", "\x1b"} & set(page)
