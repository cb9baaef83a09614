from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from kubectl_snapshot.collectors import node_topology
from kubectl_snapshot.collectors.node_topology import MOST_VALUES, build_topology
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import Unauthorized, Unavailable
from kubectl_snapshot.settings import CollectSettings
from tests.servers.http_server import Exchange, serve
from tests.unit.collectors.api_answers import Api

NODES = "/api/v1/nodes"
Taint = tuple[str, str, str]


def node(name: str, labels: Mapping[str, str] | None = None, *taints: Taint) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {"taints": [dict(zip(("key", "value", "effect"), taint)) for taint in taints]},
    }


def topology(*nodes: dict[str, Any], max_nodes: int = 0) -> dict[str, Subtype]:
    return {subtype.name: subtype for subtype in build_topology(nodes, max_nodes)}


def test_one_list_fills_all_declared_subtypes() -> None:
    api = Api({NODES: [node("a", {"x": "1"}), node("b", {"x": "1"})]})
    found = list(
        node_topology.collect(api.context(settings=CollectSettings(max_nodes_per_entry=1)))
    )
    assert tuple(subtype.name for subtype in found) == tuple(s.name for s in node_topology.SUBTYPES)
    assert found[0].data == {"node-count": 2, "taint-count": 0, "label-count": 1}
    assert found[2].data == {"x": "1|a (+1 more)"}
    assert api.asked == [("LIST", NODES)]


def test_a_page_that_fails_leaves_no_half_of_the_nodes() -> None:
    api = Api({NODES: [node("a"), Unauthorized("cannot list the nodes")]})
    with pytest.raises(Unauthorized):
        list(node_topology.collect(api.context()))


def test_without_a_connection_nothing_is_counted() -> None:
    with pytest.raises(Unavailable):
        list(node_topology.collect(Context(HostPath(None))))


@pytest.mark.parametrize(
    ("taints", "expected"),
    [
        ([("g", "", "NoSchedule")], {"g": "NoSchedule||a"}),
        (
            [("g", "x", "NoSchedule"), ("g", "", "NoExecute")],
            {"g.NoSchedule": "x|a", "g.NoExecute": "|a"},
        ),
    ],
)
def test_a_taint_alone_tells_its_effect_and_several_have_it_in_the_key(
    taints: list[Taint], expected: dict[str, str]
) -> None:
    assert topology(node("a", {}, *taints))["taint"].data == expected


def test_a_label_of_several_values_has_them_in_the_key() -> None:
    found = topology(node("a", {"z": "", "r": ""}), node("b", {"z": "1", "r": ""}))
    assert found["label"].data == {"r": "|a,b", "z.": "|a", "z.1": "1|b"}


@pytest.mark.parametrize(
    ("max_nodes", "names"),
    [(0, "a,b,c"), (1, "a (+2 more)"), (2, "a,b (+1 more)"), (3, "a,b,c"), (-1, "a,b,c")],
)
def test_more_names_than_allowed_are_counted(max_nodes: int, names: str) -> None:
    nodes = [node(name, {"x": "1"}) for name in ("c", "a", "b")]
    assert topology(*nodes, max_nodes=max_nodes)["label"].data == {"x": f"1|{names}"}


def test_taints_that_get_one_key_are_all_reported() -> None:
    found = topology(
        node("a", {}, ("g", "y", "NoSchedule")), node("b", {}, ("g", "x", "NoSchedule"))
    )
    assert found["taint"].data == {"g.NoSchedule": "x|b"}
    assert found["taint"].context == {
        "g.NoSchedule#1": "g|x|NoSchedule|b",
        "g.NoSchedule#2": "g|y|NoSchedule|a",
    }
    assert found["summary"].data["taint-count"] == 1


def test_labels_that_get_one_key_are_all_reported() -> None:
    found = topology(node("a", {"z": "b", "z.b": "q"}), node("c", {"z": "c"}))
    assert found["label"].data == {"z.b": "b|a", "z.c": "c|c"}
    assert found["label"].context == {"z.b#1": "z|b||a", "z.b#2": "z.b|q||a"}


LABELS = st.dictionaries(st.sampled_from(["a", "a.b", "b"]), st.sampled_from(["", "b", "c"]))
TAINTS = st.lists(
    st.tuples(st.sampled_from(["a", "a.b"]), st.sampled_from(["", "b"]), st.sampled_from("EF"))
)


@given(st.lists(st.tuples(LABELS, TAINTS), max_size=5))
def test_no_group_is_lost_or_left_to_chance(shapes: list[tuple[dict[str, str], Any]]) -> None:
    nodes = [node(f"n{i}", labels, *taints) for i, (labels, taints) in enumerate(shapes)]
    found = topology(*nodes)
    assert found == topology(*reversed(nodes))
    groups = {
        "label": {pair for labels, _ in shapes for pair in labels.items()},
        "taint": {taint for _, taints in shapes for taint in taints},
    }
    for name, wanted in groups.items():
        collided = {key.rpartition("#")[0] for key in found[name].context}
        alone = len(found[name].data) - len(collided)
        assert alone + len(found[name].context) == len(wanted)


