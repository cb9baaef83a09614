from __future__ import annotations

from kubectl_snapshot.collectors.gpu.collector import DEVICES
from kubectl_snapshot.document.diff.change import ADDED, REMOVED, Change
from kubectl_snapshot.document.diff.parts import MatchedParts, match_parts
from kubectl_snapshot.document.snapshot import Scalar, Subtype

PARTIAL = {"status": "partial"}


def mig(*devices: tuple[int, str, str], context: dict[str, str] | None = None) -> Subtype:
    """Return a GPU with MIG devices: number, UUID, placement; an empty one is not there."""
    data: dict[str, Scalar] = {"uuid": "GPU-a", "mig.current": True}
    for number, uuid, placement in devices:
        values = {
            "uuid": uuid,
            "placement": placement,
            "compute-instance-id": "0" * bool(placement),
        }
        data.update({f"mig.{number}.{key}": text for key, text in values.items() if text})
        data[f"mig.{number}.name"] = f"of {uuid}"
    return Subtype("gpu-0", data, context or {})


def match(old: Subtype, new: Subtype) -> MatchedParts:
    return match_parts("GPU.gpu-0", old, new, DEVICES.parts)


def numbers(subtype: Subtype) -> dict[str, Scalar]:
    return {key: value for key, value in subtype.data.items() if key.endswith("name")}


def test_mig_devices_go_by_their_uuid_whatever_their_number_and_placement() -> None:
    old, new = mig((0, "A", "0:1"), (1, "B", "1:1")), mig((0, "B", "0:1"), (4, "A", "1:1"))
    matched = match(old, new)
    assert matched.before == old
    assert numbers(matched.after) == {"mig.0.name": "of A", "mig.1.name": "of B"}
    assert matched.after.data["mig.current"] is True
    assert matched.changes == ()


def test_mig_devices_of_two_nodes_go_by_their_placement() -> None:
    old, new = mig((0, "A", "0:1"), (1, "B", "1:1")), mig((0, "C", "1:1"), (1, "D", "0:1"))
    assert numbers(match(old, new).after) == {"mig.0.name": "of D", "mig.1.name": "of C"}


def test_two_compute_instances_of_one_placement_are_two() -> None:
    old = Subtype(
        "g",
        {
            "mig.0.placement": "0:2",
            "mig.0.compute-instance-id": 0,
            "mig.0.name": "a",
            "mig.1.placement": "0:2",
            "mig.1.compute-instance-id": 1,
            "mig.1.name": "b",
        },
    )
    new = Subtype(
        "g",
        {
            "mig.3.placement": "0:2",
            "mig.3.compute-instance-id": 1,
            "mig.3.name": "b",
            "mig.5.placement": "0:2",
            "mig.5.compute-instance-id": 0,
            "mig.5.name": "a",
        },
    )
    assert match(old, new).after.data == old.data


def test_a_mig_device_that_only_one_has_is_one_change() -> None:
    old, new = mig((0, "A", "0:1"), (1, "B", "1:1")), mig((0, "B", "1:1"))
    values = {"uuid": "A", "placement": "0:1", "compute-instance-id": "0", "name": "of A"}
    note = "of A at 0:1"
    matched = match(old, new)
    assert matched.changes == (Change("GPU.gpu-0", "mig.0", REMOVED, note=note, values=values),)
    assert matched.before.data == matched.after.data == mig((1, "B", "1:1")).data
    (change,) = match(new, old).changes
    assert (change.key, change.kind, change.values) == ("mig.0", ADDED, values)


def test_a_mig_device_that_may_be_unread_is_not_removed() -> None:
    old, new = mig((0, "A", "0:1"), (1, "B", "1:1")), mig((0, "B", "1:1"), context=PARTIAL)
    matched = match(old, new)
    assert matched.changes == ()
    assert matched.before == old
    assert numbers(matched.after) == {"mig.1.name": "of B"}
    back = match(new, old)
    assert back.changes == ()
    # A new one does not take the number of another.
    assert numbers(back.after) == {"mig.0.name": "of B", "mig.2.name": "of A"}
    old = mig((0, "A", "5:1"), context=PARTIAL)
    found = match(old, mig((0, "C", "0:1"), (2, "D", "2:1"))).after
    assert numbers(found) == {"mig.1.name": "of C", "mig.2.name": "of D"}


def test_parts_without_identity_go_by_their_number() -> None:
    old, new = mig((0, "", ""), (1, "", "")), mig((1, "", ""), (2, "", ""))
    kinds = [(change.key, change.kind) for change in match(old, new).changes]
    assert kinds == [("mig.0", REMOVED), ("mig.2", ADDED)]
    # A part that has an identity is not another one of its number.
    kinds = [
        (change.key, change.kind)
        for change in match(old, mig((0, "A", "0:1"), (1, "", ""))).changes
    ]
    assert kinds == [("mig.0", REMOVED), ("mig.0", ADDED)]


def test_other_keys_stay() -> None:
    data: dict[str, Scalar] = {
        "mig.current": True,
        "mig.max-device-count": 7,
        "mig.0": 1,
        "xmig.0.a": 2,
    }
    matched = match(Subtype("g", data), Subtype("g", data))
    assert (matched.before.data, matched.after.data, matched.changes) == (data, data, ())
