"""Read unit properties from the node's systemd over D-Bus, through systemd's private socket.

No message bus is involved, neither the node's nor the container's. The calls change no unit, but
systemd loads the file of a unit that is not loaded yet. The only module that imports jeepney.
"""

from __future__ import annotations

import math
import time
from struct import error as StructError
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, SnapshotError, Timeout, Unavailable
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from types import TracebackType

    from kubectl_snapshot.clients.host.hostpath import HostPath

# systemd, src/core/dbus.c: the manager's private socket, for root only.
SOCKET = "/run/systemd/private"
# org.freedesktop.systemd1(5).
SERVICE = "org.freedesktop.systemd1"
MANAGER = "/org/freedesktop/systemd1"
UNIT_PREFIX = f"{MANAGER}/unit/"

# D-Bus specification: the first 16 bytes of a message have its size. The specification allows
# 128 MiB; all units of a machine are less than 1 MiB.
FIXED_HEADER_BYTES = 16
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_AUTH_LINE_BYTES = 1024

CHUNK_BYTES = 65536

# Every path answers a Ping (D-Bus specification, org.freedesktop.DBus.Peer).
LONG_PATH = "/" + "a" * 256
PING_INTERVAL_S = 0.05

TIMED_OUT = "the node's systemd did not answer in time"
INVALID_MESSAGE = "invalid D-Bus message from the node's systemd"
ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"


@dataclass(frozen=True)
class Property:
    """A value with its D-Bus signature; arrays are lists, structs tuples, `ay` bytes."""

    signature: str
    value: Any


@dataclass(frozen=True)
class Reply:
    """A message from systemd. `error` is the D-Bus error's name, or empty."""

    reply_serial: int
    signature: str
    body: tuple[Any, ...]
    error: str = ""


def connect(host: HostPath, deadline: float) -> Manager:
    """Return a connection to the node's systemd; every call on it ends by `deadline`.

    Raises Unavailable (no systemd is visible, or only root may connect) or Timeout.
    """
    try:
        connection = host.connect(SOCKET, _remaining_s(deadline))
    except Timeout:
        raise
    except SnapshotError as error:
        why = f"{error.what}: {error.why}" if error.why else error.what
        raise Unavailable("cannot connect to the node's systemd", why=why) from error
    manager = Manager(connection, deadline)
    try:
        manager.authenticate()
    except BaseException:
        manager.close()
        raise
    return manager


