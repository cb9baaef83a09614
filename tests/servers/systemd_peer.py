"""Fake systemd on a private D-Bus socket; a function of the test answers its calls."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain, islice
from pathlib import Path
from typing import Any

from jeepney.low_level import (
    Array,
    Endianness,
    Header,
    HeaderFields,
    Message,
    MessageType,
    Parser,
    Struct,
    parse_signature,
)

AUTH_OK = b"OK 0123456789abcdef0123456789abcdef\r\n"
UNIT_PREFIX = "/org/freedesktop/systemd1/unit/"

# A property as `busctl --json=short` prints it: {"type": "s", "data": "active"}.
Unit = Mapping[str, Mapping[str, Any]]


class Call:
    """One method call, with methods to reply to it."""

    def __init__(self, connection: socket.socket, message: Message, stopped: threading.Event):
        fields = message.header.fields
        self._connection = connection
        self._serial = message.header.serial
        self.stopped = stopped
        self.path: str = fields[HeaderFields.path]
        self.member: str = fields[HeaderFields.member]
        self.interface: str = fields[HeaderFields.interface]
        self.body: tuple[Any, ...] = message.body

    def reply(self, signature: str, *body: object) -> None:
        self.send(self.build_reply(signature, *body))

    def fail(self, error: str, *messages: str) -> None:
        fields = {HeaderFields.reply_serial: self._serial, HeaderFields.error_name: error}
        self.send(build_message(MessageType.error, fields, "s" * len(messages), messages))

    def signal(self, member: str) -> None:
        """Send a signal, unrelated to any call."""
        fields = {
            HeaderFields.path: "/org/freedesktop/systemd1",
            HeaderFields.interface: "org.freedesktop.systemd1.Manager",
            HeaderFields.member: member,
        }
        self.send(build_message(MessageType.signal, fields, "s", ("unit",)))

    def build_reply(self, signature: str, *body: object) -> bytes:
        fields = {HeaderFields.reply_serial: self._serial}
        return build_message(MessageType.method_return, fields, signature, body)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._connection.sendall(data)

    def close(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Peer:
    """A running systemd; `lines` are its clients' first bytes, sent to authenticate."""

    lines: list[bytes]


def build_message(
    kind: MessageType,
    fields: Mapping[HeaderFields, object],
    signature: str,
    body: tuple[Any, ...],
    serial: int = 7,
) -> bytes:
    all_fields = {**fields, HeaderFields.signature: signature}
    header = Header(Endianness.little, kind, 0, 1, -1, serial, all_fields)
    message: bytes = Message(header, body).serialise()
    return message


@contextmanager
def serve_systemd(
    root: Path,
    answer: Callable[[Call], None],
    auth_reply: bytes = AUTH_OK,
    unnoticed: int = 0,
) -> Iterator[Peer]:
    """Run a systemd whose socket is in the host tree `root`.

    An empty `auth_reply` stays silent. It answers Ping, and does not notice the first `unnoticed`
    calls until one more arrives.
    """
    path = root / "run" / "systemd" / "private"
    path.parent.mkdir(parents=True, exist_ok=True)
    peer, stopped = Peer([]), threading.Event()
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            peer.lines.append(connection.recv(4096))
            if not auth_reply:
                stopped.wait()
                return
            connection.sendall(auth_reply)
            calls = read_calls(connection, stopped)
            first = list(islice(calls, 1 + unnoticed))
            for call in chain(first, calls):
                if call.member == "Ping":
                    call.reply("")
                else:
                    answer(call)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    listener = listen(path)
    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield peer
    finally:
        stopped.set()
        for end in [listener, *connections]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
        for end in [listener, *connections]:
            end.close()
        path.unlink()


def read_calls(connection: socket.socket, stopped: threading.Event) -> Iterator[Call]:
    """Yield the calls after BEGIN until the client closes the connection."""
    parser = Parser()
    data = connection.recv(65536)
    if not data.startswith(b"BEGIN\r\n"):
        return
    data = data[len(b"BEGIN\r\n") :] or connection.recv(65536)
    while data and not stopped.is_set():
        for message in parser.feed(data):
            yield Call(connection, message, stopped)
        data = connection.recv(65536)


def listen(path: Path) -> socket.socket:
    """Return a listening Unix socket; its path may exceed the kernel's limit of 107 bytes."""
    listener = socket.socket(socket.AF_UNIX)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)
    listener.listen()
    return listener


def answer_units(units: Mapping[str, Unit]) -> Callable[[Call], None]:
    """Return the function that answers for these units, loaded from files; others are not found."""

    def answer(call: Call) -> None:
        if call.member == "GetAll":
            name = unescape(call.path[len(UNIT_PREFIX) :])
            found = units.get(name) or not_found(name)
            properties = {
                key: (recorded["type"], parse_data(recorded["type"], recorded["data"]))
                for key, recorded in found.items()
            }
            call.reply("a{sv}", properties)
        elif call.member == "ListUnitsByPatterns":
            loaded = [list_loaded(name) for name in match(units, call)]
            call.reply("a(ssssssouso)", loaded)
        else:
            paths = [f"/usr/lib/systemd/system/{name}" for name in match(units, call)]
            call.reply("a(ss)", [(path, "enabled") for path in paths])

    return answer


def not_found(name: str) -> Unit:
    """Return systemd's properties of a unit that does not exist, shortened."""
    missing = ["org.freedesktop.systemd1.NoSuchUnit", f"Unit {name} not found."]
    return {
        "Id": {"type": "s", "data": name},
        "LoadState": {"type": "s", "data": "not-found"},
        "ActiveState": {"type": "s", "data": "inactive"},
        "LoadError": {"type": "(ss)", "data": missing},
    }


def list_loaded(name: str, load_state: str = "loaded") -> tuple[Any, ...]:
    """Return a unit as ListUnits does (org.freedesktop.systemd1(5))."""
    path = f"{UNIT_PREFIX}x"
    return (name, "", load_state, "active", "running", "", path, 0, "", "/")


def read_units(directory: Path) -> dict[str, Unit]:
    """Return the units recorded in a directory, one file `<unit>.json` each."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}


def parse_data(signature: str, data: Any) -> Any:
    """Return the D-Bus value of data that `busctl --json` printed."""
    return _to_dbus(parse_signature(list(signature)), data)


def match(units: Mapping[str, Unit], call: Call) -> list[str]:
    _, patterns = call.body
    return [name for name in units if any(fnmatchcase(name, p) for p in patterns)]


def unescape(label: str) -> str:
    head, *parts = label.split("_")
    return head + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts)


def _to_dbus(kind: Any, data: Any) -> Any:
    if isinstance(kind, Struct):
        return tuple(_to_dbus(field, item) for field, item in zip(kind.fields, data))
    if isinstance(kind, Array):
        items = [_to_dbus(kind.elt_type, item) for item in data]
        return bytes(items) if repr(kind.elt_type) == "FixedType(1, 'B')" else items
    return data
