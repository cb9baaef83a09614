from __future__ import annotations

from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS, find_all
from kubectl_snapshot.document.findings.spec import NodeFindings, Proof
from kubectl_snapshot.render.findings import (
    News,
    count_findings,
    describe_proofs,
    list_news,
    name_specs,
    render_brief,
    render_news,
)
from tests.unit.document.findings.support import change, drop
from tests.unit.render.pages import BAD, GOOD


def test_equal_proofs_of_several_gpus_are_one() -> None:
    proofs = [Proof(f"GPU.gpu-{n}.a", "1") for n in range(3)] + [Proof("GPU.gpu-4.a", "2")]
    assert describe_proofs(proofs, 3) == ["GPU.gpu-[0-2].a is 1", "GPU.gpu-4.a is 2"]
    assert describe_proofs(proofs, 1) == ["GPU.gpu-[0-2].a is 1", "and 1 more"]


def test_a_summary_has_what_is_serious_below_the_counts() -> None:
    lines = render_brief(find_all(BAD), 12).splitlines()
    assert lines[0] == "findings    2 critical, 5 info, 33 unknown"
    assert lines[1].startswith("critical    gpu-missing: gpu-5 is on the PCI bus")
    assert lines[2].startswith("            fix: see `dmesg")
    assert len(lines) == 5
    assert render_brief(NodeFindings(), 12) == "findings    no findings\n"


def test_new_and_gone_findings_are_told_apart() -> None:
    old, new = find_all(GOOD), find_all(change(GOOD, {"GPU.gpu-1.persistence-mode": False}))
    text = "persistence mode is off on gpu-1: jobs wait for initialization, settings get lost"
    line = f"warning: persistence-off: {text}"
    assert render_news(list_news(old, new)) == [f"new {line}"]
    assert render_news(list_news(new, old)) == [f"gone {line}"]
    assert list_news(new, new) == News()


def test_another_temperature_is_the_same_finding() -> None:
    hot, hotter = (
        find_all(change(GOOD, {"GPU.gpu-1-state.temperature.gpu-c": c})) for c in (91, 95)
    )
    assert list_news(hot, hotter) == News()


def test_what_is_unknown_or_muted_now_is_not_gone() -> None:
    edits = {"GPU.gpu-1.persistence-mode": False}
    old = find_all(change(GOOD, edits))
    assert list_news(old, find_all(drop(GOOD, "GPU"))) == News()
    assert list_news(old, find_all(GOOD, {"persistence-off": ""})).found
    muted = list_news(old, find_all(change(GOOD, edits), {"persistence-off": "x"}))
    assert muted == News((), (("persistence-off", "x"),))
    assert render_news(muted) == ["muted: persistence-off: x"]


def test_warnings_are_counted_in_words() -> None:
    one = {"GPU.gpu-1.persistence-mode": False}
    two = {**one, "GPU.gpu-1-state.temperature.gpu-c": 99}
    assert count_findings(find_all(change(GOOD, one))) == "1 warning, 1 info"
    assert count_findings(find_all(change(GOOD, two))) == "2 warnings, 1 info"


def test_nothing_found_is_said() -> None:
    assert count_findings(NodeFindings()) == "no findings"
    assert count_findings(find_all(GOOD, {"kernel-tainted": ""})) == "1 muted"


def test_of_many_ids_the_first_are_named_and_wide_all() -> None:
    ids = [spec.id for spec in ALL_FINDINGS[:5]]
    assert name_specs(ALL_FINDINGS[:4], False) == ", ".join(ids[:4])
    assert name_specs(ALL_FINDINGS[:5], False) == f"{', '.join(ids[:4])} and 1 more"
    assert name_specs(ALL_FINDINGS[:5], True) == ", ".join(ids)
