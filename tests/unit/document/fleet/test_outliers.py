from __future__ import annotations

import random
from dataclasses import replace
from math import log2

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.change import UNKNOWN
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.fleet.grouping import Group
from kubectl_snapshot.document.fleet.node_part import keep_node
from kubectl_snapshot.document.fleet.outliers import (
    WEIGHTS,
    FleetGroup,
    compare_with_baseline,
)
from kubectl_snapshot.document.redaction.values import PREFIX
from kubectl_snapshot.document.registry import STOPPED, VERSION
from kubectl_snapshot.document.snapshot import Snapshot, Subtype
from tests.unit.document.fleet.nodes import compare, describe, make_fleet, subtype, vary

SWAPPINESS, DRIVER = "OS.sysctl./proc/sys/vm/swappiness", "GPU.smi.driver"

COUNT_1 = {"GPU.smi.gpu-count": 1, "GPU.hardware.gpu-count": 1}


def only(snapshots: dict[str, Snapshot], selection: Selection | None = None) -> FleetGroup:
    (group,) = compare(snapshots, selection=selection)[1]
    return group


def summary(group: FleetGroup) -> list[tuple[tuple[str, ...], list[str]]]:
    return [(o.nodes, [c.path for c in o.changes]) for o in group.outliers]


def test_nodes_that_differ_only_in_what_diff_ignores_are_no_outliers() -> None:
    group = only(make_fleet(5))
    assert (group.outliers, group.splits, group.unknown, group.own) == ((), (), (), ())
    assert (len(group.nodes), group.different) == (5, ())


def test_nodes_with_the_same_differences_are_one_set() -> None:
    change = {DRIVER: "570", SWAPPINESS: "60"}
    group = only(make_fleet(7, vary("odd-10", change), vary("odd-9", change)))
    (outlier,) = group.outliers
    assert outlier.nodes == ("odd-9", "odd-10")
    assert outlier.agreeing == 7
    assert [(c.path, c.before, c.after) for c in outlier.changes] == [
        (DRIVER, "580", "570"),
        (SWAPPINESS, "10", "60"),
    ]
    assert group.different == ("odd-9", "odd-10")


def test_what_only_one_of_them_differs_in_is_a_set_of_its_own() -> None:
    both = {DRIVER: "570"}
    group = only(make_fleet(8, vary("a", both), vary("b", {**both, SWAPPINESS: "60"})))
    assert summary(group) == [(("a", "b"), [DRIVER]), (("b",), [SWAPPINESS])]


def test_two_values_of_one_reading_are_two_sets() -> None:
    group = only(make_fleet(8, vary("a", {DRIVER: "570"}), vary("b", {DRIVER: "560"})))
    assert sorted(summary(group)) == [(("a",), [DRIVER]), (("b",), [DRIVER])]


def test_few_nodes_and_telling_readings_come_first() -> None:
    group = only(
        make_fleet(
            12,
            vary("a", {SWAPPINESS: "60"}),
            vary("b", {DRIVER: "570"}),
            vary("c", {"SystemD.kubelet.service.ActiveState": "failed"}),
            *(vary(f"m{n}", {"OS.kmod.xfs": False}) for n in range(5)),
        )
    )
    scores = [(o.changes[0].path, o.score) for o in group.outliers]
    assert scores == [
        ("SystemD.kubelet.service.ActiveState", round(WEIGHTS[STOPPED] * log2(20), 2)),
        (DRIVER, round(WEIGHTS[VERSION] * log2(20), 2)),
        (SWAPPINESS, round(log2(20), 2)),
        ("OS.kmod.xfs", round(log2(4), 2)),
    ]


def test_a_large_minority_with_another_driver_comes_after_one_odd_node() -> None:
    rollout = [vary(f"m{n}", {DRIVER: "590"}) for n in range(36)]
    group = only(make_fleet(40, *rollout, vary("a", {SWAPPINESS: "60"})))
    assert [len(o.nodes) for o in group.outliers] == [1, 36]


def test_a_reading_that_is_not_there_is_a_difference_both_ways() -> None:
    group = only(make_fleet(6, vary("a", {"OS.kmod.new": True}), vary("b", {"OS.kmod.xfs": None})))
    assert sorted((o.nodes, o.changes[0].path, o.changes[0].kind) for o in group.outliers) == [
        (("a",), "OS.kmod.new", "added"),
        (("b",), "OS.kmod.xfs", "removed"),
    ]


