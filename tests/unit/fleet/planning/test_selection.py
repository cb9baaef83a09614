from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.fleet.planning.selection import (
    FleetSelection,
    KnownNode,
    build_known_node,
    build_no_match_error,
    build_selection_tree,
    choose_nodes,
    describe_selection,
    detect_obstacle,
    parse_names,
    parse_selection_tree,
    validate_selection,
)
from kubectl_snapshot.job.selectors import Toleration, default_tolerations

READY = {"type": "Ready", "status": "True"}
SINCE = "2026-11-01T10:00:00Z"


def build_node(name: str = "n1", **changes: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "labels": {"kubernetes.io/os": "linux"}}
    metadata.update(changes.pop("metadata", {}))
    status = {"conditions": [READY], "nodeInfo": {"bootID": "boot"}}
    return {"metadata": metadata, "spec": changes.pop("spec", {}), "status": status, **changes}


def not_ready(**condition: str) -> dict[str, Any]:
    pressure = {"type": "MemoryPressure", "status": "False", "message": "none", "reason": "None"}
    ready = {"type": "Ready", "status": "Unknown", **condition}
    return build_node(status={"conditions": [pressure, ready]})


VIRTUAL_LABELS = {"kubernetes.io/os": "linux", "type": "virtual-kubelet"}
VIRTUAL_TAINT = {"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}
CORDONED = {"unschedulable": True}


@pytest.mark.parametrize(
    ("node", "obstacle"),
    [
        (build_node(), ("", "")),
        (build_node(spec=CORDONED), ("", "")),
        (
            build_node(metadata={"labels": {"kubernetes.io/os": "windows"}}),
            ("not Linux", "its label kubernetes.io/os is windows"),
        ),
        (build_node(metadata={"labels": None}), ("not Linux", "no label kubernetes.io/os")),
        (
            build_node(metadata={"labels": VIRTUAL_LABELS}),
            ("virtual kubelet", "it has no host that a pod could read"),
        ),
        (
            build_node(spec={"taints": [VIRTUAL_TAINT]}),
            ("virtual kubelet", "it has no host that a pod could read"),
        ),
        (
            build_node(metadata={"deletionTimestamp": SINCE}),
            ("node is being deleted", f"deleted at {SINCE}"),
        ),
        (
            not_ready(lastTransitionTime=SINCE, message="Kubelet stopped\nposting", reason="R"),
            ("not Ready", f"since {SINCE}: Kubelet stopped posting"),
        ),
        (not_ready(reason="NodeStatusUnknown"), ("not Ready", "NodeStatusUnknown")),
        (build_node(status={}), ("not Ready", "it has never reported its status")),
    ],
)
def test_a_node_that_cannot_run_a_pod_says_why(
    node: dict[str, Any], obstacle: tuple[str, str]
) -> None:
    assert detect_obstacle(node, default_tolerations()) == obstacle


def test_a_taint_that_is_not_tolerated_is_named() -> None:
    tolerations = [Toleration("other", effect="NoSchedule")]
    taint = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
    assert detect_obstacle(build_node(spec={"taints": [taint]}), tolerations) == (
        "untolerated taint",
        "gpu=true:NoSchedule",
    )
    assert detect_obstacle(build_node(spec=CORDONED), tolerations) == (
        "untolerated taint",
        "node.kubernetes.io/unschedulable:NoSchedule (cordoned)",
    )


def test_a_node_that_never_booted_has_no_boot() -> None:
    bare = build_node(metadata={"uid": ""}, status={})
    del bare["metadata"]["uid"]
    known = build_known_node(bare, default_tolerations())
    assert (known.uid, known.boot_id, known.skip_cause) == ("", "", "not Ready")


def test_uid_and_boot_identify_a_node() -> None:
    assert build_known_node(build_node("n7"), ()) == KnownNode("n7", "uid-n7", "boot")


KNOWN = [KnownNode(name, f"uid-{name}", "boot") for name in ("node2", "node1")]
LOST = KnownNode("node3", "u3", "b3", "not Ready", "since x")


def test_all_nodes_are_captured_by_name_and_obstacles_skipped() -> None:
    chosen, skipped = choose_nodes([*KNOWN, LOST], FleetSelection(all_nodes=True))
    assert [node.name for node in chosen] == ["node1", "node2"]
    (entry,) = skipped
    assert (entry.name, entry.status, entry.cause, entry.reason) == (
        "node3",
        "skipped",
        "not Ready",
        "since x",
    )
    assert (entry.uid, entry.boot_id) == ("u3", "b3")


def test_a_name_that_does_not_exist_is_an_entry_with_a_suggestion() -> None:
    chosen, skipped = choose_nodes([*KNOWN, LOST], FleetSelection(names=("node1", "nod2")))
    assert [node.name for node in chosen] == ["node1"]
    assert [(e.name, e.status, e.cause, e.reason) for e in skipped] == [
        ("nod2", "skipped", "no such node", "did you mean node2?")
    ]


def test_names_that_resemble_none_only_say_so() -> None:
    _, skipped = choose_nodes(KNOWN, FleetSelection(names=("node1", "zzz")))
    assert skipped[0].reason == "no such node"


def test_only_unknown_names_are_an_error() -> None:
    with pytest.raises(NotFound, match="no node matches nod1") as caught:
        choose_nodes(KNOWN, FleetSelection(names=("nod1",)))
    assert caught.value.hint.startswith("did you mean node1?")
    with pytest.raises(NotFound, match="this cluster has no node"):
        choose_nodes([], FleetSelection(all_nodes=True))


@pytest.mark.parametrize(
    "selection",
    [
        FleetSelection(all_nodes=True),
        FleetSelection(selector="pool in (a,b)"),
        FleetSelection(names=("a", "b")),
    ],
)
def test_a_selection_survives_the_manifest(selection: FleetSelection) -> None:
    assert parse_selection_tree(build_selection_tree(selection)) == selection
    validate_selection(selection)
    assert selection.is_given


def test_two_ways_of_selecting_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="--all-nodes and --selector are mutually exclusive"):
        validate_selection(FleetSelection(all_nodes=True, selector="a=b"))
    with pytest.raises(InvalidRequest, match="--selector and --node are mutually exclusive"):
        validate_selection(FleetSelection(selector="a=b", names=("n",)))
    with pytest.raises(InvalidRequest, match="no nodes selected"):
        validate_selection(FleetSelection())


