"""GPUs that are lost, hang or are gone: one change, and nothing else that follows from it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, UNKNOWN, Change, Diff
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype

READ = {"elapsed-ms": "1"}
LOST = {"status": "error", "reason": "GPU is lost", **READ}


def gpu(number: int) -> list[Subtype]:
    uuid, address = f"GPU-{number}", f"0000:{number}b:00.0"
    return [
        Subtype(f"gpu-{number}", {"uuid": uuid, "pci.bus-id": address, "name": "H100"}, READ),
        Subtype(f"gpu-{number}-state", {"recovery-action": "None", "index": number}, READ),
    ]


def lost(number: int, context: dict[str, str] = LOST, **data: Scalar) -> list[Subtype]:
    address = {"pci.bus-id": f"0000:{number}b:00.0"}
    return [Subtype(f"gpu-{number}", {**address, **data}, context)]


def node(
    gpus: Sequence[list[Subtype]], count: int | None = None, *, counts: bool = True, name: str = "n"
) -> Snapshot:
    total = len(gpus) if count is None else count
    ids = [str(one[0].data["uuid"]) for one in gpus if "uuid" in one[0].data]
    links: dict[str, Scalar] = {f"{a}/{b}": "NV18" for i, a in enumerate(ids) for b in ids[i + 1 :]}
    unread = {"status": "unavailable", "reason": "the NVIDIA driver is not loaded", **READ}
    smi = Subtype("smi", {"gpu-count": total} if counts else {}, READ if counts else unread)
    subtypes = [
        smi,
        Subtype("device", {"count": total} if counts else {}, smi.context),
        Subtype("hardware", {"gpu-count": total}, READ),
        *(subtype for one in gpus for subtype in one),
        Subtype("topology", links, READ),
    ]
    return Snapshot({"source-node": name}, (Measurement("GPU", tuple(subtypes)),))


def diff(before: Snapshot, after: Snapshot, *only: str) -> Diff:
    return diff_snapshots(before, after, REGISTRY, selection=Selection(only))


def reported(found: Diff) -> list[tuple[str, str]]:
    return [(change.path, change.kind) for change in found.changes]


GOOD = node([gpu(0), gpu(1), gpu(2)])
UNREAD = [("GPU.gpu-1", UNKNOWN), ("GPU.gpu-1-state", UNKNOWN)]


def test_a_lost_gpu_is_one_change_and_its_values_are_unknown() -> None:
    found = diff(GOOD, node([gpu(0), lost(1), gpu(2)]))
    assert found.changes == (
        Change("GPU.gpu-1", "context.status", CHANGED, "ok", "error", "GPU is lost"),
        Change(
            "GPU.gpu-1",
            "",
            UNKNOWN,
            note="B: error: GPU is lost",
            values={"uuid": "GPU-1", "name": "H100"},
        ),
        Change(
            "GPU.gpu-1-state",
            "",
            UNKNOWN,
            note="B: error: GPU is lost",
            values={"recovery-action": "None", "index": 1},
        ),
    )
    back = diff(node([gpu(0), lost(1), gpu(2)]), GOOD)
    assert reported(back) == [("GPU.gpu-1.context.status", CHANGED), *UNREAD]
    assert back.changes[0] == Change(
        "GPU.gpu-1", "context.status", CHANGED, "error", "ok", "GPU is lost"
    )
    assert back.changes[1].note == "A: error: GPU is lost"


@pytest.mark.parametrize("status", ["error", "timeout", "unavailable"])
def test_every_way_not_to_be_readable_counts(status: str) -> None:
    found = diff(GOOD, node([gpu(0), lost(1, {"status": status, **READ}), gpu(2)]))
    assert reported(found)[0] == ("GPU.gpu-1.context.status", CHANGED)


def test_a_gpu_that_the_driver_no_longer_lists_is_one_change_with_its_counts() -> None:
    found = diff(GOOD, node([gpu(0), lost(1), gpu(2)], count=2))
    assert reported(found) == [("GPU.gpu-1.context.status", CHANGED), *UNREAD]
    # A count that nothing explains is not hidden.
    found = diff(GOOD, node([gpu(0), lost(1), gpu(2)], count=1))
    assert ("GPU.smi.gpu-count", CHANGED) in reported(found)
    found = diff(GOOD, node([gpu(0), lost(1), gpu(2)], count=4))
    assert ("GPU.smi.gpu-count", CHANGED) in reported(found)


def test_a_count_that_is_no_number_is_compared_as_it_is() -> None:
    (measurement,) = GOOD.measurements
    words = Subtype("smi", {"gpu-count": "many"}, READ)
    subtypes = (words, *measurement.subtypes[1:])
    after = Snapshot(GOOD.metadata, (Measurement("GPU", subtypes),))
    for pair in ((GOOD, after), (after, GOOD)):
        assert ("GPU.smi.gpu-count", CHANGED) in reported(diff(*pair))


def test_where_the_driver_did_not_answer_nothing_is_known_of_its_gpus() -> None:
    unavailable = {"status": "unavailable", "reason": "the NVIDIA driver is not loaded", **READ}
    after = node([lost(n, unavailable) for n in range(3)], counts=False)
    found = diff(GOOD, after)
    assert {kind for path, kind in reported(found) if ".gpu-" in path} == {UNKNOWN}
    assert {kind for path, kind in reported(diff(after, GOOD)) if ".gpu-" in path} == {UNKNOWN}


def test_a_gpu_that_is_lost_in_both_does_not_differ() -> None:
    before = node([gpu(0), lost(1), gpu(2)])
    found = diff(before, before)
    assert found.is_empty
    assert reported(found) == UNREAD[:1]
    assert found.changes[0].note == "A and B: error: GPU is lost"
    nameless = [Subtype("gpu-1", {}, LOST)]
    assert reported(diff(node([gpu(0), nameless]), node([gpu(0), nameless]))) == UNREAD[:1]
    hangs = {**LOST, "status": "timeout", "reason": "it hangs"}
    found = diff(before, node([gpu(0), lost(1, hangs), gpu(2)]))
    assert found.changes[0] == Change(
        "GPU.gpu-1", "context.status", CHANGED, "error", "timeout", "it hangs"
    )


def test_what_was_read_of_a_lost_gpu_is_compared() -> None:
    before = node([gpu(0), lost(1, **{"pci.driver": "nvidia"})])
    after = node([gpu(0), lost(1, **{"pci.driver": "vfio-pci"})])
    assert ("GPU.gpu-1.pci.driver", CHANGED) in reported(diff(before, after))


def test_a_gpu_that_is_partly_read_is_no_status_change() -> None:
    partial = {"status": "partial", "reason": "ecc: no", **READ}
    after = [Subtype(s.name, s.data, partial) for s in gpu(1)]
    assert diff(GOOD, node([gpu(0), after, gpu(2)])).changes == ()
    broken = diff(node([gpu(0), after, gpu(2)]), node([gpu(0), lost(1), gpu(2)]))
    assert (broken.changes[0].before, broken.changes[0].after) == ("partial", "error")


def test_a_state_that_was_not_read_is_unknown_and_not_removed() -> None:
    found = diff(GOOD, node([gpu(0), gpu(1)[:1], gpu(2)]))
    assert reported(found) == [("GPU.gpu-1-state", UNKNOWN)]
    assert found.changes[0].note == "B: not collected"
    (change,) = diff(node([gpu(0), gpu(1)[:1], gpu(2)]), GOOD).changes
    assert (change.kind, change.note) == (UNKNOWN, "A: not collected")


def test_a_gpu_that_is_gone_takes_state_links_and_counts_along() -> None:
    after = node([gpu(0), gpu(2)])
    assert reported(diff(GOOD, after)) == [("GPU.gpu-1", REMOVED)]
    assert reported(diff(after, GOOD)) == [("GPU.gpu-1", ADDED)]
    # Only where the GPU itself is in the selection.
    assert reported(diff(GOOD, after, "GPU.topology")) == [
        ("GPU.topology.GPU-0/GPU-1", REMOVED),
        ("GPU.topology.GPU-1/GPU-2", REMOVED),
    ]
    assert reported(diff(GOOD, after, "GPU.smi")) == [("GPU.smi.gpu-count", CHANGED)]
    assert reported(diff(GOOD, after, "GPU.gpu-1-state")) == [("GPU.gpu-1-state", REMOVED)]


def with_links(
    snapshot: Snapshot, links: dict[str, Scalar], context: dict[str, str] = READ
) -> Snapshot:
    (measurement,) = snapshot.measurements
    subtypes = [*measurement.subtypes[:-1], Subtype("topology", links, context)]
    return Snapshot(snapshot.metadata, (Measurement("GPU", tuple(subtypes)),))


def test_a_link_of_good_gpus_is_compared_beside_a_lost_one() -> None:
    before = with_links(GOOD, {"GPU-0/GPU-2": "NV18", "GPU-0/GPU-1": "NV18", "GPU-0/index 4": "X"})
    after = with_links(
        node([gpu(0), lost(1), gpu(2)]), {"GPU-2/GPU-0": "SYS", "GPU-0/index 3": "X"}
    )
    found = [path for path in reported(diff(before, after)) if "topology" in path[0]]
    assert found == [("GPU.topology.GPU-0/GPU-2", CHANGED)]
    found = reported(diff(before, with_links(GOOD, {"GPU-0/GPU-2": "NV18", "GPU-0/GPU-1": "NV18"})))
    assert found == [("GPU.topology.GPU-0/index 4", REMOVED)]


def test_links_that_are_unknown_for_a_lost_gpu_are_no_second_entry() -> None:
    gap = {"status": "partial", "reason": "2 of 3 pairs", **READ}
    after = with_links(node([gpu(0), lost(1), gpu(2)]), {"GPU-0/GPU-2": "NV18"}, gap)
    assert [p for p, _ in reported(diff(GOOD, after)) if "topology" in p] == []
    none = with_links(node([gpu(0), lost(1), gpu(2)]), {}, gap)
    assert [p for p, _ in reported(diff(GOOD, none)) if "topology" in p] == ["GPU.topology"]
