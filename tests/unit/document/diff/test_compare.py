from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff import compare
from kubectl_snapshot.document.diff.change import (
    ADDED,
    CHANGED,
    REMOVED,
    UNKNOWN,
    Change,
    Diff,
    count_kinds,
)
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.redaction.values import PREFIX
from kubectl_snapshot.document.snapshot import STATUSES, Measurement, Scalar, Snapshot, Subtype
from tests.unit.document.strategies import DOCUMENT_PROPERTY, SNAPSHOTS

READ = {"elapsed-ms": "1"}
FORBIDDEN = {"status": "forbidden", "reason": "no right", **READ}
NO_GPU = {"status": "absent", "reason": "there is none", **READ}


def diff_snapshots(
    before: Snapshot,
    after: Snapshot,
    sources: tuple[str, str] = ("A", "B"),
    selection: Selection | None = None,
) -> Diff:
    return compare.diff_snapshots(before, after, REGISTRY, sources, selection)


def snapshot(type_: str, *subtypes: Subtype, **metadata: str) -> Snapshot:
    named = {key.replace("_", "-"): value for key, value in metadata.items()}
    return Snapshot(named, (Measurement(type_, subtypes),))


def sysctl(node: str = "", **data: Scalar) -> Snapshot:
    metadata = {"source_node": node} if node else {}
    return snapshot("OS", Subtype("sysctl", data, READ), **metadata)


def reported(diff: Diff) -> list[tuple[str, str]]:
    return [(change.path, change.kind) for change in diff.changes]


def test_readings_are_added_removed_or_changed_in_the_order_people_count() -> None:
    before = sysctl(x10="1", x2="1", gone="a", same="s")
    after = sysctl(x10="2", x2="3", new="b", same="s")
    assert diff_snapshots(before, after).changes == (
        Change("OS.sysctl", "gone", REMOVED, before="a"),
        Change("OS.sysctl", "new", ADDED, after="b"),
        Change("OS.sysctl", "x2", CHANGED, "1", "3", "+2"),
        Change("OS.sysctl", "x10", CHANGED, "1", "2", "+1"),
    )


def test_a_document_does_not_differ_from_itself() -> None:
    one = sysctl(a="1")
    assert diff_snapshots(one, one).is_empty
    assert diff_snapshots(Snapshot(), Snapshot()).changes == ()


def test_what_a_gap_hides_is_one_unknown_and_never_removed() -> None:
    before = snapshot("K8s", Subtype("node", {"a": "1", "b": "2"}, READ))
    after = snapshot("K8s", Subtype("node", {}, FORBIDDEN))
    unread = Change("K8s.node", "", UNKNOWN, values={"a": "1", "b": "2"})
    found = [
        diff_snapshots(*pair).changes for pair in ((before, after), (after, before), (after, after))
    ]
    assert found == [
        (replace(unread, note="B: forbidden: no right"),),
        (replace(unread, note="A: forbidden: no right"),),
        (replace(unread, note="A and B: forbidden: no right", values={}),),
    ]


def test_what_was_read_in_part_is_compared_as_far_as_it_goes() -> None:
    partial = {"status": "partial", "reason": "no root", **READ}
    before = snapshot("OS", Subtype("sysctl", {"a": "1", "b": "2", "c": "3"}, READ))
    after = snapshot("OS", Subtype("sysctl", {"a": "1", "b": "9", "d": "4"}, partial))
    assert diff_snapshots(before, after).changes == (
        Change("OS.sysctl", "b", CHANGED, "2", "9", "+7"),
        Change("OS.sysctl", "d", ADDED, after="4"),
        Change("OS.sysctl", "", UNKNOWN, note="B: partial: no root", values={"c": "3"}),
    )
    assert diff_snapshots(after, after).changes == ()


def test_a_subtype_that_was_not_collected_is_unknown() -> None:
    before = snapshot("K8s", Subtype("server", {"version": "v1"}, READ))
    (change,) = diff_snapshots(before, Snapshot()).changes
    assert (change.path, change.kind, change.note) == ("K8s.server", UNKNOWN, "B: not collected")
    (change,) = diff_snapshots(Snapshot(), before).changes
    assert (change.kind, change.note) == (UNKNOWN, "A: not collected")