def test_a_file_of_names_may_have_comments_and_kubectls_prefix() -> None:
    text = "node1\n\n  node2  # slow\n# all\nnode/node3\r\nnode1\n"
    assert parse_names(text) == ("node1", "node2", "node3")


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("pool=gpx", "labels that exist: pool=cpu, pool=gpu"),
        ("pool in (x)", "labels that exist: pool=cpu, pool=gpu"),
        ("pool!=x", "labels that exist: pool=cpu, pool=gpu"),
        ("pol=gpu", "did you mean pool? list them with `kubectl get nodes --show-labels`"),
        ("zzzzzzz", "list them with `kubectl get nodes --show-labels`"),
    ],
)
def test_a_selector_without_a_match_names_labels_that_exist(selector: str, hint: str) -> None:
    error = build_no_match_error(selector, [{"pool": "gpu", "a": "b"}, {"pool": "cpu"}])
    assert (error.what, error.hint) == (f"no node matches the selector {selector}", hint)


def test_of_many_values_of_a_label_eight_are_named() -> None:
    error = build_no_match_error("zone=z", [{"zone": f"z{number}"} for number in range(9)])
    assert error.hint == f"labels that exist: {', '.join(f'zone=z{n}' for n in range(8))}"


def test_a_selection_is_described() -> None:
    assert describe_selection(FleetSelection(False, "a=b", ())) == "the selector a=b"
    assert describe_selection(FleetSelection(False, "", ("a", "b", "c", "d"))) == "a, b, c"
    assert describe_selection(FleetSelection(True, "", ())) == "all nodes"
