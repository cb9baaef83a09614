"""Asks the node's systemd by D-Bus on its own socket: no bus, and nothing of the container's.

The one module that imports jeepney. What a property means is the collector's business. Nothing is
asked that changes a unit; systemd loads the file of one that it has not looked at yet.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, SnapshotError, Timeout, Unavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from types import TracebackType

    from kubectl_snapshot.clients.host.hostpath import HostPath

# systemd, src/core/dbus.c: the manager's own socket, for root only; no message bus is behind it.
SOCKET = "/run/systemd/private"
# org.freedesktop.systemd1(5).
SERVICE = "org.freedesktop.systemd1"
MANAGER = "/org/freedesktop/systemd1"
UNIT_PREFIX = f"{MANAGER}/unit/"

# D-Bus specification: a message begins with 16 bytes of fixed meaning, its size among them. The
# specification allows 128 MiB; all units of a machine are less than one.
FIXED_HEADER_BYTES = 16
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_SIGN_IN_LINE_BYTES = 1024

CHUNK_BYTES = 65536

# Every path answers a Ping (D-Bus specification, org.freedesktop.DBus.Peer).
LONG_PATH = "/" + "a" * 256
CALL_AGAIN_S = 0.05

NO_ANSWER = "the node's systemd did not answer in time"
ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"


@dataclass(frozen=True)
class Property:
    """A value with its D-Bus signature; arrays are lists, structs tuples, `ay` bytes."""

    signature: str
    value: Any


@dataclass(frozen=True)
class Answer:
    """A message from systemd. `error` is a D-Bus error's name, else empty."""

    reply_serial: int
    signature: str
    body: tuple[Any, ...]
    error: str = ""


def connect(host: HostPath, deadline: float) -> Manager:
    """Return a connection to the node's systemd, on which nothing is waited for past `deadline`.

    Raises Unavailable where there is no systemd to be seen or it lets nobody but root in, Timeout.
    """
    try:
        connection = host.connect(SOCKET, _remaining_s(deadline))
    except Timeout:
        raise
    except SnapshotError as error:
        why = f"{error.what}: {error.why}" if error.why else error.what
        raise Unavailable("the node's systemd cannot be asked", why=why) from error
    manager = Manager(connection, deadline)
    try:
        manager.sign_in()
    except BaseException:
        manager.close()
        raise
    return manager


class Manager:
    """A connection to the node's systemd, to be closed; not for several threads at once."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._serial = 0

    def __enter__(self) -> Manager:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def sign_in(self) -> None:
        """Say who we are (D-Bus specification, EXTERNAL); there is no Hello without a bus.

        A call of which systemd reads the end along with BEGIN lies unseen until another one comes
        (libsystemd, bus_socket_read_auth). It reads 256 bytes at once: a longer call is seen, and
        should another version read more, the next one is.
        """
        from jeepney.auth import BEGIN, AuthenticationError, Authenticator

        sign_in = Authenticator()
        try:
            for data in sign_in:
                self._send(data)
                sign_in.feed(self._receive(MAX_SIGN_IN_LINE_BYTES))
        except AuthenticationError as error:
            raise Unavailable("the node's systemd does not let us in", why=str(error)) from error
        self._send(BEGIN)
        self._start_call(LONG_PATH, "org.freedesktop.DBus.Peer", "Ping", "", ())
        while not self._hears_within(CALL_AGAIN_S):
            self._start_call(LONG_PATH, "org.freedesktop.DBus.Peer", "Ping", "", ())

    def read_properties(self, unit: str) -> Mapping[str, Property]:
        """Return all properties of a unit, of every interface that it has.

        A unit that does not exist has them as well, its LoadState is `not-found`.
        """
        path = UNIT_PREFIX + escape_unit_name(unit)
        # No interface's name means all of them to systemd.
        [found] = self._call(
            path, "org.freedesktop.DBus.Properties", "GetAll", "s", ("",), returns="a{sv}"
        )
        return {name: Property(*variant) for name, variant in found.items()}

    def list_units(self, pattern: str) -> list[str]:
        """Return the units of a pattern (glob(7)), loaded or only installed, sorted.

        Left out is what cannot be read or is read by another name: templates without an instance,
        aliases, and names that only stand in another unit's file.
        """
        interface = f"{SERVICE}.Manager"
        arguments: tuple[list[str], list[str]] = ([], [pattern])  # states, patterns
        [loaded] = self._call(
            MANAGER, interface, "ListUnitsByPatterns", "asas", arguments, returns="a(ssssssouso)"
        )
        [installed] = self._call(
            MANAGER, interface, "ListUnitFilesByPatterns", "asas", arguments, returns="a(ss)"
        )
        names = {name for name, _, load_state, *_ in loaded if load_state != "not-found"}
        names.update(path.rpartition("/")[2] for path, state in installed if state != "alias")
        return sorted(name for name in names if "@." not in name)

    def _call(
        self, path: str, interface: str, member: str, signature: str, body: Any, returns: str
    ) -> tuple[Any, ...]:
        self._start_call(path, interface, member, signature, body)
        answer = self._receive_answer()
        # What was not asked for comes in between: signals of whatever changes meanwhile.
        while answer.reply_serial != self._serial:
            answer = self._receive_answer()
        if answer.error:
            error = Unavailable if answer.error == ACCESS_DENIED else Internal
            words = ": ".join([answer.error, *map(str, answer.body)])
            raise error(f"the node's systemd refuses {member} of {path}", why=words)
        if answer.signature != returns:
            given = answer.signature
            raise Internal(f"the node's systemd answers {member} by {given!r}, not by {returns!r}")
        return answer.body

    def _start_call(
        self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]
    ) -> None:
        self._serial += 1
        self._send(build_call(self._serial, path, interface, member, signature, body))

    def _receive_answer(self) -> Answer:
        head = self._receive_all(FIXED_HEADER_BYTES)
        size_bytes = parse_message_size(head)
        return parse_message(head + self._receive_all(size_bytes - len(head)))

    def _receive_all(self, size_bytes: int) -> bytes:
        chunks = []
        while size_bytes:
            chunk = self._receive(min(size_bytes, CHUNK_BYTES))
            chunks.append(chunk)
            size_bytes -= len(chunk)
        return b"".join(chunks)

    def _hears_within(self, seconds: float) -> bool:
        import socket

        self._connection.settimeout(min(seconds, _remaining_s(self._deadline) or seconds))
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except socket.timeout:
            return False
        except OSError as error:
            raise _translate(error) from error
        return True

    def _receive(self, at_most_bytes: int) -> bytes:
        self._connection.settimeout(_remaining_s(self._deadline))
        try:
            data = self._connection.recv(at_most_bytes)
        except OSError as error:
            raise _translate(error) from error
        if not data:
            raise Internal("the node's systemd closed the connection")
        return data

    def _send(self, data: bytes) -> None:
        self._connection.settimeout(_remaining_s(self._deadline))
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise _translate(error) from error


def escape_unit_name(unit: str) -> str:
    """Return a unit's name as a part of an object path (systemd, bus_label_escape)."""
    escaped = ""
    for byte in unit.encode():
        char = chr(byte)
        is_plain = char.isascii() and char.isalnum() and (escaped or not char.isdigit())
        escaped += char if is_plain else f"_{byte:02x}"
    return escaped or "_"


