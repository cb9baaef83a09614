from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kubectl_snapshot.clients.files.localfile import locate_yaml
from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS, find_all
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.findings.condition import parse_condition, parse_mask
from kubectl_snapshot.document.findings.find import MAX_PROOFS, find_findings, shorten
from kubectl_snapshot.document.findings.spec import (
    CRITICAL,
    INFO,
    WARNING,
    FindingSpec,
    NodeFindings,
    Proof,
)
from kubectl_snapshot.document.known_paths import refuse_impossible
from kubectl_snapshot.document.redaction.values import PREFIX
from kubectl_snapshot.document.rules.judge import FAILED
from kubectl_snapshot.document.rules.results import check_rules
from kubectl_snapshot.document.rules.rule_file import ERROR, parse_rules
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.findings.support import change, drop
from tests.unit.document.findings.test_broken_nodes import BROKEN, failed
from tests.unit.render.pages import BAD, EXAMPLES, GOOD


def ids(findings: NodeFindings, *severities: str) -> list[str]:
    wanted = severities or (CRITICAL, WARNING, INFO)
    return [f.spec.id for f in findings.found if f.spec.severity in wanted]


def spec(bad: str, *when: str, severity: str = WARNING, **fields: object) -> FindingSpec:
    return FindingSpec("x", severity, bad, "{on}|{value}|{other}", "fix", "source", when, **fields)  # type: ignore[arg-type]


def node(**subtypes: dict[str, Scalar]) -> Snapshot:
    """Return a snapshot with GPUs, named by `gpu_0_state`."""
    named = (Subtype(name.replace("_", "-"), data) for name, data in subtypes.items())
    return Snapshot({"source-node": "n"}, (Measurement("GPU", tuple(named)),))


def judge(snapshot: Snapshot, *specs: FindingSpec) -> tuple[list[str], list[str]]:
    """Return the texts of what was found, and the reasons of what is unknown."""
    findings = find_findings(snapshot, specs)
    return [f.text for f in findings.found], [u.reason for u in findings.unknown]


CPU_NODE = replace(
    GOOD,
    metadata={**GOOD.metadata, "source-node": "cpu-01"},
    measurements=tuple(
        m
        if m.type != "GPU"
        else Measurement(
            "GPU",
            tuple(
                Subtype(
                    name,
                    {"gpu-count": 0, "gpu-present": False} if name == "hardware" else {},
                    {"status": "absent", "reason": "there is no NVIDIA GPU on the PCI bus"},
                )
                for name in ("smi", "device", "hardware", "topology")
            ),
        )
        for m in GOOD.measurements
    ),
)
VGPU = change(
    drop(GOOD, "GPU.topology", *(f"GPU.gpu-{n}{e}" for n in range(1, 8) for e in ("", "-state"))),
    {
        "GPU.smi.gpu-count": 1,
        "GPU.hardware.gpu-count": 1,
        "NodeTopology.label.nvidia.com/gpu.count.8": None,
        "GPU.gpu-0.virtualization-mode": "VGPU",
        "GPU.gpu-0.fabric.state": "Not Supported",
        "GPU.gpu-0.persistence-mode": False,
        "GPU.gpu-0.ecc.current": False,
        "GPU.gpu-0.ecc.pending": False,
        "GPU.gpu-0-state.pcie.current-width": 0,
        "GPU.gpu-0-state.pcie.current-gen": 0,
    },
)
MIG = change(
    GOOD,
    {
        path: value
        for n in range(8)
        for path, value in {
            f"GPU.gpu-{n}.mig.current": True,
            f"GPU.gpu-{n}.mig.pending": True,
            f"GPU.gpu-{n}.nvlink.0.active": False,
            f"GPU.gpu-{n}-state.remapped-rows.pending": None,
            "NodeTopology.label.nvidia.com/gpu.count.8": "56|gpu-17",
        }.items()
    },
)


@pytest.mark.parametrize(
    "snapshot", [GOOD, CPU_NODE, VGPU, MIG], ids=["gpus", "cpu", "vgpu", "mig"]
)
def test_a_healthy_node_is_no_alarm(snapshot: Snapshot) -> None:
    findings = find_all(snapshot)
    assert ids(findings, CRITICAL, WARNING) == []
    assert len(findings.fine) > 10