@pytest.mark.parametrize(
    ("profiles", "note"),
    [
        (("standard", "reference"), "B: not collected by --profile reference"),
        (("standard", "standard"), "B: not collected"),
        (("standard", ""), "B: not collected"),
    ],
)
def test_what_another_profile_left_out_is_unknown(profiles: tuple[str, str], note: str) -> None:
    read = snapshot("K8s", Subtype("node-status", {"unschedulable": False}, READ))
    before, after = (
        replace(found, metadata={"profile": profile})
        for found, profile in zip((read, Snapshot()), profiles)
    )
    (change,) = diff_snapshots(before, after).changes
    assert (change.kind, change.note) == (UNKNOWN, note)
    (change,) = diff_snapshots(after, before).changes
    assert (change.kind, change.note) == (UNKNOWN, f"A{note[1:]}")


def test_a_subtype_that_was_not_asked_for_is_unknown_only_if_the_other_was() -> None:
    asked = snapshot("K8s", Subtype("helm", {"a": "1"}, READ))
    not_asked = snapshot("K8s", Subtype("helm", {}, {"reason": "no namespace", **READ}))
    empty = snapshot("K8s", Subtype("helm", {}, READ))
    (change,) = diff_snapshots(asked, not_asked).changes
    assert (change.kind, change.values) == (UNKNOWN, {"a": "1"})
    assert change.note == "B: not collected: no namespace"
    assert diff_snapshots(not_asked, not_asked).changes == ()
    assert [c.kind for c in diff_snapshots(asked, empty).changes] == [REMOVED]


def test_absent_is_an_answer_and_takes_the_whole_subtype_along() -> None:
    data = {"ActiveState": "active", "LoadState": "loaded"}
    unit = snapshot("SystemD", Subtype("docker.service", data, READ))
    none = snapshot("SystemD", Subtype("docker.service", {"LoadState": "not-found"}, NO_GPU))
    (change,) = diff_snapshots(unit, none).changes
    assert change == Change(
        "SystemD.docker.service", "", REMOVED, note="B: absent: there is none", values=data
    )
    (change,) = diff_snapshots(none, unit).changes
    assert (change.kind, change.values) == (ADDED, data)
    assert diff_snapshots(none, none).changes == ()


def gpus(
    *told_of: tuple[str, str], count: int | None = None, context: dict[str, str] = READ, **more: str
) -> Snapshot:
    counted: dict[str, Scalar] = {"gpu-count": len(told_of) if count is None else count}
    uuids = [uuid for uuid, _ in told_of]
    links: dict[str, Scalar] = {
        f"{one}/{other}": "NV18" for i, one in enumerate(uuids) for other in uuids[i + 1 :]
    }
    lone = {"status": "absent", "reason": "the driver lists no two GPUs", **READ}
    parts = [
        (
            Subtype(f"gpu-{n}", {"name": "H100", "uuid": uuid, "pci.bus-id": address}, READ),
            Subtype(f"gpu-{n}-state", {"temperature.gpu-c": n}, READ),
        )
        for n, (uuid, address) in enumerate(told_of)
    ]
    return snapshot(
        "GPU",
        Subtype("smi", counted, context),
        Subtype("device", {"count": counted["gpu-count"]}, context),
        *(subtype for pair in parts for subtype in pair),
        Subtype("topology", links, READ if links else lone),
        **more,
    )


def test_a_gpu_less_is_one_difference_with_its_counts_and_its_links() -> None:
    before = gpus(("A", "0:1"), ("B", "0:2"), ("C", "0:3"))
    after = gpus(("A", "0:1"), ("C", "0:3"))
    (change,) = diff_snapshots(before, after).changes
    assert (change.path, change.kind, change.note) == ("GPU.gpu-1", REMOVED, "H100 at 0:2")
    assert diff_snapshots(before, after).left_out == 6
    one = gpus(("A", "0:1"))
    assert reported(diff_snapshots(gpus(("A", "0:1"), ("B", "0:2")), one)) == [
        ("GPU.gpu-1", REMOVED)
    ]
    assert reported(diff_snapshots(one, gpus(("A", "0:1"), ("B", "0:2")))) == [("GPU.gpu-1", ADDED)]


def test_a_count_that_no_gpu_explains_is_reported() -> None:
    before, after = gpus(("A", "0:1")), gpus(("A", "0:1"), count=2)
    (change,) = diff_snapshots(before, after).changes
    assert (change.path, change.kind) == ("GPU.smi.gpu-count", CHANGED)
    assert change.also == ("GPU.device.count",)


def test_a_gpu_is_followed_when_its_number_changes() -> None:
    before = gpus(("A", "0:1"), ("B", "0:2"))
    after = snapshot(
        "GPU",
        Subtype("smi", {"gpu-count": 1}, READ),
        Subtype("gpu-0", {"name": "H200", "uuid": "B", "pci.bus-id": "0:2"}, READ),
    )
    found = [c for c in diff_snapshots(before, after).changes if c.kind == CHANGED]
    (change,) = [c for c in found if c.subtype == "GPU.gpu-1"]
    assert (change.key, change.after, change.after_name) == ("name", "H200", "GPU.gpu-0")