def test_a_lost_gpu_is_one_change() -> None:
    lost = vary(
        "a",
        {"GPU.topology.GPU-a-0/GPU-a-1": None, **COUNT_1},
        without=["GPU.gpu-1"],
    )
    assert summary(only(make_fleet(6, lost))) == [(("a",), ["GPU.gpu-1"])]


def test_what_could_not_be_read_is_unknown_and_no_difference() -> None:
    group = only(make_fleet(5, vary("a", status={"OS.sysctl": "forbidden"})))
    assert group.outliers == ()
    assert [(u.paths, u.reason, u.nodes) for u in group.unknown] == [
        (("OS.sysctl",), "forbidden: why", ("a",))
    ]


def test_what_was_not_collected_is_unknown() -> None:
    group = only(make_fleet(5, vary("a", without=["OS.kmod"]), vary("b", without=["OS.kmod"])))
    assert group.outliers == ()
    assert [(u.paths, u.reason, u.nodes) for u in group.unknown] == [
        (("OS.kmod",), "not collected", ("a", "b"))
    ]


def test_what_was_not_asked_for_is_unknown() -> None:
    other = vary("a")
    left_out = Subtype("kmod", {}, {"reason": "left out", "elapsed-ms": "0"})
    measurements = tuple(
        replace(m, subtypes=tuple(left_out if s.name == "kmod" else s for s in m.subtypes))
        for m in other.measurements
    )
    group = only(make_fleet(5, replace(other, measurements=measurements)))
    assert group.outliers == ()
    assert [(u.paths, u.nodes) for u in group.unknown] == [(("OS.kmod",), ("a",))]
    assert "not collected" in group.unknown[0].reason


def test_gpus_that_another_profile_does_not_list_are_unknown_and_not_lost() -> None:
    gpus = ["GPU.gpu-0", "GPU.gpu-1"]
    group = only(make_fleet(5, vary("a", without=[*gpus, "GPU.topology"])))
    assert group.outliers == ()
    assert [(set(u.paths), u.nodes) for u in group.unknown] == [(set(gpus), ("a",))]


def test_unread_nodes_do_not_vote() -> None:
    unread = [vary(f"u{n}", status={"OS.kmod": "timeout"}) for n in range(5)]
    group = only(make_fleet(3, *unread, vary("a", {"OS.kmod.xfs": False})))
    assert summary(group) == [(("a",), ["OS.kmod.xfs"])]
    assert group.unknown[0].nodes == tuple(f"u{n}" for n in range(5))


def test_without_a_majority_all_parts_are_shown() -> None:
    change = {SWAPPINESS: "60", "OS.kmod.xfs": None}
    group = only(make_fleet(3, *(vary(f"m{n}", change) for n in range(3))))
    assert group.outliers == ()
    (split,) = group.splits
    assert split.nodes == (("m0", "m1", "m2"), ("n0", "n1", "n2"))
    assert split.readings == (("OS.kmod.xfs", (None, "true")), (SWAPPINESS, ("60", "10")))


def test_two_nodes_have_no_majority() -> None:
    group = only(make_fleet(1, vary("a", {SWAPPINESS: "60"})))
    assert [s.readings for s in group.splits] == [((SWAPPINESS, ("60", "10")),)]


@pytest.mark.parametrize(("count", "is_own"), [(3, False), (4, True), (9, True)])
def test_a_reading_with_another_value_on_each_node_is_their_own(count: int, is_own: bool) -> None:
    fleet = {f"n{n}": vary(f"n{n}", {SWAPPINESS: str(n)}) for n in range(count)}
    group = only(fleet)
    assert group.own == ((SWAPPINESS,) if is_own else ())
    assert len(group.splits) == (not is_own)
    assert group.outliers == ()


def test_the_majority_is_found_whatever_node_comes_first() -> None:
    odd = vary("a", {DRIVER: "570", "OS.kmod.xfs": None, "OS.kmod.new": True})
    group = only({"a": odd, **make_fleet(4)})
    assert summary(group) == [(("a",), [DRIVER, "OS.kmod.new", "OS.kmod.xfs"])]
    assert group.base != "a"


