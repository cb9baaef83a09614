from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.items import explain_missing_item, resolve_selector, unfold
from kubectl_snapshot.document.paths import find_readings, find_value, parse_path
from kubectl_snapshot.document.snapshot import Item, Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest

ADAPTERS = (
    Item(
        {"pciAddress": "0000:03:00.0", "rdmaDevice": "mlx5_0"}, {"rail": 0, "traffic": "east-west"}
    ),
    Item(
        {"pciAddress": "0000:04:00.0", "rdmaDevice": "mlx5_1"}, {"rail": 1, "traffic": "east-west"}
    ),
)
SNAPSHOT = Snapshot(
    {},
    (
        Measurement(
            "NetworkTopology",
            (Subtype("capabilities", {"rdma": True}), Subtype("pfs", items=ADAPTERS)),
        ),
    ),
    fingerprint=(Subtype("service", {"value": "eks", "source": "k8s.node.provider"}),),
)


def names(*items: Item, data: dict[str, int] | None = None) -> list[str]:
    snapshot = Snapshot({}, (Measurement("T", (Subtype("s", data or {}, items=items),)),))
    return [subtype.name for subtype in unfold(snapshot).measurements[0].subtypes]


def test_each_item_is_a_subtype_named_after_its_identity() -> None:
    assert find_readings(SNAPSHOT, "*") == {
        "fingerprint.service.value": "eks",
        "fingerprint.service.source": "k8s.node.provider",
        "NetworkTopology.capabilities.rdma": True,
        "NetworkTopology.pfs[pciAddress=0000:03:00.0].pciAddress": "0000:03:00.0",
        "NetworkTopology.pfs[pciAddress=0000:03:00.0].rdmaDevice": "mlx5_0",
        "NetworkTopology.pfs[pciAddress=0000:03:00.0].rail": 0,
        "NetworkTopology.pfs[pciAddress=0000:03:00.0].traffic": "east-west",
        "NetworkTopology.pfs[pciAddress=0000:04:00.0].pciAddress": "0000:04:00.0",
        "NetworkTopology.pfs[pciAddress=0000:04:00.0].rdmaDevice": "mlx5_1",
        "NetworkTopology.pfs[pciAddress=0000:04:00.0].rail": 1,
        "NetworkTopology.pfs[pciAddress=0000:04:00.0].traffic": "east-west",
    }


def test_a_document_without_lists_is_unchanged() -> None:
    plain = Snapshot({}, (Measurement("OS", (Subtype("kmod", {"a": True}),)),))
    assert unfold(plain) is plain


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((Item({"b": "1", "a": "x"}), Item({"b": "2", "a": "x"})), ["s[b=1]", "s[b=2]"]),
        (
            (Item({"zz": "1", "name": "x"}), Item({"zz": "2", "name": "y"})),
            ["s[name=x]", "s[name=y]"],
        ),
        ((Item({"uuid": "1", "pciAddress": "x"}),), ["s[pciAddress=x]"]),
        (
            (Item({"key": "k", "value": "1"}), Item({"key": "k", "value": "2"})),
            ["s[value=1]", "s[value=2]"],
        ),
        (
            (
                Item({"key": "k", "value": "1"}),
                Item({"key": "k", "value": "2"}),
                Item({"key": "l", "value": "1"}),
            ),
            ["s[key=k,value=1]", "s[key=k,value=2]", "s[key=l,value=1]"],
        ),
        ((Item({"a": "1", "b": "1"}), Item({"b": "2"})), ["s[b=1]", "s[b=2]"]),
        ((Item({"a": "x"}), Item({"a": "x"})), ["s[0]", "s[1]"]),
        ((Item({}, {"a": 1}), Item({}, {"a": 2})), ["s[0]", "s[1]"]),
        ((Item({"a": "[x]"}),), ["s[a=_x_]"]),
    ],
)
def test_the_name_has_what_all_items_have_and_no_two_share(
    items: tuple[Item, ...], expected: list[str]
) -> None:
    assert names(*items) == expected