def test_gpus_that_were_not_reported_of_are_unknown() -> None:
    before = gpus(("A", "0:1"))
    reference = snapshot("GPU", Subtype("smi", {"gpu-count": 8}))
    notes = {c.path: (c.kind, c.note) for c in diff_snapshots(before, reference).changes}
    assert notes["GPU.gpu-0"] == (UNKNOWN, "B: counts 8 GPUs but does not list them")
    # What NVIDIA AICR writes where it could not look.
    reference = snapshot("GPU", Subtype("smi", {"gpu-count": 0}))
    notes = {c.path: (c.kind, c.note) for c in diff_snapshots(before, reference).changes}
    assert notes["GPU.gpu-0"] == (UNKNOWN, "B: GPUs not counted")


def test_the_last_gpu_gone_is_removed() -> None:
    after = snapshot(
        "GPU", Subtype("smi", {"gpu-count": 0}, NO_GPU), Subtype("topology", {}, NO_GPU)
    )
    found = reported(diff_snapshots(gpus(("A", "0:1")), after))
    assert ("GPU.gpu-0", REMOVED) in found
    assert ("GPU.smi", REMOVED) in found


def test_identity_differs_between_two_captures_of_a_node_but_not_between_two_nodes() -> None:
    one, other = gpus(("A", "0:1"), source_node="a"), gpus(("B", "0:1"), source_node="a")
    assert reported(diff_snapshots(one, other)) == [("GPU.gpu-0.uuid", CHANGED)]
    other = gpus(("B", "0:1"), source_node="b")
    assert diff_snapshots(one, other).changes == ()


def test_identity_that_only_one_node_has_is_a_difference() -> None:
    def boot(node: str, **data: str) -> Snapshot:
        return snapshot("OS", Subtype("grub", {"quiet": "", **data}, READ), source_node=node)

    one, other = boot("a", BOOTIF="01-aa"), boot("b")
    assert reported(diff_snapshots(one, other)) == [("OS.grub.BOOTIF", REMOVED)]
    assert reported(diff_snapshots(other, one)) == [("OS.grub.BOOTIF", ADDED)]
    assert diff_snapshots(one, boot("b", BOOTIF="01-bb")).changes == ()


def test_a_counter_that_only_one_kernel_has_is_ignored_whatever_its_form() -> None:
    one = sysctl("a", **{"/proc/sys/kernel/hung_task_warnings": "-1", "/proc/sys/vm/x": "1"})
    other = sysctl("a", **{"/proc/sys/vm/x": "1"})
    assert diff_snapshots(one, other).changes == ()


def test_all_shows_what_is_left_out() -> None:
    before = sysctl("a", **{"/proc/sys/kernel/random/uuid": "1", "/proc/sys/vm/x": "1"})
    after = sysctl("b", **{"/proc/sys/kernel/random/uuid": "2", "/proc/sys/vm/x": "1"})
    diff = diff_snapshots(before, after)
    assert (diff.changes, diff.left_out) == ((), 2)
    diff = diff_snapshots(before, after, selection=Selection(everything=True))
    paths = ["metadata.source-node", "OS.sysctl./proc/sys/kernel/random/uuid"]
    assert (reported(diff), diff.left_out) == ([(path, CHANGED) for path in paths], 0)


def unit(value: str, node: str = "a") -> Snapshot:
    return snapshot("SystemD", Subtype("a.service", {"ExecStart": value}, READ), source_node=node)


def test_all_compares_values_to_the_letter() -> None:
    before, after = unit("[[/a [/a] false 1 2 3 4 5 0 0]]"), unit("[[/a [/a] false 6 2 3 4 5 0 0]]")
    assert diff_snapshots(before, after).changes == ()
    found = diff_snapshots(before, after, selection=Selection(everything=True))
    assert reported(found) == [("SystemD.a.service.ExecStart", CHANGED)]


def test_what_a_context_adds_is_compared_and_how_the_reading_went_is_not() -> None:
    one = {"image.pause": "a@sha256:1", "elapsed-ms": "1", "reason": "x"}
    other = {"image.pause": "a@sha256:2", "elapsed-ms": "2", "reason": "y"}
    before = snapshot("K8s", Subtype("image", {"pause": "latest"}, one))
    after = snapshot("K8s", Subtype("image", {"pause": "latest"}, other))
    assert reported(diff_snapshots(before, after)) == [("K8s.image.context.image.pause", CHANGED)]
    # The reference writes none of our contexts.
    theirs = snapshot("K8s", Subtype("image", {"pause": "latest"}))
    assert diff_snapshots(before, theirs).changes == ()


