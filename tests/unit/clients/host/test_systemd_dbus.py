"""Calls to systemd through a real peer on a Unix socket, which also misbehaves."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jeepney.low_level import HeaderFields, Message, MessageType

from kubectl_snapshot.clients.host import systemd_dbus
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.systemd_dbus import (
    Property,
    Reply,
    build_call,
    escape_unit_name,
    parse_message,
    parse_message_size,
)
from kubectl_snapshot.errors import Internal, SnapshotError, Timeout, Unavailable
from tests.servers.systemd_peer import (
    Call,
    answer_units,
    build_message,
    list_loaded,
    listen,
    serve_systemd,
)

NOBODY = 65534
SOON_S = 0.1
LONG_S = 30.0
KUBELET = {
    "Id": {"type": "s", "data": "kubelet.service"},
    "ActiveState": {"type": "s", "data": "active"},
    "MainPID": {"type": "u", "data": 2217},
    "LimitNOFILE": {"type": "t", "data": 2**64 - 1},
    "InvocationID": {"type": "ay", "data": [219, 103, 173]},
    "ExecStart": {
        "type": "a(sasbttttuii)",
        "data": [["/usr/bin/x", ["/usr/bin/x", "-v"], False, 1, 2, 3, 4, 5, 0, 0]],
    },
}


def ask(
    root: Path, question: Callable[[systemd_dbus.Manager], Any], seconds: float = LONG_S
) -> Any:
    with systemd_dbus.connect(HostPath(str(root)), time.monotonic() + seconds) as manager:
        return question(manager)


def read_kubelet(manager: systemd_dbus.Manager) -> Any:
    return manager.read_properties("kubelet.service")


def test_all_properties_of_a_unit_have_their_types(tmp_path: Path) -> None:
    with serve_systemd(tmp_path, answer_units({"kubelet.service": KUBELET})):
        found = ask(tmp_path, read_kubelet)
    assert found == {
        "Id": Property("s", "kubelet.service"),
        "ActiveState": Property("s", "active"),
        "MainPID": Property("u", 2217),
        "LimitNOFILE": Property("t", 2**64 - 1),
        "InvocationID": Property("ay", b"\xdb\x67\xad"),
        "ExecStart": Property(
            "a(sasbttttuii)",
            [("/usr/bin/x", ["/usr/bin/x", "-v"], False, 1, 2, 3, 4, 5, 0, 0)],
        ),
    }


def test_properties_are_requested_without_interface_and_hello(tmp_path: Path) -> None:
    calls = []

    def answer(call: Call) -> None:
        calls.append((call.path, call.interface, call.member, call.body))
        call.reply("a{sv}", {})

    with serve_systemd(tmp_path, answer) as peer:
        ask(tmp_path, read_kubelet)
    uid = str(os.geteuid()).encode().hex().encode()
    assert peer.lines == [b"\0AUTH EXTERNAL " + uid + b"\r\n"]
    path = "/org/freedesktop/systemd1/unit/kubelet_2eservice"
    assert calls == [(path, "org.freedesktop.DBus.Properties", "GetAll", ("",))]


@pytest.mark.parametrize(
    ("unit", "escaped"),
    [
        ("containerd.service", "containerd_2eservice"),
        ("getty@tty1.service", "getty_40tty1_2eservice"),
        ("9p.mount", "_39p_2emount"),
        (r"a\x2db_c.service", "a_5cx2db_5fc_2eservice"),
        ("ä.service", "_c3_a4_2eservice"),
        ("", "_"),
    ],
)
def test_a_unit_name_is_escaped_as_systemd_does(unit: str, escaped: str) -> None:
    assert escape_unit_name(unit) == escaped


def test_a_call_that_systemd_does_not_notice_is_repeated(tmp_path: Path) -> None:
    with serve_systemd(tmp_path, answer_units({"kubelet.service": KUBELET}), unnoticed=2):
        assert ask(tmp_path, read_kubelet)["Id"] == Property("s", "kubelet.service")


def test_the_first_call_is_longer_than_one_read_of_systemd() -> None:
    ping = build_call(1, systemd_dbus.LONG_PATH, "org.freedesktop.DBus.Peer", "Ping", "", ())
    assert len(ping) > 256


def test_signals_and_replies_to_other_calls_are_ignored(tmp_path: Path) -> None:
    def answer(call: Call) -> None:
        for _ in range(40):
            call.signal("UnitNew")
        other = {HeaderFields.reply_serial: 999}
        call.send(build_message(MessageType.method_return, other, "s", ("not ours",)))
        call.reply("a{sv}", {"Id": ("s", "mine")})

    with serve_systemd(tmp_path, answer):
        assert ask(tmp_path, read_kubelet) == {"Id": Property("s", "mine")}


def test_a_reply_may_arrive_byte_by_byte(tmp_path: Path) -> None:
    def answer(call: Call) -> None:
        for byte in call.build_reply("a{sv}", {"Id": ("s", "mine")}):
            call.send(bytes([byte]))

    with serve_systemd(tmp_path, answer):
        assert ask(tmp_path, read_kubelet) == {"Id": Property("s", "mine")}


def test_a_pattern_finds_loaded_and_installed_units_but_no_templates_or_aliases(
    tmp_path: Path,
) -> None:
    def answer(call: Call) -> None:
        assert call.body == ([], ["nvidia*"])
        if call.member == "ListUnitsByPatterns":
            loaded = [("nvidia-b.service", "loaded"), ("nvidia-ghost.service", "not-found")]
            call.reply("a(ssssssouso)", [list_loaded(*pair) for pair in loaded])
        else:
            states = {
                "nvidia-a.service": "disabled",
                "nvidia-b.service": "enabled",
                "nvidia-alias.service": "alias",
                "nvidia@.service": "static",
            }
            call.reply("a(ss)", [(f"/usr/lib/systemd/system/{n}", s) for n, s in states.items()])

    with serve_systemd(tmp_path, answer):
        found = ask(tmp_path, lambda manager: manager.list_units("nvidia*"))
    assert found == ["nvidia-a.service", "nvidia-b.service"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("org.freedesktop.DBus.Error.InvalidArgs", Internal),
        ("org.freedesktop.DBus.Error.AccessDenied", Unavailable),
    ],
)
def test_a_refusal_has_systemds_message_and_keeps_the_connection(
    tmp_path: Path, error: str, kind: type[SnapshotError]
) -> None:
    def answer(call: Call) -> None:
        if "kubelet" in call.path:
            call.fail(error, "not this one")
        else:
            call.reply("a{sv}", {})

    def question(manager: systemd_dbus.Manager) -> object:
        with pytest.raises(kind) as caught:
            read_kubelet(manager)
        assert caught.value.why == f"{error}: not this one"
        return manager.read_properties("other.service")

    with serve_systemd(tmp_path, answer):
        assert ask(tmp_path, question) == {}


BROKEN = {
    "another type": (lambda call: call.reply("as", ["a"]), "GetAll returned signature 'as'"),
    "the end": (lambda call: call.close(), "closed the connection"),
    "half a reply": (
        lambda call: (call.send(call.build_reply("a{sv}", {})[:-9]), call.close()),
        "closed the connection",
    ),
    "no D-Bus": (
        lambda call: call.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        "invalid D-Bus message",
    ),
    "more than fits": (lambda call: call.send(b"l\2\0\1" + b"\xff" * 12), "more than 16777216"),
    "broken text": (
        lambda call: call.send(call.build_reply("s", "abc").replace(b"abc", b"\xff\xff\xff")),
        "invalid D-Bus message",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_reply_is_an_error_with_the_reason(tmp_path: Path, broken: str) -> None:
    answer, message = BROKEN[broken]
    with serve_systemd(tmp_path, answer), pytest.raises(Internal) as caught:
        ask(tmp_path, read_kubelet)
    assert message in str(caught.value)


def test_refused_authentication_is_unavailable(tmp_path: Path) -> None:
    refusing = serve_systemd(tmp_path, answer_units({}), b"REJECTED EXTERNAL\r\n")
    with refusing, pytest.raises(Unavailable, match=r"refused authentication.*REJECTED"):
        ask(tmp_path, read_kubelet)


def assert_times_out(root: Path) -> None:
    before = time.monotonic()
    with pytest.raises(Timeout, match="did not answer in time"):
        ask(root, read_kubelet, SOON_S)
    assert SOON_S <= time.monotonic() - before < 5


def test_a_silent_socket_times_out(tmp_path: Path) -> None:
    with serve_systemd(tmp_path, answer_units({}), auth_reply=b""):
        assert_times_out(tmp_path)


def test_a_call_without_reply_times_out(tmp_path: Path) -> None:
    with serve_systemd(tmp_path, lambda call: None):
        assert_times_out(tmp_path)


def test_signals_without_end_do_not_extend_the_deadline(tmp_path: Path) -> None:
    def answer(call: Call) -> None:
        while not call.stopped.wait(0.01):
            call.signal("UnitNew")

    with serve_systemd(tmp_path, answer):
        assert_times_out(tmp_path)


def test_after_the_deadline_nothing_is_sent(tmp_path: Path) -> None:
    with serve_systemd(tmp_path, answer_units({})) as peer, pytest.raises(Timeout):
        ask(tmp_path, read_kubelet, 0)
    assert peer.lines == []


def test_without_a_deadline_it_waits(tmp_path: Path) -> None:
    with serve_systemd(tmp_path, answer_units({"kubelet.service": KUBELET})):
        assert ask(tmp_path, read_kubelet, math.inf)["ActiveState"] == Property("s", "active")


def test_a_socket_without_listener_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "run/systemd").mkdir(parents=True)
    listen(tmp_path / "run/systemd/private").close()
    with pytest.raises(Unavailable, match=r"cannot connect.*Connection refused"):
        ask(tmp_path, read_kubelet)


def test_a_node_without_systemd_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(Unavailable, match=r"/run/systemd/private not found on the node: No such"):
        ask(tmp_path, read_kubelet)


def test_a_pod_without_the_nodes_files_connects_to_no_systemd_of_its_own() -> None:
    with pytest.raises(Unavailable, match="is not visible from here: the pod runs without"):
        systemd_dbus.connect(HostPath(None), math.inf)


def test_a_user_without_permission_gets_the_kernels_message() -> None:
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)
        with serve_systemd(root, answer_units({})):
            (root / "run/systemd/private").chmod(0o600 if is_root else 0)
            if is_root:
                os.seteuid(NOBODY)
            try:
                with pytest.raises(Unavailable, match=r"cannot connect.*Permission denied"):
                    ask(root, read_kubelet)
            finally:
                if is_root:
                    os.seteuid(0)


def test_links_to_the_socket_stay_in_the_nodes_tree(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with serve_systemd(root / "var", answer_units({"kubelet.service": KUBELET})):
        (root / "run").symlink_to("/var/run")
        assert ask(root, read_kubelet)["Id"] == Property("s", "kubelet.service")


def test_a_socket_path_over_the_kernels_limit_works(tmp_path: Path) -> None:
    root = tmp_path / ("d" * 100) / ("e" * 100)
    with serve_systemd(root, answer_units({"kubelet.service": KUBELET})):
        assert ask(root, read_kubelet)["Id"] == Property("s", "kubelet.service")


ERROR = build_message(
    MessageType.error,
    {HeaderFields.reply_serial: 3, HeaderFields.error_name: "org.example.Error"},
    "s",
    ("words",),
)


def test_an_error_has_its_name() -> None:
    assert parse_message(ERROR) == Reply(3, "s", ("words",), "org.example.Error")


def test_a_call_reads_back_as_it_was_built() -> None:
    raw = build_call(5, "/a/b", "org.example.I", "Do", "sas", ("x", ["y"]))
    assert parse_message_size(raw[:16]) == len(raw)
    assert Message.from_buffer(raw).header.serial == 5
    assert parse_message(raw) == Reply(0, "sas", ("x", ["y"]))


VALID = [
    ERROR,
    build_message(
        MessageType.method_return,
        {HeaderFields.reply_serial: 4},
        "a{sv}",
        ({"A": ("as", ["x"]), "B": ("(bs)", (True, "y")), "C": ("ay", b"z"), "D": ("d", 1.5)},),
    ),
]


@st.composite
def broken_messages(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw)


@given(st.one_of(broken_messages(), st.binary(), st.binary().map(lambda end: VALID[1] + end)))
def test_any_bytes_are_a_reply_or_an_error(raw: bytes) -> None:
    assume(b"a()" not in raw)  # jeepney loops on this, see parse_message
    try:
        reply = parse_message(raw)
    except SnapshotError:
        return
    assert isinstance(reply.reply_serial, int)
    assert isinstance(reply.body, tuple)


@given(st.binary(min_size=16, max_size=16))
def test_any_head_has_a_bounded_size_or_is_an_error(head: bytes) -> None:
    try:
        size_bytes = parse_message_size(head)
    except SnapshotError:
        return
    assert 16 <= size_bytes <= systemd_dbus.MAX_MESSAGE_BYTES
