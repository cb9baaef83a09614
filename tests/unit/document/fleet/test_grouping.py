from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubectl_snapshot.document.fleet.grouping import FleetFacts, Grouping, find_labels, group_nodes
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.fleet.nodes import describe, make_fleet, vary

MODEL, IMAGE = "GPU.smi.gpu.model", "K8s.node.os-image"


def group(
    snapshots: Mapping[str, Snapshot],
    labels: Mapping[str, str] | None = None,
    group_by: tuple[str, ...] = (),
) -> Grouping:
    builder, of = describe(snapshots)
    found = None if labels is None else Subtype("label", labels)
    return group_nodes(FleetFacts(of.forms, builder.references, found), group_by)


def with_models(**counts: int) -> dict[str, Snapshot]:
    """Return nodes of each GPU model; "none" has none."""
    found = {}
    for model, count in counts.items():
        for number in range(count):
            name = f"{model}-{number}"
            found[name] = vary(name, {MODEL: None if model == "none" else model})
    return found


def sizes(grouping: Grouping) -> list[tuple[tuple[str, ...], int]]:
    return [(one.values, len(one.nodes)) for one in grouping.groups]


def test_a_fleet_of_one_kind_is_one_group() -> None:
    grouping = group(with_models(H100=5))
    assert (grouping.titles, sizes(grouping)) == ((), [((), 5)])
    assert grouping.is_default


def test_gpu_models_split_a_fleet_the_largest_first() -> None:
    grouping = group(with_models(A100=3, H100=5))
    assert grouping.titles == ("GPU product",)
    assert sizes(grouping) == [(("H100",), 5), (("A100",), 3)]
    assert grouping.strays == ()


def test_a_value_of_few_nodes_makes_no_group() -> None:
    assert group(with_models(A100=2, H100=5)).titles == ()
    assert group(with_models(A100=3, H100=197)).titles == ()
    assert group(with_models(A100=4, H100=196)).titles == ("GPU product",)


def test_many_rare_values_split_nothing() -> None:
    rare = {f"m{n}": 1 for n in range(2)}
    assert group(with_models(A100=3, H100=5, **rare)).titles == ()
    assert group(with_models(A100=9, H100=9, **rare)).titles == ("GPU product",)


def test_nodes_with_a_rare_value_or_none_join_the_closest_group() -> None:
    nodes = with_models(H100=20, A100=10)
    nodes["x"] = vary("x", {MODEL: "B200", IMAGE: "Flatcar"})
    nodes["y"] = vary("y", {MODEL: None})
    nodes.update((f"f{n}", vary(f"f{n}", {MODEL: "A100", IMAGE: "Flatcar"})) for n in range(5))
    grouping = group(nodes)
    assert grouping.titles == ("GPU product", "OS image")
    assert sizes(grouping) == [
        (("H100", "Ubuntu 24.04"), 21),
        (("A100", "Ubuntu 24.04"), 10),
        (("A100", "Flatcar"), 6),
    ]
    assert grouping.strays == ("x", "y")
    assert "y" in grouping.groups[0].nodes
    assert "x" in grouping.groups[2].nodes


def test_labels_split_a_fleet_and_those_of_other_nodes_do_not() -> None:
    nodes = make_fleet(6)
    labels = {"node.kubernetes.io/instance-type": "big|n0,n1,n2", "x": "y|n0"}
    assert group(nodes, labels).titles == ()
    labels = {
        "node.kubernetes.io/instance-type.big": "big|n0,n1,n2,elsewhere",
        "node.kubernetes.io/instance-type.small": "small|n3,n4,n5",
        "cloud.google.com/gke-nodepool.p": "p|n0,n1,n2,n3,n4,n5",
    }
    grouping = group(nodes, labels)
    assert grouping.titles == ("instance type",)
    assert [one.nodes for one in grouping.groups] == [("n0", "n1", "n2"), ("n3", "n4", "n5")]


def test_a_label_of_the_gpu_wins_where_more_nodes_have_it() -> None:
    nodes = with_models(H100=3, none=3)
    labels = {
        "nvidia.com/gpu.product.a": "a|H100-0,H100-1,H100-2",
        "nvidia.com/gpu.product.b": "b|none-0,none-1,none-2",
    }
    assert sizes(group(nodes, labels)) == [(("a",), 3), (("b",), 3)]


def test_asked_for_groups_may_be_small_and_have_no_value() -> None:
    nodes = with_models(H100=3, A100=1, none=1)
    grouping = group(nodes, group_by=(MODEL, "GPU.smi.driver"))
    assert grouping.titles == (MODEL, "GPU.smi.driver")
    assert sizes(grouping) == [(("H100", "580"), 3), (("", "580"), 1), (("A100", "580"), 1)]
    assert not grouping.is_default


def test_a_unit_with_dots_in_its_name_is_a_path() -> None:
    nodes = make_fleet(2, vary("a", {"SystemD.kubelet.service.ActiveState": "failed"}))
    grouping = group(nodes, group_by=("SystemD.kubelet.service.ActiveState",))
    assert sizes(grouping) == [(("active",), 2), (("failed",), 1)]


@pytest.mark.parametrize(
    ("name", "labels", "what", "hint"),
    [
        (
            "GPU.smi.nothing",
            {},
            "no node has a comparable reading GPU.smi.nothing",
            "list the paths",
        ),
        ("GPU.none.nothing", {}, "no node has a comparable reading", "list the paths"),
        (
            "pol",
            {"pool": "a|n0"},
            "no node has the label pol",
            "did you mean pool? nodes have pool",
        ),
        ("pool", {}, "no node has the label pool", ""),
        ("pool", None, "no node has the label pool", "group by a reading"),
    ],
)
def test_what_no_node_has_is_an_error(
    name: str, labels: Mapping[str, str] | None, what: str, hint: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        group(make_fleet(2), labels, (name,))
    assert caught.value.what.startswith(what)
    assert (caught.value.hint or "").startswith(hint)


def test_the_labels_of_all_nodes_are_those_of_the_cluster() -> None:
    label = Subtype("label", {"a": "b|c"})
    topology = Measurement("NodeTopology", (Subtype("summary", {"node-count": 1}), label))
    assert find_labels(Snapshot({}, (Measurement("K8s"), topology))) is label
    assert find_labels(None) is None
    assert find_labels(Snapshot()) is None