def test_a_node_without_gpus_has_none_to_judge() -> None:
    assert find_all(CPU_NODE).unknown == ()


def test_a_node_that_could_not_be_read_is_unknown_and_never_fine() -> None:
    reason = "the driver's device nodes cannot be opened"
    gpus = [
        Subtype(n, {}, {"status": "unavailable", "reason": reason})
        for n in ("smi", "device", "hardware")
    ]
    units = [Subtype("kubelet.service", {}, {"status": "unavailable", "reason": "uid 0 only"})]
    snapshot = Snapshot({}, (Measurement("GPU", tuple(gpus)), Measurement("SystemD", tuple(units))))
    findings = find_all(snapshot)
    assert ids(findings) == ["unreadable"]
    assert findings.fine == ()
    reasons = {unknown.reason: [s.id for s in unknown.specs] for unknown in findings.unknown}
    assert "gpu-lost" in reasons[f"GPU.smi is unavailable: {reason}"]
    assert "unit-failed" in reasons["SystemD.kubelet.service is unavailable: uid 0 only"]
    assert "node-not-ready" in reasons["the snapshot does not tell its node (metadata.source-node)"]
    assert "nouveau" in reasons["the snapshot has no measurement of type OS"]
    judged = {s.id for unknown in findings.unknown for s in unknown.specs}
    assert {s.id for s in ALL_FINDINGS} - judged == {"unreadable"}


def test_an_empty_document_is_all_unknown() -> None:
    findings = find_all(Snapshot())
    assert (findings.found, findings.fine) == ((), ())
    assert {s.id for u in findings.unknown for s in u.specs} == {s.id for s in ALL_FINDINGS} - {
        "unreadable"
    }
    assert findings.is_unknown((CRITICAL,))


def test_a_gpu_that_did_not_answer_is_unknown_the_others_are_judged() -> None:
    edits = {
        **failed("GPU.gpu-1", "error", "GPU is lost"),
        "GPU.gpu-2-state.recovery-action": "GPU Reset",
    }
    findings = find_all(drop(change(GOOD, edits), "GPU.gpu-1-state"))
    assert ids(findings, CRITICAL, WARNING) == ["gpu-lost", "recovery-action"]
    (unknown,) = findings.unknown
    assert unknown.reason == "GPU.gpu-1 is error: GPU is lost"
    # Of its state, too, which the document does not have.
    assert {"row-remap-failed", "gpu-hot"} <= {s.id for s in unknown.specs}
    assert findings.found[0].text == "gpu-1 does not answer: GPU is lost"
    assert len(findings.found[0].text) < 320


def test_a_value_is_the_same_in_every_gpu_a_finding_is_one() -> None:
    edits = {f"GPU.gpu-{n}-state.temperature.gpu-c": 91 + n % 2 for n in (0, 1, 2, 5)}
    (finding, *_) = find_all(change(GOOD, edits)).found
    assert (finding.spec.id, finding.on) == ("gpu-hot", "gpu-[0-2,5]")
    assert finding.text == "gpu-[0-2,5] is at 91, 92 °C"
    assert finding.proof[0] == Proof("GPU.gpu-0-state.temperature.gpu-c", "91")


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ("GPU.gpu-*.a == 1", ["gpu-0|1|1"]),
        ("GPU.gpu-*.a > 1", ["gpu-1|2|1"]),
        ("GPU.gpu-*.a != GPU.gpu-*.b", ["gpu-1|2|1"]),
        ("GPU.gpu-*.a < GPU.gpu-*-state.c", ["gpu-0|1|5"]),
        ("GPU.gpu-*-state.c > GPU.gpu-*.a", ["gpu-0|5|1"]),
        ("GPU.gpu-*.text ~ x y", ["gpu-0|a x y|x y"]),
        ("GPU.gpu-*.text !~ x y", ["gpu-1|b|x y"]),
        ("GPU.gpu-*.link.*.up == false", ["gpu-1|false|false"]),
        ("count(GPU.gpu-*.link.*.up) < others", ["gpu-1|1|2"]),
        ("GPU.gpu-*.none == 1", []),
        ("GPU.gpu-*.context.name ~ gpu-1", ["gpu-1|gpu-1|gpu-1"]),
        ("GPU.gpu-*.context.status == ok", ["gpu-[0-1]|ok|ok"]),
        ("GPU.gpu-*.a == 1 or GPU.gpu-*.a == 2", ["gpu-[0-1]|1, 2|1, 2"]),
    ],
)
def test_a_condition_is_met_by_the_readings_of_one_gpu(bad: str, found: list[str]) -> None:
    snapshot = node(
        gpu_0={"a": 1, "b": 1, "text": "a x y", "link.0.up": True, "link.1.up": True},
        gpu_0_state={"c": 5},
        gpu_1={"a": 2, "b": 1, "text": "b", "link.0.up": True, "link.1.up": False},
    )
    assert judge(snapshot, spec(bad)) == (found, [])