class Manager:
    """A connection to the node's systemd. Close it; it is not thread-safe."""

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

    def authenticate(self) -> None:
        """Authenticate by EXTERNAL (D-Bus specification); without a bus there is no Hello.

        systemd does not notice a call that it reads completely together with BEGIN until the next
        one arrives (libsystemd, bus_socket_read_auth). It reads 256 bytes at once, so the first
        call is longer, and is repeated in case another version reads more.
        """
        from jeepney.auth import BEGIN, AuthenticationError, Authenticator

        authenticator = Authenticator()
        try:
            for data in authenticator:
                self._send(data)
                authenticator.feed(self._receive(MAX_AUTH_LINE_BYTES))
        except AuthenticationError as error:
            why = str(error)
            raise Unavailable("the node's systemd refused authentication", why=why) from error
        self._send(BEGIN)
        self._start_call(LONG_PATH, "org.freedesktop.DBus.Peer", "Ping", "", ())
        while not self._has_data_within(PING_INTERVAL_S):
            self._start_call(LONG_PATH, "org.freedesktop.DBus.Peer", "Ping", "", ())

    def read_properties(self, unit: str) -> Mapping[str, Property]:
        """Return all properties of a unit, of all its interfaces.

        A unit that does not exist has properties, too; its LoadState is `not-found`.
        """
        path = UNIT_PREFIX + escape_unit_name(unit)
        # An empty interface name means all interfaces to systemd.
        [found] = self._call(
            path, "org.freedesktop.DBus.Properties", "GetAll", "s", ("",), returns="a{sv}"
        )
        return {name: Property(*variant) for name, variant in found.items()}

    def list_units(self, pattern: str) -> list[str]:
        """Return the sorted names of the loaded or installed units that match a glob(7) pattern.

        Templates without an instance, aliases, and units that other units only refer to are left
        out.
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
        reply = self._receive_reply()
        # Signals of other changes may arrive before the reply.
        while reply.reply_serial != self._serial:
            reply = self._receive_reply()
        if reply.error:
            error = Unavailable if reply.error == ACCESS_DENIED else Internal
            why = ": ".join([reply.error, *map(str, reply.body)])
            raise error(f"the node's systemd refused {member} of {path}", why=why)
        if reply.signature != returns:
            why = f"{member} returned signature {reply.signature!r} instead of {returns!r}"
            raise Internal(INVALID_MESSAGE, why=why)
        return reply.body

    def _start_call(
        self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]
    ) -> None:
        self._serial += 1
        self._send(build_call(self._serial, path, interface, member, signature, body))

    def _receive_reply(self) -> Reply:
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

    def _has_data_within(self, seconds: float) -> bool:
        import socket

        self._connection.settimeout(min(seconds, _remaining_s(self._deadline) or seconds))
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except socket.timeout:
            return False
        except OSError as error:
            raise _translate(error) from error
        return True

    def _receive(self, max_bytes: int) -> bytes:
        self._connection.settimeout(_remaining_s(self._deadline))
        try:
            data = self._connection.recv(max_bytes)
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
    """Return a unit name as a component of an object path (systemd, bus_label_escape)."""
    escaped = ""
    for byte in unit.encode():
        char = chr(byte)
        is_plain = char.isascii() and char.isalnum() and (escaped or not char.isdigit())
        escaped += char if is_plain else f"_{byte:02x}"
    return escaped or "_"


def build_call(
    serial: int, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]
) -> bytes:
    """Return the D-Bus message that calls a method of an object."""
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
    """Return the size of a message from its first 16 bytes; Internal if it is too large."""
    from jeepney.low_level import calc_msg_size

    try:
        size_bytes: int = calc_msg_size(head)
    except KeyError as error:
        raise Internal(INVALID_MESSAGE, why=repr(head)) from error
    if size_bytes > MAX_MESSAGE_BYTES:
        why = f"{size_bytes} bytes, more than {MAX_MESSAGE_BYTES}"
        raise Internal(INVALID_MESSAGE, why=why)
    return size_bytes


def parse_message(raw: bytes) -> Reply:
    """Return the reply in a complete message; Internal if the message is invalid.

    jeepney loops on one invalid message until the deadline: an array of structs without fields.
    """
    from jeepney.low_level import HeaderFields, Message

    try:
        message = Message.from_buffer(raw)
        fields = message.header.fields
        return Reply(
            reply_serial=int(fields.get(HeaderFields.reply_serial, 0)),
            signature=str(fields.get(HeaderFields.signature, "")),
            body=message.body,
            error=str(fields.get(HeaderFields.error_name, "")),
        )
    except (
        # All that jeepney raised on fuzzed bytes; UnicodeDecodeError is a ValueError.
        (ValueError, LookupError, TypeError, AssertionError, RecursionError, StructError)
    ) as error:
        why = f"{type(error).__name__}: {error}"
        raise Internal(INVALID_MESSAGE, why=why) from error


def _remaining_s(deadline: float) -> float | None:
    """Return the seconds until a time.monotonic() value, None for infinity."""
    if deadline == math.inf:
        return None
    remaining_s = deadline - time.monotonic()
    if remaining_s <= 0:
        raise Timeout(TIMED_OUT)
    return remaining_s


def _translate(error: OSError) -> SnapshotError:
    import socket

    if isinstance(error, socket.timeout):  # no TimeoutError before Python 3.10
        return Timeout(TIMED_OUT)
    why = error.strerror or str(error)
    return Internal("the connection to the node's systemd broke", why=why)