def test_a_majority_that_no_node_has_as_a_whole_is_composed() -> None:
    values = [{DRIVER: "570"}, {SWAPPINESS: "60"}, {"OS.kmod.xfs": None}, {"OS.kmod.new": True}]
    fleet = {f"n{n}": vary(f"n{n}", change) for n, change in enumerate(values)}
    found = {
        o.nodes: [(c.path, c.before, c.after) for c in o.changes] for o in only(fleet).outliers
    }
    assert found == {
        ("n0",): [(DRIVER, "580", "570")],
        ("n1",): [(SWAPPINESS, "10", "60")],
        ("n2",): [("OS.kmod.xfs", True, None)],
        ("n3",): [("OS.kmod.new", None, True)],
    }


def test_a_whole_subtype_that_the_base_lacks_is_borrowed() -> None:
    odd = [
        vary(
            "a",
            {"GPU.topology.GPU-a-0/GPU-a-1": None, **COUNT_1},
            without=["GPU.gpu-1"],
        ),
        vary("b", {DRIVER: "570"}, status={"OS.kmod": "absent"}),
        vary("c", {SWAPPINESS: "60", DRIVER: "571", "GPU.smi.x": 1}),
    ]
    found = {
        o.nodes: [(c.path, c.kind) for c in o.changes] for o in only(make_fleet(0, *odd)).outliers
    }
    assert found[("a",)] == [("GPU.gpu-1", "removed")]
    assert found[("b",)] == [("OS.kmod", "removed")]
    assert found[("c",)] == [("GPU.smi.x", "added"), (SWAPPINESS, "changed")]


def test_a_nodes_own_name_in_a_majority_is_not_taken_for_a_difference() -> None:
    start = "SystemD.kubelet.service.ExecStart"
    fleet = {
        "a": vary("a", {start: "kubelet"}),
        "b": vary("b", {SWAPPINESS: "60", DRIVER: "1"}),
        "c": vary("c", {"OS.kmod.xfs": None, DRIVER: "2"}),
    }
    found = {o.nodes: [c.path for c in o.changes] for o in only(fleet).outliers}
    assert found[("a",)] == [start]
    (outlier,) = (o for o in only(fleet).outliers if o.nodes == ("a",))
    assert outlier.changes[0].before == "kubelet --node-name=<its own> /pki/<its own>.crt"
    assert all(start not in paths for nodes, paths in found.items() if nodes != ("a",))


def test_true_and_1_are_two_values() -> None:
    group = only(make_fleet(4, vary("a", {"OS.kmod.xfs": 1})))
    assert summary(group) == [(("a",), ["OS.kmod.xfs"])]


def test_values_redacted_with_different_keys_are_unknown() -> None:
    secret = "SystemD.kubelet.service.Environment"

    def node(name: str, key: str) -> Snapshot:
        token = f"{PREFIX}{key * 16}"
        return vary(name, {secret: token}, **{"redaction-key": key})

    fleet = {f"n{n}": node(f"n{n}", "a") for n in range(4)}
    group = only({**fleet, "b": node("b", "b")})
    assert group.outliers == ()


def test_only_and_ignore_select() -> None:
    fleet = make_fleet(5, vary("a", {DRIVER: "570", SWAPPINESS: "60"}))
    assert summary(only(fleet, Selection(only=("OS",)))) == [(("a",), [SWAPPINESS])]
    assert summary(only(fleet, Selection(ignore=("OS",)))) == [(("a",), [DRIVER])]
    halves = make_fleet(2, *(vary(f"m{n}", {SWAPPINESS: "60"}) for n in range(2)))
    assert only(halves, Selection(ignore=(SWAPPINESS,))).splits == ()
    unread = make_fleet(3, vary("a", status={"OS.sysctl": "error"}))
    assert only(unread, Selection(only=("GPU",))).unknown == ()
    assert only(unread, Selection(only=("OS",))).unknown != ()