@pytest.mark.parametrize(
    ("when", "is_found"),
    [
        ("GPU.gpu-*.b == 1", True),
        ("GPU.gpu-*.b == 2", False),
        ("not GPU.gpu-*.b == 1", False),
        ("not GPU.gpu-*.b == 2", True),
        ("GPU.gpu-*.none == 1", False),
        ("not GPU.gpu-*.none == 1", True),
        ("GPU.gpu-*-state.c == 5", True),
        ("GPU.hardware.count == 2", True),
        ("GPU.hardware.count == 3", False),
        ("label(x) == 1", False),
    ],
)
def test_a_when_is_about_the_same_gpu(when: str, is_found: bool) -> None:
    snapshot = node(
        gpu_0={"a": 1, "b": 2}, gpu_1={"a": 2, "b": 1}, gpu_1_state={"c": 5}, hardware={"count": 2}
    )
    topology = Measurement("NodeTopology", (Subtype("label", {"y": "1|n"}),))
    snapshot = replace(snapshot, measurements=(*snapshot.measurements, topology))
    assert bool(judge(snapshot, spec("GPU.gpu-*.a == 2", when))[0]) is is_found


def test_a_when_that_is_unknown_leaves_the_finding_unknown() -> None:
    gap = Subtype("hardware", {}, {"status": "error", "reason": "r"})
    known, lost = Subtype("gpu-0", {"a": 1}), Subtype("gpu-1", {}, {"status": "error"})
    snapshot = Snapshot({}, (Measurement("GPU", (known, lost, gap)),))
    one = spec("GPU.gpu-*.a == 1", "GPU.hardware.count == 2")
    reasons = ["GPU.hardware is error: r", "GPU.gpu-1 is error"]
    assert judge(snapshot, one) == ([], reasons)
    # One GPU that meets it is enough, whatever the others are.
    units = Measurement("SystemD", (Subtype("a.service", {"X": 1}),))
    snapshot = replace(snapshot, measurements=(*snapshot.measurements, units))
    assert judge(snapshot, spec("SystemD.*.X == 1", "GPU.gpu-*.a == 1")) == (["a.service|1|1"], [])
    assert judge(snapshot, spec("SystemD.*.X == 1", "GPU.gpu-*.a == 2")) == ([], reasons[1:])


def test_an_unless_is_no_doubt_where_it_is_not_known() -> None:
    known, lost = Subtype("gpu-0", {"a": 1}), Subtype("gpu-1", {}, {"status": "error"})
    hardware = Subtype("hardware", {"b": 1})
    snapshot = Snapshot({}, (Measurement("GPU", (known, lost, hardware)),))
    found: tuple[list[str], list[str]] = (["|1|1"], [])
    assert judge(snapshot, spec("GPU.hardware.b == 1", "unless GPU.gpu-*.a == 2")) == found
    assert judge(snapshot, spec("GPU.hardware.b == 1", "unless GPU.gpu-*.a == 1")) == ([], [])
    assert judge(snapshot, spec("GPU.hardware.b == 1", "not GPU.gpu-*.a == 2"))[1] != []


