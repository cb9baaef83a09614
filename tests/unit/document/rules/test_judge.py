from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.rules.constraints import parse_constraint
from kubectl_snapshot.document.rules.judge import (
    FAILED,
    HELD,
    UNKNOWN,
    Verdict,
    bind_stars,
    judge,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest

LOST = {"status": "error", "reason": "GPU is lost"}
TOKEN = "redacted:hmac-sha256:9fcef8c939a52e7b"
SNAPSHOT = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement(
            "GPU",
            (
                Subtype("hardware", {"gpu-count": 3}),
                Subtype("gpu-0", {"pcie.max-width": 16, "vbios-version": "96.00"}),
                Subtype("gpu-0-state", {"pcie.current-width": 16}),
                Subtype("gpu-1", {"pcie.max-width": 16, "vbios-version": "96.0"}),
                Subtype("gpu-1-state", {"pcie.current-width": 4}),
                Subtype("gpu-2", {}, LOST),
            ),
        ),
        Measurement(
            "OS",
            (
                Subtype("kmod", {"nvidia": True}),
                Subtype("grub", {"iommu": "pt", "token": TOKEN, "mode": "yes  "}),
                Subtype("sysctl", {"/proc/sys/vm/a": "60"}, {"status": "partial", "reason": "no"}),
            ),
        ),
        Measurement("SystemD", (Subtype("kubelet.service", {"Restart": "always"}),)),
        Measurement("NodeTopology", (Subtype("label", {"a/b": "c|gpu-17,gpu-18"}),)),
    ),
)


def verdicts(text: str, snapshot: Snapshot = SNAPSHOT) -> list[Verdict]:
    return list(judge(parse_constraint(text), snapshot, REGISTRY))


def outcome(text: str, snapshot: Snapshot = SNAPSHOT) -> str:
    (verdict,) = verdicts(text, snapshot)
    return verdict.outcome


def test_a_status_is_judged_with_its_reason() -> None:
    assert verdicts("status(GPU.gpu-*) == ok") == [
        Verdict("status(GPU.gpu-0)", HELD, "ok"),
        Verdict("status(GPU.gpu-1)", HELD, "ok"),
        Verdict("status(GPU.gpu-2)", FAILED, "error", "GPU is lost"),
    ]
    assert outcome("status(GPU.gpu-0-state) == ok") == HELD
    assert outcome("status(SystemD.kubelet.service) != absent") == HELD
    nothing = "nothing in the snapshot matches it"
    assert verdicts("status(GPU.gpu-9) == ok") == [
        Verdict("status(GPU.gpu-9)", UNKNOWN, None, nothing)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count(GPU.gpu-*) == 3", HELD),
        ("count(GPU.gpu-*-state) == 2", HELD),
        ("count(GPU.gpu-*) >= 4", FAILED),
        ("count(SystemD.*.service) == 1", HELD),
        ("count(SystemD.*.Restart) == 1", HELD),
        # gpu-2 could not be read: there may be three.
        ("count(GPU.gpu-*.vbios-version) == 3", UNKNOWN),
        ("count(GPU.gpu-*.vbios-version) == 2", UNKNOWN),
        ("count(GPU.gpu-*.vbios-version) == 1", FAILED),
        ("count(GPU.gpu-*.vbios-version) != 1", HELD),
        ("count(GPU.gpu-*.vbios-version) != 2", UNKNOWN),
        ("count(GPU.gpu-*.vbios-version) >= 2", HELD),
        ("count(GPU.gpu-*.vbios-version) > 1", HELD),
        ("count(GPU.gpu-*.vbios-version) >= 3", UNKNOWN),
        ("count(GPU.gpu-*.vbios-version) < 2", FAILED),
        ("count(GPU.gpu-*.vbios-version) < 3", UNKNOWN),
        ("count(GPU.gpu-*.vbios-version) == many", UNKNOWN),
        # Everything was read, and there is none.
        ("count(OS.kmod.nouveau) == 0", HELD),
        ("count(OS.grub.no*) == 0", HELD),
        ("count(OS.sysctl./proc/sys/vm/b) == 0", UNKNOWN),
        # It was not captured.
        ("count(K8s.helm.*) == 0", UNKNOWN),
        ("count(OS.release.X) == 0", UNKNOWN),
    ],
)
def test_a_count_is_certain_only_if_all_was_read(text: str, expected: str) -> None:
    assert outcome(text) == expected


def test_no_gpu_is_counted_where_there_is_none_and_not_where_none_was_read() -> None:
    none = Snapshot({}, (Measurement("GPU", (Subtype("hardware", {"gpu-count": 0}),)),))
    hung = {"status": "timeout", "reason": "its deadline passed"}
    unread = Snapshot({}, (Measurement("GPU", (Subtype("hardware", {}, hung),)),))
    for text in ("count(GPU.gpu-*) == 0", "count(GPU.gpu-*.uuid) == 0"):
        assert outcome(text, none) == HELD
        (verdict,) = verdicts(text, unread)
        reason = "GPU.hardware is timeout: its deadline passed"
        assert (verdict.outcome, verdict.reason) == (UNKNOWN, reason)


