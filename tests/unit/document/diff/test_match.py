from __future__ import annotations

from kubectl_snapshot.collectors.gpu.collector import DEVICES
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.match import count_devices, lists_all_devices, pair_subtypes
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype


def gpu(number: int, uuid: str, address: str) -> Subtype:
    return Subtype(f"gpu-{number}", {"uuid": uuid, "pci.bus-id": address})


def gpus(*subtypes: Subtype) -> Snapshot:
    return Snapshot({}, (Measurement("GPU", subtypes),))


def names(before: Snapshot, after: Snapshot, is_one_node: bool) -> list[tuple[str, str]]:
    return [
        (pair.before.name if pair.before else "", pair.after.name if pair.after else "")
        for pair in pair_subtypes(before, after, is_one_node, REGISTRY)
    ]


def test_subtypes_go_by_their_names_in_the_order_of_the_types() -> None:
    before = Snapshot({}, (Measurement("OS", (Subtype("kmod"), Subtype("release"))),))
    after = Snapshot(
        {},
        (
            Measurement("OS", (Subtype("sysctl"), Subtype("kmod"))),
            Measurement("K8s", (Subtype("server"),)),
        ),
    )
    found = [
        (pair.name, pair.before is None, pair.after is None)
        for pair in pair_subtypes(before, after, True, REGISTRY)
    ]
    assert found == [
        ("K8s.server", True, False),
        ("OS.kmod", False, False),
        ("OS.release", False, True),
        ("OS.sysctl", True, False),
    ]


def test_a_gpu_is_its_uuid_whatever_its_number() -> None:
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "B", "0:2"))
    assert names(before, gpus(gpu(0, "B", "0:2")), True) == [("gpu-0", ""), ("gpu-1", "gpu-0")]


def test_a_uuid_counts_more_than_a_place() -> None:
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "B", "0:2"))
    after = gpus(gpu(0, "B", "0:1"), gpu(1, "A", "0:2"))
    assert names(before, after, True) == [("gpu-0", "gpu-1"), ("gpu-1", "gpu-0")]


def test_an_identity_may_be_in_the_context_only() -> None:
    lost = Subtype("gpu-0", {}, {"uuid": "B", "pci-bus-id": "0:9"})
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "B", "0:2"))
    assert names(before, gpus(lost), True) == [("gpu-0", ""), ("gpu-1", "gpu-0")]
    lost = Subtype("gpu-0", {}, {"pci-bus-id": "0:2"})
    assert names(before, gpus(lost), True) == [("gpu-0", ""), ("gpu-1", "gpu-0")]


def on_board(number: int, address: str, module: int) -> Subtype:
    return Subtype(f"gpu-{number}", {"pci.bus-id": address, "module-id": module})


def test_one_address_in_common_leaves_the_others_to_their_module_ids() -> None:
    before = gpus(*(on_board(n, f"0:{n}", n + 1) for n in range(4)))
    after = gpus(*(on_board(n, "0:0" if n == 0 else f"1:{n}", 4 - n) for n in range(4)))
    # gpu-0 has the address; module 4 of the first is left over, and module 1 of the second.
    expected = [("gpu-0", "gpu-0"), ("gpu-1", "gpu-2"), ("gpu-2", "gpu-1"), ("gpu-3", "gpu-3")]
    assert names(before, after, False) == expected


def test_gpus_without_identity_go_by_their_order_if_there_are_equally_many() -> None:
    lost = [Subtype(f"gpu-{n}", {}, {"status": "error"}) for n in range(2)]
    assert names(gpus(*lost), gpus(*lost), True) == [("gpu-0", "gpu-0"), ("gpu-1", "gpu-1")]
    more = names(gpus(*lost), gpus(*lost[:1]), True)
    assert more == [("gpu-0", ""), ("gpu-1", ""), ("", "gpu-0")]