def images(tag: str, *references: str, **context: str) -> Snapshot:
    full = {"image.x": ",".join(sorted(references))} if references else {}
    return snapshot("K8s", Subtype("image", {"x": tag, "y": "1"}, {**full, **(context or READ)}))


def test_an_image_with_several_references_is_compared_by_all_of_them() -> None:
    both = ("a/x:v1", "b/x:v2")
    # The tag is that of the last pod.
    assert diff_snapshots(images("v1", *both), images("v2", *both)).changes == ()
    # Ours are known to have all references, whatever the tag is.
    assert diff_snapshots(images("odd", *both), images("v2", *both)).changes == ()
    assert diff_snapshots(images("v1", *both), images("odd", *both)).changes == ()
    (change,) = diff_snapshots(images("v1", *both), images("v1", "a/x:v1", "b/x:v3")).changes
    assert (change.key, change.kind) == ("context.image.x", CHANGED)
    (change,) = diff_snapshots(images("v1"), images("v2", *both)).changes
    assert (change.key, change.kind) == ("context.image.x", ADDED)
    assert reported(diff_snapshots(images("v1"), images("v2"))) == [("K8s.image.x", CHANGED)]
    named = diff_snapshots(images("v1"), images("v2", *both), selection=Selection(("K8s.image.x",)))
    assert reported(named) == [("K8s.image.x", CHANGED)]
    everything = Selection(everything=True)
    found = diff_snapshots(images("v1", *both), images("v2", *both), selection=everything)
    assert reported(found) == [("K8s.image.x", CHANGED)]


def test_a_tag_of_a_document_without_references_may_be_any_of_them() -> None:
    theirs = snapshot("K8s", Subtype("image", {"x": "v2", "y": "1"}))
    ours = images("v1", "a/x:v1@sha256:0", "localhost:5000/x:v2")
    assert diff_snapshots(ours, theirs).changes == ()
    assert diff_snapshots(theirs, ours).changes == ()
    ours = images("v1", "a/x:v1", "b/x:v3")
    assert reported(diff_snapshots(ours, theirs)) == [("K8s.image.x", CHANGED)]
    assert diff_snapshots(ours, snapshot("K8s", Subtype("image", {"x": "v3", "y": "1"}))).is_empty
    (change,) = diff_snapshots(ours, snapshot("K8s", Subtype("image", {"y": "1"}))).changes
    assert (change.key, change.kind) == ("x", REMOVED)


def test_of_equal_types_and_subtypes_the_first_counts() -> None:
    first = Measurement(
        "OS", (Subtype("kmod", {"a": True}, READ), Subtype("kmod", {"b": True}, READ))
    )
    second = Measurement(
        "OS", (Subtype("kmod", {"c": True}, READ), Subtype("release", {"d": "1"}, READ))
    )
    twice, once = (
        Snapshot({}, (first, second)),
        Snapshot({}, (Measurement("OS", first.subtypes[:1]),)),
    )
    assert diff_snapshots(twice, once).changes == ()
    assert diff_snapshots(once, twice).changes == ()


def test_true_is_not_1() -> None:
    for one, other in ((True, 1), (1, True), (False, 0), (0, False), (1.0, True)):
        assert reported(diff_snapshots(sysctl(a=one), sysctl(a=other))) == [
            ("OS.sysctl.a", CHANGED)
        ]
    assert diff_snapshots(sysctl(a=1), sysctl(a=1.0)).changes == ()


def test_the_metadata_are_shown_if_they_are_named() -> None:
    before, after = (Snapshot({"version": v, "mode": v}) for v in "12")
    assert diff_snapshots(before, after).left_out == 2
    both = [("metadata.mode", CHANGED), ("metadata.version", CHANGED)]
    for only in ("metadata", "metadata.*"):
        assert reported(diff_snapshots(before, after, selection=Selection((only,)))) == both
    named = Selection(("metadata.version",))
    assert reported(diff_snapshots(before, after, selection=named)) == both[1:]


def redacted(token: str, **metadata: str) -> Snapshot:
    data = {"Environment": f"[A={PREFIX}{token * 16}]"}
    return snapshot("SystemD", Subtype("a.service", data, READ), **metadata)