def test_the_right_side_is_the_reading_of_the_same_gpu() -> None:
    assert verdicts("GPU.gpu-*-state.pcie.current-width == GPU.gpu-*.pcie.max-width") == [
        Verdict(
            "GPU.gpu-0-state.pcie.current-width", HELD, "16", "", "16 (GPU.gpu-0.pcie.max-width)"
        ),
        Verdict(
            "GPU.gpu-1-state.pcie.current-width", FAILED, "4", "", "16 (GPU.gpu-1.pcie.max-width)"
        ),
        Verdict(
            "GPU.gpu-2-state.pcie.current-width", UNKNOWN, None, "GPU.gpu-2 is error: GPU is lost"
        ),
    ]


def test_the_right_side_may_be_one_reading_for_all() -> None:
    found = verdicts("GPU.gpu-*.vbios-version == GPU.gpu-0.vbios-version")
    # As versions, 96.00 is 96.0.
    assert [v.outcome for v in found] == [HELD, HELD, UNKNOWN]
    found = verdicts("GPU.gpu-*.pcie.max-width < GPU.hardware.gpu-count")
    assert [v.outcome for v in found] == [FAILED, FAILED, UNKNOWN]
    assert outcome("OS.grub.iommu != OS.grub.mode") == HELD


def test_an_unknown_right_side_is_unknown() -> None:
    (verdict,) = verdicts("OS.grub.iommu == GPU.gpu-2.uuid")
    assert (verdict.outcome, verdict.reason) == (
        UNKNOWN,
        "GPU.gpu-2.uuid: GPU.gpu-2 is error: GPU is lost",
    )
    (verdict,) = verdicts("OS.grub.iommu == OS.grub.token")
    assert (verdict.outcome, verdict.reason) == (UNKNOWN, "OS.grub.token is redacted")
    with pytest.raises(InvalidRequest, match=r"no snapshot has GPU\.gpu-2\.uid"):
        outcome("OS.grub.iommu == GPU.gpu-2.uid")


@pytest.mark.parametrize(
    ("pattern", "path", "other", "bound"),
    [
        ("GPU.gpu-*-state.x", "GPU.gpu-12-state.x", "GPU.gpu-*.y", "GPU.gpu-12.y"),
        ("A.*.b.*", "A.1.b.2", "B.*.c.*", "B.1.c.2"),
        ("A.*.b.*", "A.1.b.2", "B.*.c", "B.1.c"),
        ("A.*.x", "A.a.service.x", "B.*", "B.a.service"),
        ("A.x", "A.x", "B.y", "B.y"),
        ("A.(*", "A.(1", "B.*)", "B.1)"),
        ("A.*", "C.x", "B.*", "B.*"),
    ],
)
def test_stars_on_the_right_repeat_those_on_the_left(
    pattern: str, path: str, other: str, bound: str
) -> None:
    assert bind_stars(pattern, path, other) == bound


@pytest.mark.parametrize(
    ("text", "expected", "actual"),
    [
        ("OS.kmod.nouveau == true", FAILED, "false"),
        ("OS.kmod.nouveau != true", HELD, "false"),
        ("OS.kmod.nouveau false", HELD, "false"),
        ("OS.kmod.nouveau >= 1", UNKNOWN, "false"),
        ("OS.grub.nokaslr == 1", FAILED, "not set"),
        ("OS.grub.nokaslr != 1", HELD, "not set"),
        ("OS.grub.nokaslr >= 1", FAILED, "not set"),
        ("OS.grub.nokaslr 1", FAILED, "not set"),
        ("label(a/b) == c", HELD, "c"),
        ("label(a/b) == d", FAILED, "c"),
        ("label(a/c) == c", FAILED, "not set"),
        ("label(a/c) != c", HELD, "not set"),
        ("taint(a/c) != NoSchedule", UNKNOWN, None),
    ],
)
def test_what_is_known_not_to_be_there_is_judged(
    text: str, expected: str, actual: str | None
) -> None:
    (verdict,) = verdicts(text)
    assert (verdict.outcome, verdict.actual) == (expected, actual)


def test_without_declarations_a_missing_reading_is_unknown() -> None:
    for text in ("OS.kmod.nouveau == true", "OS.nope.x == 1", "GPU.gpu-*.uid == 1"):
        found = list(judge(parse_constraint(text), SNAPSHOT))
        assert {verdict.outcome for verdict in found} == {UNKNOWN}