def test_a_node_without_labels_and_taints_is_counted() -> None:
    assert topology({"metadata": {"name": "a"}, "spec": {}})["summary"].data["node-count"] == 1


def page(*names: str, token: str = "") -> Callable[[Exchange], None]:
    body = {"metadata": {"continue": token}, "items": [node(name) for name in names]}
    return lambda exchange: exchange.send(200, body)


def refusal(code: int, token: str = "") -> Callable[[Exchange], None]:
    body = {"kind": "Status", "code": code, "message": "busy", "metadata": {"continue": token}}
    return lambda exchange: exchange.send(code, body)


def read_served(answers: Iterable[Callable[[Exchange], None]], within_s: float) -> list[Subtype]:
    """What is made of a server that gives these answers, one a request."""
    waiting = iter(answers)
    with serve(lambda exchange: next(waiting)(exchange)) as server:
        kube = connect(ConnectionOptions(server=server.url), {})
        context = Context(HostPath(None), kube=kube)
        deadline = time.monotonic() + within_s
        (measurement,) = run_collectors([node_topology], context, deadline, lambda event: None)
    return list(measurement.subtypes)


def test_a_list_that_expires_or_is_throttled_on_the_way_is_read_to_its_end() -> None:
    pages = [page("a", "b", token="old"), refusal(410, "new"), refusal(429), page("d", "e")]
    summary, *_ = read_served(pages, within_s=30)
    assert (summary.status, summary.data["node-count"]) == ("ok", 4)


def test_what_is_throttled_beyond_the_deadline_is_an_error_and_no_short_list() -> None:
    answers = itertools.chain([page("a", token="next")], itertools.repeat(refusal(429)))
    found = read_served(answers, within_s=1.5)
    assert [(subtype.data, subtype.status) for subtype in found] == [({}, "error")] * 5
    assert "busy" in found[0].context["reason"]


def test_with_a_limit_a_label_that_differs_on_every_node_is_a_count() -> None:
    def build(count: int, limit: int, **labels: str) -> Subtype:
        names = [f"n{number:03}" for number in range(count)]
        nodes = [
            {"metadata": {"name": name, "labels": {"host": name, "os": "linux", **labels}}}
            for name in names
        ]
        return topology(*nodes, max_nodes=limit)["label"]

    many = build(MOST_VALUES + 1, 2)
    assert many.data == {"os": "linux|n000,n001 (+99 more)"}
    assert many.context["per-node.host"] == "101"
    assert many.context["nodes"] == ",".join(f"n{number:03}" for number in range(101))
    # As the reference has it: few values, no limit, and a value of two nodes.
    for few in (build(MOST_VALUES, 2), build(MOST_VALUES + 1, 0)):
        assert few.data["host.n007"] == "n007|n007"
        assert few.context == {}
    twice = [
        {"metadata": {"name": f"n{number}", "labels": {"a": str(number // 2)}}}
        for number in range(2 * MOST_VALUES + 1)
    ]
    assert len(topology(*twice, max_nodes=1)["label"].data) == MOST_VALUES + 1


def test_a_document_of_400_nodes_is_small_with_a_limit() -> None:
    own = ("kubernetes.io/hostname", "topology.ebs.csi.aws.com/volume", "example.com/serial")
    nodes = (
        {
            "metadata": {
                "name": f"ip-10-0-{number // 250}-{number % 250}.ec2.internal",
                "labels": {
                    **dict.fromkeys(own, str(number)),
                    **{f"feature.node.kubernetes.io/cpu-cpuid.F{i}": "true" for i in range(170)},
                },
            }
        }
        for number in range(400)
    )
    document = Snapshot({}, (Measurement("NodeTopology", build_topology(nodes, 3)),))
    assert len(render_yaml(document)) <= 48_000


def test_a_taint_that_differs_on_every_node_stays() -> None:
    nodes = [
        {
            "metadata": {"name": f"n{i}"},
            "spec": {"taints": [{"key": "a", "value": str(i), "effect": "NoSchedule"}]},
        }
        for i in range(MOST_VALUES + 5)
    ]
    assert len(topology(*nodes, max_nodes=1)["taint"].context) == MOST_VALUES + 5


def test_the_reference_profile_lists_labels_that_differ_on_every_node() -> None:
    nodes = [
        {"metadata": {"name": f"n{n}", "labels": {"host": f"n{n}"}}}
        for n in range(node_topology.MOST_VALUES + 1)
    ]
    for profile, count in (("standard", 0), ("reference", len(nodes))):
        settings = CollectSettings(max_nodes_per_entry=1, profile=profile)
        api = Api({"/api/v1/nodes": nodes})
        found = {s.name: s for s in node_topology.collect(api.context(settings=settings))}
        assert len(found["label"].data) == count