def test_a_when_of_a_unit_is_of_the_same_unit() -> None:
    units = (Subtype("a.service", {"X": 1, "Y": 1}), Subtype("b.service", {"X": 1, "Y": 2}))
    snapshot = Snapshot({}, (Measurement("SystemD", units),))
    assert judge(snapshot, spec("SystemD.*.X == 1", "SystemD.*.Y == 2")) == (["b.service|1|1"], [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("N/A", "GPU.gpu-0.a"),
        (True, "GPU.gpu-0.a"),
        ("", "GPU.gpu-0.a"),
        (f"{PREFIX}0123", "GPU.gpu-0.a: the reading is redacted"),
        pytest.param("9" * 100_000, "", id="long"),
    ],
)
def test_what_is_no_number_is_unknown(value: Scalar, reason: str) -> None:
    found, unknown = judge(node(gpu_0={"a": value}), spec("GPU.gpu-*.a > 1"))
    assert unknown[0].startswith(reason) if reason else found or unknown
    assert all(len(text) < 400 for text in (*found, *unknown))


def test_a_number_as_text_is_a_number() -> None:
    assert judge(node(gpu_0={"a": "4", "b": "16"}), spec("GPU.gpu-*.a < GPU.gpu-*.b"))[0] == [
        "gpu-0|4|16"
    ]


@pytest.mark.parametrize("text", ["", "0x", "x", "1.5", "9" * 33, "-1x"])
def test_what_is_no_mask_is_unknown(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_mask(text)
    assert judge(node(gpu_0={"a": text}), spec("GPU.gpu-*.a & bits", bits={1: "one"}))[0] == []


def test_a_mask_is_hexadecimal_or_decimal() -> None:
    assert (parse_mask("0x48"), parse_mask("12289"), parse_mask("9" * 32)) == (
        72,
        12289,
        int("9" * 32),
    )


def test_a_test_of_a_spec_may_refuse_a_value() -> None:
    edits: dict[str, Scalar | None] = {"K8s.node.kubelet-version": "latest"}
    findings = find_all(change(GOOD, edits))
    assert [s.id for s in findings.unknown[0].specs] == ["kubelet-skew", "kubelet-behind"]
    assert findings.unknown[0].reason.startswith(
        'K8s.node.kubelet-version: invalid version "latest"'
    )


@pytest.mark.parametrize(
    ("kubelet", "expected"),
    [
        ("v1.34.9", []),
        ("v1.33.0", ["kubelet-behind"]),
        ("v1.31.0", ["kubelet-behind"]),
        ("v1.30.0", ["kubelet-skew"]),
        ("v1.35.0", ["kubelet-skew"]),
        ("v2.34.0", ["kubelet-skew"]),
        ("v0.34.0", ["kubelet-skew"]),
    ],
)
def test_a_kubelet_may_be_three_minor_versions_older(kubelet: str, expected: list[str]) -> None:
    found = ids(find_all(change(GOOD, {"K8s.node.kubelet-version": kubelet})))
    assert [name for name in found if name.startswith("kubelet")] == expected


def test_a_muted_finding_is_named_and_not_reported() -> None:
    findings = find_all(BAD, {"gpu-missing": "ticket 4711", "gpu-hot": "", "nouveau": "never"})
    assert "gpu-missing" not in ids(findings)
    assert "gpu-hot" not in {s.id for u in findings.unknown for s in u.specs}
    assert findings.muted == (("gpu-missing", "ticket 4711"), ("gpu-hot", ""))


def test_many_proofs_are_cut_with_their_number() -> None:
    edits = {f"GPU.gpu-{n}-state.temperature.gpu-c": 99 for n in range(MAX_PROOFS)}
    assert len(find_all(change(GOOD, edits)).found[0].proof) == MAX_PROOFS
    data: dict[str, dict[str, Scalar]] = {f"gpu_{n}": {"a": 1} for n in range(MAX_PROOFS + 2)}
    (finding,) = find_findings(node(**data), [spec("GPU.gpu-*.a == 1")]).found
    assert finding.proof[-1] == Proof("…", "and 2 more")


HOSTILE = "\"'><script>x</script>\u202e\x1b[31m\n::error::`|{on}{0.__class__}"


def hostile_node() -> Snapshot:
    """Return a document that has a hostile text at every path that a finding reads."""
    edits: dict[str, Scalar | None] = {}
    for path in [p for one in BROKEN for p in one[2]]:
        edits[path] = HOSTILE
    for n in range(3):
        edits.update(failed(f"GPU.gpu-{n}", "error", HOSTILE))
    return change(GOOD, edits)


def test_nothing_of_a_hostile_document_is_markup_or_an_error() -> None:
    findings = find_all(hostile_node())
    assert findings.found
    texts = [f.text for f in findings.found] + [u.reason for u in findings.unknown]
    texts += [part for f in findings.found for proof in f.proof for part in proof]
    assert not {"\u202e", "\x1b", "\n"} & set("".join(texts))
    assert all(len(text) <= 400 for text in texts)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("x" * 10, "x" * 10),
        ("x" * 11, "x" * 9 + "…"),
        ("a\n\tb", "a b"),
        # Spaces fold: as many characters as are looked at, and one more, which may be a text.
        ("a" + " " * 39, "a"),
        ("a" + " " * 40, "a…"),
    ],
)
def test_a_text_is_one_line_of_at_most_the_limit(text: str, short: str) -> None:
    assert shorten(text, 10) == short