def test_a_gpu_that_was_replaced_is_known_by_its_place() -> None:
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "B", "0:2"))
    after = gpus(gpu(0, "A", "0:1"), gpu(1, "C", "0:2"))
    assert names(before, after, True) == [("gpu-0", "gpu-0"), ("gpu-1", "gpu-1")]


def test_gpus_of_two_nodes_go_by_their_places() -> None:
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "B", "0:2"), gpu(2, "C", "0:3"))
    after = gpus(gpu(0, "D", "0:1"), gpu(1, "E", "0:3"))
    expected = [("gpu-0", "gpu-0"), ("gpu-1", ""), ("gpu-2", "gpu-1")]
    assert names(before, after, False) == expected


def test_gpus_of_two_nodes_without_a_place_in_common_go_by_their_order() -> None:
    before = gpus(gpu(0, "A", "1:1"), gpu(1, "B", "1:2"))
    after = gpus(gpu(0, "C", "2:1"))
    assert names(before, after, False) == [("gpu-0", "gpu-0"), ("gpu-1", "")]
    assert names(before, after, True) == [("gpu-0", ""), ("gpu-1", ""), ("", "gpu-0")]


def test_the_state_of_a_gpu_goes_with_it() -> None:
    before = gpus(gpu(1, "B", "0:2"), Subtype("gpu-1-state"))
    after = gpus(gpu(0, "B", "0:2"), Subtype("gpu-0-state"))
    expected = [("gpu-1", "gpu-0"), ("gpu-1-state", "gpu-0-state")]
    assert names(before, after, True) == expected


def test_two_gpus_that_claim_one_uuid_are_still_two() -> None:
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "A", "0:2"))
    after = gpus(gpu(0, "A", "0:2"), gpu(1, "A", "0:1"))
    assert names(before, after, True) == [("gpu-0", "gpu-1"), ("gpu-1", "gpu-0")]


def test_links_are_named_as_in_the_first_document() -> None:
    before = gpus(gpu(0, "A", "0:1"), gpu(1, "B", "0:2"), Subtype("topology", {"A/B": "NV18"}))
    after = gpus(gpu(0, "C", "0:1"), gpu(1, "D", "0:2"), Subtype("topology", {"C/D": "SYS"}))
    *_, topology = pair_subtypes(before, after, False, REGISTRY)
    assert topology.after is not None
    assert topology.after.data == {"A/B": "SYS"}


def test_links_have_no_direction() -> None:
    two = (gpu(0, "A", "0:1"), gpu(1, "B", "0:2"))
    before = gpus(*two, Subtype("topology", {"A/B": "NV18"}))
    after = gpus(*two, Subtype("topology", {"B/A": "NV18", "B/C": "SYS"}))
    *_, topology = pair_subtypes(before, after, True, REGISTRY)
    assert topology.after is not None
    assert topology.after.data == {"A/B": "NV18", "B/C": "SYS"}


def counted(count: Scalar, *more: Subtype, status: str = "") -> Snapshot:
    context = {"status": status} if status else {}
    return gpus(Subtype("smi", {"gpu-count": count}, context), *more)


def count(snapshot: Snapshot) -> int | None:
    return count_devices(snapshot, "GPU", DEVICES)


def lists_all(snapshot: Snapshot) -> bool:
    return lists_all_devices(snapshot, "GPU", DEVICES)


def test_a_count_of_none_needs_that_somebody_looked() -> None:
    assert count(counted(0, status="absent")) == 0
    assert count(counted(0)) is None
    assert count(counted("8")) is None
    assert count(Snapshot()) is None


def test_a_document_tells_all_gpus_if_it_has_as_many_as_were_counted() -> None:
    assert lists_all(counted(0, status="absent"))
    assert lists_all(counted(1, gpu(0, "A", "0:1"), Subtype("gpu-0-state")))
    assert not lists_all_devices(
        counted(2, gpu(0, "A", "0:1"), Subtype("gpu-0-state")), "GPU", DEVICES
    )
    assert not lists_all(counted(8))
    assert not lists_all(gpus(gpu(0, "A", "0:1")))