def test_secrets_are_compared_only_by_one_key() -> None:
    (change,) = diff_snapshots(redacted("1"), redacted("2")).changes
    assert (change.kind, change.note) == (UNKNOWN, "redacted with different keys")
    one = redacted("1", redaction_key="k")
    assert reported(diff_snapshots(one, redacted("2", redaction_key="k"))) == [
        ("SystemD.a.service.Environment", CHANGED)
    ]
    assert diff_snapshots(one, redacted("1")).changes == ()


def test_what_redaction_took_away_is_unknown() -> None:
    before = sysctl(a="1", b="2")
    after = snapshot("OS", Subtype("sysctl", {"a": "1"}, {"left-out": "1", **READ}))
    (change,) = diff_snapshots(before, after).changes
    assert (change.kind, change.note) == (UNKNOWN, "B: left out by --redact")
    before = snapshot("OS", Subtype("grub", {f"{PREFIX}{'0' * 16}": "x"}, READ))
    (change,) = diff_snapshots(before, snapshot("OS", Subtype("grub", {}, READ))).changes
    assert (change.kind, change.note) == (UNKNOWN, "redacted")


@pytest.mark.parametrize(
    ("only", "ignore", "paths"),
    [
        ((), (), ["OS.sysctl.a", "OS.sysctl.b"]),
        (("*.a",), (), ["OS.sysctl.a"]),
        ((), ("OS.sysctl.a",), ["OS.sysctl.b"]),
        (("OS",), ("*.b",), ["OS.sysctl.a"]),
    ],
)
def test_only_what_is_asked_for_is_reported(
    only: tuple[str, ...], ignore: tuple[str, ...], paths: list[str]
) -> None:
    diff = diff_snapshots(
        sysctl(a="1", b="1"), sysctl(a="2", b="2"), selection=Selection(only, ignore)
    )
    assert [change.path for change in diff.changes] == paths
    assert diff.left_out == 0


def test_of_a_whole_subtype_only_the_values_asked_for_are_reported() -> None:
    before, after = gpus(("A", "0:1"), ("B", "0:2")), gpus(("A", "0:1"))
    (change,) = diff_snapshots(before, after, selection=Selection(("*.uuid",))).changes
    assert change.values == {"uuid": "B"}
    assert diff_snapshots(before, after, selection=Selection((), ("GPU",))).changes == ()


def test_unknown_alone_is_no_difference_but_not_complete() -> None:
    diff = diff_snapshots(sysctl(a="1"), Snapshot())
    assert (diff.is_empty, diff.is_complete) == (True, False)
    assert count_kinds(diff) == {ADDED: 0, REMOVED: 0, CHANGED: 0, UNKNOWN: 1}
    diff = diff_snapshots(sysctl(a="1"), sysctl(a="2"))
    assert (diff.is_empty, diff.is_complete) == (False, True)


MIRRORED = {ADDED: REMOVED, REMOVED: ADDED, CHANGED: CHANGED, UNKNOWN: UNKNOWN}


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_no_document_differs_from_itself(one: Snapshot) -> None:
    diff = diff_snapshots(one, one, selection=Selection(everything=True))
    assert diff.is_empty


def subtypes_of(*names: str) -> st.SearchStrategy[tuple[Subtype, ...]]:
    """Return subtypes of few names and keys, so that two documents have some in common."""
    readings = st.sampled_from(("", "1", 1, True, f"{PREFIX}{'0' * 16}", f"{PREFIX}{'1' * 16}"))
    data = st.dictionaries(st.sampled_from(("a", "Exec", "After", f"{PREFIX}a")), readings)
    context = st.fixed_dictionaries(
        {},
        optional={key: st.sampled_from(STATUSES) for key in ("status", "elapsed-ms", "left-out")},
    )
    return st.lists(st.builds(Subtype, st.sampled_from(names), data, context)).map(tuple)


LIKE_SNAPSHOTS = st.builds(
    lambda name, system, units: Snapshot(
        {"source-node": name}, (Measurement("OS", system), Measurement("SystemD", units))
    ),
    st.sampled_from(("", "a", "b")),
    subtypes_of("sysctl", "kmod"),
    subtypes_of("a.service", "b.service"),
)


@DOCUMENT_PROPERTY
@given(LIKE_SNAPSHOTS, LIKE_SNAPSHOTS)
def test_the_other_way_round_added_is_removed(one: Snapshot, other: Snapshot) -> None:
    for everything in (False, True):
        selection = Selection(everything=everything)
        there, back = (
            diff_snapshots(*pair, selection=selection) for pair in ((one, other), (other, one))
        )
        mirrored = [(change.path, MIRRORED[change.kind]) for change in back.changes]
        assert sorted(reported(there)) == sorted(mirrored)