LONG = ["x" * 1_000_000, "9" * 1_000_000, "\x1b" * 1_000_000]


@pytest.mark.parametrize("value", [*LONG, -1, 2**64 - 1, 0.5], ids=map(str, range(6)))
def test_any_value_of_any_reading_is_judged_in_time(value: Scalar) -> None:
    edits: dict[str, Scalar | None] = {
        p: value for one in BROKEN for p in one[2] if ".context." not in p
    }
    snapshot = change(GOOD, edits)
    before = time.process_time()
    findings = find_all(snapshot)
    assert time.process_time() - before < 5
    assert all(len(f.text) <= 400 for f in findings.found)


def test_ten_thousand_gpus_are_judged_in_seconds() -> None:
    gpu, state = (
        next(s for m in GOOD.measurements for s in m.subtypes if s.name == n)
        for n in ("gpu-0", "gpu-0-state")
    )
    subtypes = []
    for n in range(10_000):
        subtypes += [replace(gpu, name=f"gpu-{n}"), replace(state, name=f"gpu-{n}-state")]
    subtypes[-1] = replace(
        state, name="gpu-9999-state", data={**state.data, "recovery-action": "GPU Reset"}
    )
    before = time.process_time()
    findings = find_all(Snapshot({}, (Measurement("GPU", tuple(subtypes)),)))
    assert time.process_time() - before < 10
    assert ids(findings, CRITICAL, WARNING) == ["recovery-action"]
    assert findings.found[0].on == "gpu-9999"


def test_names_without_a_number_are_judged_in_seconds() -> None:
    subtypes = tuple(Subtype(f"gpu-{'x' * (n % 7)}{n}y", {"a": 1}) for n in range(2000))
    before = time.process_time()
    find_all(Snapshot({}, (Measurement("GPU", subtypes), Measurement("SystemD", subtypes))))
    assert time.process_time() - before < 10


@pytest.mark.parametrize("one", ALL_FINDINGS, ids=lambda one: one.id)
def test_a_spec_reads_paths_that_can_exist(one: FindingSpec) -> None:
    for text in (*one.bad.split(" or "), *one.when):
        condition = parse_condition(text.removeprefix("not ").removeprefix("unless "))
        for path in (condition.path, condition.right):
            if condition.function in ("label", "taint", "gaps") or ".context." in path or not path:
                continue
            refuse_impossible(path, Snapshot(), REGISTRY)
    assert one.source.startswith("https://") or one.source.startswith("docs/")
    assert one.todo
    assert one.text[0] == one.text[0].lower() or one.text.startswith(("ECC", "MIG", "GPU"))
    assert not one.text.endswith(".")


BASELINE = parse_rules(
    locate_yaml((EXAMPLES / "rules" / "gpu-node.yaml").read_bytes(), "gpu-node.yaml"),
    "gpu-node.yaml",
    None,
)


@pytest.mark.parametrize(
    ("id_", "on", "edits"), BROKEN, ids=[f"{b[0]}-{n}" for n, b in enumerate(BROKEN)]
)
def test_findings_and_the_baseline_do_not_contradict(
    id_: str, on: str, edits: dict[str, Scalar | None]
) -> None:
    snapshot = change(GOOD, edits)
    results = check_rules(BASELINE, snapshot, REGISTRY)
    failing = {r.rule.name for r in results if r.outcome == FAILED and r.rule.severity == ERROR}
    # What a site may have chosen is no warning of ours; a part of a node is no verdict on it.
    failing -= {"peermem-loaded"}
    assert not failing or ids(find_all(snapshot), CRITICAL, WARNING), failing