def test_with_a_baseline_all_nodes_are_compared_with_it() -> None:
    fleet = make_fleet(4, vary("a", {DRIVER: "570"}))
    _, of = describe(fleet)
    baseline = vary("gold", {SWAPPINESS: "1"})
    group = compare_with_baseline(baseline, Group((), tuple(fleet)), of)
    assert summary(group) == [(("a",), [DRIVER]), (("a", "n0", "n1", "n2", "n3"), [SWAPPINESS])]
    assert [o.agreeing for o in group.outliers] == [4, 0]
    assert group.outliers[1].score == 0
    assert (group.base, group.splits) == ("gold", ())


def mutate(rng: random.Random, name: str) -> Snapshot:
    changes = {
        path: value
        for path, values in (
            (DRIVER, ("570", "560")),
            (SWAPPINESS, ("60", None)),
            ("OS.kmod.xfs", (False, None)),
            ("OS.kmod.new", (True,)),
            ("GPU.gpu-0.vbios-version", ("97",)),
            ("GPU.gpu-1.serial", ("1", "2")),
            ("SystemD.kubelet.service.ActiveState", ("failed",)),
            ("OS.sysctl./proc/sys/fs/file-nr", ("7\t7\t7", "8")),
        )
        for value in [rng.choice(values)]
        if rng.random() < 0.12
    }
    status = {"OS.kmod": rng.choice(("absent", "error"))} if rng.random() < 0.1 else {}
    changes = {p: v for p, v in changes.items() if p.rpartition(".")[0] not in status}
    without = ["GPU.gpu-1"] if rng.random() < 0.1 and "GPU.gpu-1.serial" not in changes else []
    return vary(name, changes, without, status)


@pytest.mark.parametrize("seed", range(25))
def test_each_node_is_reported_with_what_diff_says_of_it(seed: int) -> None:
    rng = random.Random(seed)
    fleet = make_fleet(12, *(mutate(rng, f"m{n}") for n in range(8)))
    group = only(fleet)
    if group.splits:
        return
    base = next(name for name in fleet if name.startswith("n"))
    for node, snapshot in fleet.items():
        changes = diff_snapshots(keep_node(fleet[base]), keep_node(snapshot), REGISTRY).changes
        expected = {(c.path, c.kind) for c in changes if c.kind != UNKNOWN}
        found = {(c.path, c.kind) for o in group.outliers if node in o.nodes for c in o.changes}
        assert found == expected, node


def test_a_gpu_that_is_counted_but_not_listed_is_unknown() -> None:
    group = only(make_fleet(5, vary("a", without=["GPU.gpu-1"])))
    assert [(u.paths, u.nodes) for u in group.unknown] == [(("GPU.gpu-1",), ("a",))]


def test_what_a_partly_read_subtype_lacks_is_unknown() -> None:
    usual = vary("a").measurements
    partial = Snapshot(
        {"source-node": "a"},
        tuple(
            replace(
                m,
                subtypes=tuple(
                    subtype("kmod", {"nvidia": True}, status="partial", reason="why")
                    if s.name == "kmod"
                    else s
                    for s in m.subtypes
                ),
            )
            for m in usual
        ),
    )
    group = only(make_fleet(5, partial))
    assert group.outliers == ()
    assert [(u.paths, u.reason, u.nodes) for u in group.unknown] == [
        (("OS.kmod",), "partial: why", ("a",))
    ]


def test_values_that_differ_in_the_node_s_own_name_are_one_change() -> None:
    key = "SystemD.kubelet.service.ExecStart"
    own = {name: {key: f"kubelet --node-name={name} --other"} for name in ("a", "b")}
    one = vary("a", {**own["a"], "OS.kmod.new": True})
    _, (group,) = compare(make_fleet(5, one, vary("b", own["b"])))
    found = {o.nodes: [c.path for c in o.changes] for o in group.outliers}
    assert found == {("a", "b"): [key], ("a",): ["OS.kmod.new"]}


def test_two_kinds_of_nodes_in_turn_need_two_references() -> None:
    many = {f"OS.sysctl./proc/sys/x/{n}": str(n) for n in range(200)}
    nodes = {f"n{n}": vary(f"n{n}", many if n % 2 else {}) for n in range(6)}
    builder, of = describe(nodes)
    assert len(builder.references) == 2
    assert [form.reference for form in of.forms.values()] == [0, 1] * 3
