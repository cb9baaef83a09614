from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubectl_snapshot.document.snapshot import Scalar, Subtype
from kubectl_snapshot.render.report.facts import build_index
from kubectl_snapshot.render.report.links import Kind, build_links, describe_kind
from kubectl_snapshot.render.report.node import render_report
from tests.unit.render.pages import BAD, GOOD


def gpus(count: int, links: Mapping[str, Scalar]) -> dict[str, Subtype]:
    index = {f"GPU.gpu-{n}": Subtype(f"gpu-{n}", {"uuid": f"U{n}"}) for n in range(count)}
    return {**index, "GPU.topology": Subtype("topology", links)}


def test_eight_gpus_are_around_one_box_of_switches_by_numa_node() -> None:
    links = build_links(build_index(GOOD))
    assert links is not None
    assert links.kinds == (Kind("NV18", "18 NVLinks", 28, "nvlink"),)
    assert len(links.lines) == 8
    assert links.switch is not None
    rows = {box.y: {b.place for b in links.boxes if b.y == box.y} for box in links.boxes}
    assert list(rows.values()) == [{"NUMA 0"}, {"NUMA 1"}]
    assert all(line.y2 == links.switch.y and line.x1 == line.x2 for line in links.lines)
    for y in rows:
        xs = [box.x for box in links.boxes if box.y == y]
        assert min(xs) + max(xs) == links.width
    assert links.places[0] == ("0-55,112-167", "0")
    assert len({(box.x, box.y) for box in links.boxes}) == 8
    assert all(
        36 <= b.x <= links.width - 36 and 23 <= b.y <= links.height - 23 for b in links.boxes
    )
    assert links.sentence == "8 GPUs, 28 pairs: 28 by NV18, 18 NVLinks."


def test_a_gpu_that_does_not_answer_stays_in_its_row_with_an_unknown_link() -> None:
    links = build_links(build_index(BAD))
    assert links is not None
    assert links.switch is not None
    styles = {box.name: line.style for box, line in zip(links.boxes, links.lines)}
    assert styles.pop("gpu-5") == "unknown"
    assert set(styles.values()) == {"nvlink"}
    assert [box.status for box in links.boxes if box.name == "gpu-5"] == ["error"]


def test_a_shorter_row_stands_in_the_middle() -> None:
    index = gpus(3, {"U0/U1": "NV18", "U0/U2": "NV18", "U1/U2": "NV18"})
    numa = ("0", "0", "1")
    for n, place in enumerate(numa):
        data = {"uuid": f"U{n}", "pci.numa-node": place, "nvlink.0.remote-type": "Switch"}
        index[f"GPU.gpu-{n}"] = Subtype(f"gpu-{n}", data)
    links = build_links(index)
    assert links is not None
    assert links.switch is not None
    assert links.boxes[2].x == links.switch.x == links.width // 2


def test_gpus_of_which_no_link_is_known_have_no_switch_between_them() -> None:
    index = gpus(2, {"U0/U1": ""})
    index["GPU.gpu-0"] = Subtype("gpu-0", {"uuid": "U0", "nvlink.0.remote-type": "Switch"})
    links = build_links(index)
    assert links is not None
    assert links.switch is None


@pytest.mark.parametrize("count", [2, 3, 4, 16])
def test_no_two_gpus_of_a_picture_cover_each_other(count: int) -> None:
    pairs = {f"U{a}/U{b}": "SYS" for a in range(count) for b in range(a + 1, count)}
    links = build_links(gpus(count, pairs))
    assert links is not None
    boxes = links.boxes
    assert len(boxes) == count
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert abs(one.x - other.x) >= 72 or abs(one.y - other.y) >= 46


def test_kinds_are_reported_from_the_nearest_to_the_unknown() -> None:
    links = build_links(gpus(4, {"U0/U1": "NV4", "U2/U3": "NV12", "U0/U2": "SYS", "U1/U2": "PIX"}))
    assert links is not None
    assert [(kind.word, kind.pairs) for kind in links.kinds] == [
        ("NV12", 1),
        ("NV4", 1),
        ("PIX", 1),
        ("SYS", 1),
        ("unknown", 2),
    ]
    assert links.table[0] == ("gpu-0", ("—", "NV4", "SYS", ""))


def test_a_gpu_that_only_the_topology_has_is_in_the_table() -> None:
    links = build_links(gpus(1, {"U0/index 5": "PXB"}))
    assert links is not None
    assert links.table == (("gpu-0", ("—", "PXB")), ("index 5", ("PXB", "—")))


def test_one_gpu_has_no_links_and_seventeen_no_picture() -> None:
    assert build_links(gpus(1, {})) is None
    links = build_links(gpus(17, {"U0/U1": "NODE"}))
    assert links is not None
    assert (links.boxes, len(links.table)) == ((), 17)


def test_more_gpus_than_a_node_has_are_not_squared() -> None:
    links = build_links(gpus(64, {"U0/U1": "NODE"}))
    assert links is not None
    assert len(links.table) == 64
    assert build_links(gpus(65, {"U0/U1": "NODE"})) is None


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("NV1", "1 NVLink"),
        ("NODE", "between host bridges of one NUMA node"),
        ("X9", "reported by the driver"),
    ],
)
def test_each_word_is_explained(word: str, meaning: str) -> None:
    assert describe_kind(word) == meaning


def test_the_matrix_has_the_network_cards_by_the_address_of_each_gpu() -> None:
    links = build_links(build_index(GOOD))
    assert links is not None
    assert links.cards == ("enp170s0f0", *(f"mlx5_{n}" for n in range(8)))
    assert links.distances[0] == ("SYS", "PIX", "NODE", "NODE", "NODE", *["SYS"] * 4)
    assert links.distances[7] == ("NODE", *["SYS"] * 4, "NODE", "NODE", "NODE", "PIX")
    page = render_report(GOOD)
    assert '<th scope="col">mlx5_7</th><th scope="col">CPU affinity</th>' in page


def test_cards_are_sorted_by_number_and_a_distance_may_be_unknown() -> None:
    gpus = [Subtype(f"gpu-{n}", {"uuid": str(n), "pci.bus-id": f"0000:0{n}:00.0"}) for n in (1, 2)]
    proximity = {"0000:01:00.0/mlx5_10": "PIX", "0000:02:00.0/mlx5_9": "SYS"}
    index = {f"GPU.{gpu.name}": gpu for gpu in gpus}
    index["GPU.topology"] = Subtype("topology", {"1/2": "NV18"})
    index["Network.proximity"] = Subtype("proximity", proximity)
    links = build_links(index)
    assert links is not None
    assert links.cards == ("mlx5_9", "mlx5_10")
    assert links.distances == (("", "PIX"), ("SYS", ""))