def build_call(
    serial: int, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]
) -> bytes:
    """Return the message that calls a method of an object."""
    from jeepney.low_level import Endianness, Header, HeaderFields, Message, MessageType

    fields = {
        HeaderFields.path: path,
        HeaderFields.destination: SERVICE,
        HeaderFields.interface: interface,
        HeaderFields.member: member,
        HeaderFields.signature: signature,
    }
    header = Header(Endianness.little, MessageType.method_call, 0, 1, -1, serial, fields)
    message: bytes = Message(header, body).serialise()
    return message


def parse_message_size(head: bytes) -> int:
    """Return how many bytes the message has that begins with these 16; Internal if too many."""
    from jeepney.low_level import calc_msg_size

    try:
        size_bytes: int = calc_msg_size(head)
    except KeyError as error:
        raise Internal("the node's systemd does not speak D-Bus", why=repr(head)) from error
    if size_bytes > MAX_MESSAGE_BYTES:
        raise Internal(
            "the node's systemd sends too much",
            why=f"a message of {size_bytes} bytes",
        )
    return size_bytes


def parse_message(raw: bytes) -> Answer:
    """Return a whole message; Internal where it breaks the rules of D-Bus.

    One breach is not found but read until the caller gives up: an array of structs without fields.
    """
    from struct import error as StructError

    from jeepney.low_level import HeaderFields, Message

    try:
        message = Message.from_buffer(raw)
        fields = message.header.fields
        return Answer(
            reply_serial=int(fields.get(HeaderFields.reply_serial, 0)),
            signature=str(fields.get(HeaderFields.signature, "")),
            body=message.body,
            error=str(fields.get(HeaderFields.error_name, "")),
        )
    except (
        # All that jeepney was seen to raise on broken bytes; UnicodeDecodeError is a ValueError.
        (ValueError, LookupError, TypeError, AssertionError, RecursionError, StructError)
    ) as error:
        why = f"{type(error).__name__}: {error}"
        raise Internal("the node's systemd does not speak D-Bus", why=why) from error


def _remaining_s(deadline: float) -> float | None:
    """Return the seconds until a time.monotonic() value, None for one that never comes."""
    if deadline == math.inf:
        return None
    remaining_s = deadline - time.monotonic()
    if remaining_s <= 0:
        raise Timeout(NO_ANSWER)
    return remaining_s


def _translate(error: OSError) -> SnapshotError:
    import socket

    if isinstance(error, socket.timeout):  # no TimeoutError before Python 3.10
        return Timeout(NO_ANSWER)
    why = error.strerror or str(error)
    return Internal("the connection to the node's systemd broke", why=why)