def test_a_list_beside_readings_leaves_them_where_they_are() -> None:
    assert names(ADAPTERS[0], data={"count": 1}) == ["s", "s[pciAddress=0000:03:00.0]"]


def test_the_items_of_node_topology_repeat_its_data() -> None:
    items = (Item({"key": "a", "value": "b"}, {"node-list": "n1", "node-count": 1}),)
    label = Subtype("label", {"a": "b|n1"}, items=items)
    snapshot = Snapshot({}, (Measurement("NodeTopology", (label,)),))
    assert find_readings(snapshot, "*") == {"NodeTopology.label.a": "b|n1"}
    alone = Snapshot({}, (Measurement("NodeTopology", (Subtype("label", items=items),)),))
    assert "NodeTopology.label[key=a].node-list" in find_readings(alone, "*")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("NetworkTopology.pfs[0].rail", 0),
        ("NetworkTopology.pfs[1].rail", 1),
        ("NetworkTopology.pfs[rail=1].pciAddress", "0000:04:00.0"),
        ("NetworkTopology.pfs[rdmaDevice=mlx5_0].rail", 0),
        ("NetworkTopology.pfs[pciAddress=0000:04:00.0].rdmaDevice", "mlx5_1"),
        ("NetworkTopology.capabilities.rdma", True),
        ("fingerprint.service.value", "eks"),
    ],
)
def test_an_item_is_selected_by_place_or_by_a_value(path: str, value: object) -> None:
    assert find_value(SNAPSHOT, parse_path(path, None)) == value
    assert list(find_readings(SNAPSHOT, path).values()) == [value]


@pytest.mark.parametrize("first", ["uuid", "id", "name", "key", "node", "pool"])
def test_the_likeliest_identity_names_the_items(first: str) -> None:
    items = [Item({"about": f"{i}", first: f"{i}", "zone": f"{i}"}) for i in range(2)]
    assert names(*items) == [f"s[{first}=0]", f"s[{first}=1]"]


def test_a_name_of_several_keys_selects_its_item() -> None:
    items = tuple(Item({"a": a, "b": b}, {"x": a + b}) for a in "12" for b in "12")
    snapshot = Snapshot({}, (Measurement("T", (Subtype("s", items=items),)),))
    assert find_value(snapshot, parse_path("T.s[a=1,b=2].x", None)) == "12"
    assert find_value(snapshot, parse_path("T.s[a=2,b=1].x", None)) == "21"


@pytest.mark.parametrize("selector", ["2", "-1", "x", "²", "", "rail=2", "rail=", "=0", "9" * 5000])
def test_an_item_that_is_not_there_is_said_to_be_missing(selector: str) -> None:
    path = f"NetworkTopology.pfs[{selector}].rail"
    assert resolve_selector(SNAPSHOT, path) == path
    expected = f"there is no NetworkTopology.pfs[{selector}]; the list has 2 items"
    assert explain_missing_item(SNAPSHOT, path) == expected


@pytest.mark.parametrize(
    "path",
    [
        *("OS.sysctl./proc/x[0]", "NetworkTopology.capabilities[0].rdma", "NetworkTopology.pfs[0"),
        *("Other.pfs[0].x", "NetworkTopology.pfs[*].rail", "NetworkTopology", "[0].x", ""),
    ],
)
def test_other_paths_select_no_item(path: str) -> None:
    assert resolve_selector(SNAPSHOT, path) == path
    assert explain_missing_item(SNAPSHOT, path) == ""


def test_a_value_that_several_items_have_selects_none() -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolve_selector(SNAPSHOT, "NetworkTopology.pfs[traffic=east-west].rail")
    assert caught.value.what == "2 items of NetworkTopology.pfs have traffic=east-west"


@pytest.mark.parametrize("render", [render_json, render_yaml])
def test_lists_and_fingerprint_are_written_as_they_were_read(
    render: object, tmp_path: Path
) -> None:
    assert callable(render)
    text = render(SNAPSHOT)
    assert parse_document(text) == SNAPSHOT
    assert "data: {}" not in text
