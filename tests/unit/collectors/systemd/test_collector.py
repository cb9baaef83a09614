"""What the SystemD collector makes of a systemd's answers, and of a node without one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.systemd_dbus import Property
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.collectors.systemd import collector as systemd
from kubectl_snapshot.collectors.systemd.collector import (
    build_readings,
    choose_subtypes,
    parse_units,
)
from kubectl_snapshot.document.scalars import kind_of
from kubectl_snapshot.document.snapshot import Scalar, Subtype
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.settings import CollectSettings
from tests.servers.systemd_peer import Call, Unit, answer_units, serve_systemd

ACTIVE: Unit = {"Id": {"type": "s", "data": "x"}, "ActiveState": {"type": "s", "data": "active"}}
UNITS = dict.fromkeys(
    ("containerd.service", "kubelet.service", "nvidia-a.service", "nvidia-b.timer"), ACTIVE
)
DATA = {"ActiveState": "active"}


def collect(
    root: Path | None, services: tuple[str, ...] | None = None, deadline: float = math.inf
) -> list[Subtype]:
    host = HostPath(str(root) if root else None)
    return list(
        systemd.collect(
            Context(host, settings=CollectSettings(default_units=services or ()), deadline=deadline)
        )
    )


def collect_from(
    root: Path,
    services: tuple[str, ...] | None = None,
    answer: Callable[[Call], None] | None = None,
) -> list[Subtype]:
    with serve_systemd(root, answer or answer_units(UNITS)):
        return collect(root, services)


@pytest.mark.parametrize(
    ("signature", "value", "reading"),
    [
        ("b", True, True),
        ("s", "no", "no"),
        ("o", "/", "/"),
        ("t", 2**64 - 1, 2**64 - 1),
        ("t", 2**64 - 2, 2**64 - 2),
        ("x", -(2**63), -(2**63)),
        ("d", 0.5, 0.5),
        ("u", 2217, "2217"),
        ("i", -999, "-999"),
        ("q", 18, "18"),
        ("n", -1, "-1"),
        ("y", 7, "7"),
        ("as", ["network.target", "dbus.service"], "[network.target dbus.service]"),
        ("as", [], "[]"),
        ("ay", b"\xdb\x07\xad", "db07ad"),
        ("(bs)", (False, ""), "[false ]"),
        (
            "a(sasb)",
            [("/usr/bin/x", ["/usr/bin/x", "-v"], False)],
            "[[/usr/bin/x [/usr/bin/x -v] false]]",
        ),
        ("a{su}", {"b": 2, "a": 1}, "map[a:1 b:2]"),
        ("at", [2**64 - 1], "[18446744073709551615]"),
        ("v", ("s", "x"), "[s x]"),
    ],
)
def test_each_type_of_property_is_stored_as_the_contract_says(
    signature: str, value: object, reading: Scalar
) -> None:
    found = build_readings({"Key": Property(signature, value)})["Key"]
    assert (found, kind_of(found)) == (reading, kind_of(reading))


def test_properties_that_say_nothing_or_hold_credentials_are_dropped() -> None:
    dropped = ["AllowedCPUs", "AllowedMemoryNodes", "Asserts", "BPFProgram", "BusName", "Id"]
    dropped += ["LoadCredential", "SetCredentialEncrypted", "ImportCredentialEx"]
    kept = ["InvocationID", "AssertResult", "DropInPaths", "EffectiveCPUs"]
    names = [*dropped, *kept]
    assert [*build_readings(dict.fromkeys(names, Property("s", "")))] == kept


def test_the_default_units_are_read_in_order_and_a_missing_one_is_absent(tmp_path: Path) -> None:
    containerd, docker, kubelet = collect_from(tmp_path)
    assert containerd == Subtype("containerd.service", DATA)
    assert kubelet == Subtype("kubelet.service", DATA)
    assert docker.name == "docker.service"
    assert docker.data == {"LoadState": "not-found", "ActiveState": "inactive"}
    assert docker.context == {"status": "absent", "reason": "Unit docker.service not found."}


def test_chosen_units_are_read_with_the_default_ones(tmp_path: Path) -> None:
    names = ("nvidia-a.service", "kubelet.service", "nvidia-a.service")
    with serve_systemd(tmp_path, answer_units(UNITS)):
        context = Context(HostPath(str(tmp_path)), settings=CollectSettings(systemd_services=names))
        found = [subtype.name for subtype in systemd.collect(context)]
        assert found == [*systemd.DEFAULT_UNITS, "nvidia-a.service"]
        only = CollectSettings(systemd_services=names, default_units=("docker.service",))
        context = Context(HostPath(str(tmp_path)), settings=only)
        found = [subtype.name for subtype in systemd.collect(context)]
    assert found == ["docker.service", "nvidia-a.service", "kubelet.service"]
    assert [*systemd.choose_subtypes(context)] == found


def write_gpu(root: Path, class_code: str = "0x030200") -> None:
    device = root / "sys/bus/pci/devices/0000:1b:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "class").write_text(f"{class_code}\n")


def test_a_node_with_a_gpu_has_the_units_of_its_driver(tmp_path: Path) -> None:
    write_gpu(tmp_path)
    context = Context(HostPath(str(tmp_path)), settings=CollectSettings())
    assert choose_subtypes(context) == (*systemd.DEFAULT_UNITS, *systemd.GPU_UNITS)
    only = CollectSettings(default_units=("docker.service",))
    assert choose_subtypes(Context(HostPath(str(tmp_path)), settings=only)) == ("docker.service",)


def test_a_node_without_a_gpu_has_the_other_default_units(tmp_path: Path) -> None:
    write_gpu(tmp_path, "0x020000")
    for root in (tmp_path, tmp_path / "empty"):
        context = Context(HostPath(str(root)), settings=CollectSettings())
        assert choose_subtypes(context) == systemd.DEFAULT_UNITS
    restricted = Context(HostPath(None), settings=CollectSettings())
    assert choose_subtypes(restricted) == systemd.DEFAULT_UNITS


def test_a_pattern_gives_its_units_and_no_unit_twice(tmp_path: Path) -> None:
    names = ("nvidia-b.timer", "nvidia-*", "kube*.service")
    found = collect_from(tmp_path, names)
    assert found == [
        Subtype("nvidia-b.timer", DATA),
        Subtype("nvidia-a.service", DATA),
        Subtype("kubelet.service", DATA),
    ]


def test_a_pattern_without_a_unit_is_absent_by_its_own_name(tmp_path: Path) -> None:
    (subtype,) = collect_from(tmp_path, ("mlx*",))
    assert subtype.name == "mlx*"
    reason = "the node's systemd has no unit mlx*"
    assert (subtype.data, subtype.context) == ({}, {"status": "absent", "reason": reason})


def test_a_unit_that_is_refused_costs_no_other(tmp_path: Path) -> None:
    def answer(call: Call) -> None:
        if "docker" in call.path:
            call.fail("org.freedesktop.DBus.Error.AccessDenied", "SELinux policy denies access")
        else:
            answer_units(UNITS)(call)

    found = collect_from(tmp_path, answer=answer)
    assert [subtype.status for subtype in found] == ["ok", "unavailable", "ok"]
    assert found[1].context["reason"].endswith("AccessDenied: SELinux policy denies access")


def test_a_connection_that_breaks_costs_what_was_not_read_yet(tmp_path: Path) -> None:
    def answer(call: Call) -> None:
        if "docker" in call.path:
            call.close()
        else:
            answer_units(UNITS)(call)

    found = collect_from(tmp_path, (*systemd.DEFAULT_UNITS, "nvidia-*"), answer)
    assert [subtype.status for subtype in found] == ["ok", "error", "error", "error"]
    assert found[3].name == "nvidia-*"


@pytest.mark.parametrize("names", [None, ("a.service", "b*")])
def test_without_systemd_every_unit_that_was_asked_for_is_unavailable(
    tmp_path: Path, names: tuple[str, ...] | None
) -> None:
    found = collect(tmp_path, names)
    assert [subtype.name for subtype in found] == list(names or systemd.DEFAULT_UNITS)
    assert {(subtype.status, len(subtype.data)) for subtype in found} == {("unavailable", 0)}


def test_a_restricted_pod_says_why_it_sees_no_unit() -> None:
    reasons = {subtype.context["reason"] for subtype in collect(None)}
    assert len(reasons) == 1
    assert "the pod runs without the node's files (--privileged=false)" in reasons.pop()


@pytest.mark.parametrize("names", [(), ("a.service", "b*")])
def test_a_dead_socket_costs_the_deadline_and_is_reported_of_every_unit(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    host = HostPath(str(tmp_path))
    before = time.monotonic()
    with serve_systemd(tmp_path, answer_units({}), auth_reply=b""):
        (measurement,) = run_collectors(
            [systemd],
            Context(host, settings=CollectSettings(default_units=names)),
            before + 0.2,
            lambda event: None,
        )
    assert time.monotonic() - before < 5
    found = [(subtype.name, subtype.status) for subtype in measurement.subtypes]
    assert found == [(name, "timeout") for name in names or systemd.DEFAULT_UNITS]


def test_only_units_asked_for_by_name_are_expected_whatever_happens() -> None:
    host = HostPath(None)
    assert choose_subtypes(Context(host)) == systemd.DEFAULT_UNITS
    chosen = CollectSettings(systemd_services=("a.service", "b*"))
    found = choose_subtypes(Context(host, settings=chosen))
    assert found == (*systemd.DEFAULT_UNITS, "a.service")


@pytest.mark.parametrize(
    "name",
    ["kubelet.service", "getty@tty1.service", "nvidia-*", "[a-c]?.timer", r"dev-a\x2db.device"],
)
def test_names_and_patterns_of_units_are_taken_as_they_are(name: str) -> None:
    assert parse_units([name]) == (name,)


def test_no_name_means_the_default_units() -> None:
    assert parse_units([]) == ()


@pytest.mark.parametrize("name", ["", "a b.service", "a.service,b.service", "/a.service", "ä*"])
def test_what_can_be_no_units_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="invalid unit name"):
        parse_units([name])


def test_a_name_without_a_type_is_refused_with_the_whole_name() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_units(["kubelet.service", "nvidia-persistenced"])
    assert caught.value.hint == "use nvidia-persistenced.service"


VALUES: Any = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text(), st.builds(Property, st.text("bsotxduiaqny(){}"), VALUES)))
def test_any_properties_give_scalars_or_an_error(properties: Mapping[str, Property]) -> None:
    try:
        data = build_readings(properties)
    except SnapshotError:
        return
    assert all(isinstance(value, (str, int, float, bool)) for value in data.values())
