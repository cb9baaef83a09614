"""TCP connections with a deadline: the first address that answers (RFC 8305), SOCKS5."""

from __future__ import annotations

import errno
import os
import queue
import selectors
import socket
import struct
import threading
import time
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.tls import encode_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_snapshot.clients.auth.proxy import Proxy

    Address = tuple[int, int, int, Any]  # family, type, protocol, address of a socket

# How long Go waits for an address before it tries one of the other family as well (net.Dialer).
FALLBACK_S = 0.3

_NO_LOGIN, _LOGIN = 0, 2
# RFC 1928, section 6.
_SOCKS_REPLIES = (
    "succeeded",
    "general SOCKS server failure",
    "connection not allowed by ruleset",
    "Network unreachable",
    "Host unreachable",
    "Connection refused",
    "TTL expired",
    "Command not supported",
    "Address type not supported",
)


def open_socket(
    host: str, port: int, end: float, options: Iterable[tuple[Any, ...]] = ()
) -> socket.socket:
    """Return a connected socket, whose timeout is the time left until `end` (time.monotonic()).

    Addresses are tried in turn, families alternating, each 0.3 s after the one before or as soon
    as that fails. Raises the last address's OSError, socket.timeout, socket.gaierror.
    """
    waiting = list(reversed(_alternate(_resolve(host, port, end))))
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    next_start = 0.0
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                now = time.monotonic()
                if now >= end:
                    raise socket.timeout("timed out")
                if waiting and now >= next_start:
                    failure = _start(waiting.pop(), options, selector) or failure
                    next_start = now + (FALLBACK_S if selector.get_map() else 0.0)
                    continue
                if not selector.get_map():
                    raise failure
                for key, _ in selector.select((min(end, next_start) if waiting else end) - now):
                    connected: socket.socket = key.fileobj  # type: ignore[assignment]
                    selector.unregister(connected)
                    code = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        connected.settimeout(max(end - time.monotonic(), 0.001))
                        return connected
                    connected.close()
                    failure, next_start = OSError(code, os.strerror(code)), 0.0
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]


def _start(
    address: Address, options: Iterable[tuple[Any, ...]], selector: selectors.BaseSelector
) -> OSError | None:
    """Begin to connect to an address; return the error if that fails at once."""
    family, kind, protocol, target = address
    try:
        begun = socket.socket(family, kind, protocol)
    except OSError as error:
        return error
    try:
        for option in options:
            begun.setsockopt(*option)
        begun.setblocking(False)
        code = begun.connect_ex(target)
    except OSError as error:
        begun.close()
        return error
    if code not in (0, errno.EINPROGRESS):
        begun.close()
        return OSError(code, os.strerror(code))
    selector.register(begun, selectors.EVENT_WRITE)
    return None


def _alternate(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with families alternating, the first one's family first."""
    families = [address[0] for address in addresses]
    first = [address for address in addresses if address[0] == families[0]]
    others = [address for address in addresses if address[0] != families[0]]
    return [address for address in chain(*zip_longest(first, others)) if address is not None]


def _resolve(host: str, port: int, end: float) -> list[Address]:
    """Return the addresses of a host; the resolver has no deadline of its own."""
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(encode_host(host), port, 0, socket.SOCK_STREAM)
            answers.put([(family, kind, proto, at) for family, kind, proto, _, at in found])
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    if _is_address(host):
        ask()
    else:
        threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=max(end - time.monotonic(), 0.001))
    except queue.Empty:
        raise socket.timeout(f"the name {host} was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def request_socks_tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Ask a SOCKS5 proxy to connect to a host, which it resolves (RFC 1928, RFC 1929).

    Raises OSError with the proxy's reason.
    """
    login = proxy.username.encode(), proxy.password.encode()
    methods = bytes((_NO_LOGIN, _LOGIN)) if any(login) else bytes((_NO_LOGIN,))
    sock.sendall(bytes((5, len(methods))) + methods)
    version, method = _receive(sock, 2)
    if version != 5:
        raise OSError("it is not a SOCKS5 proxy")
    if method == _LOGIN and any(login):
        _log_in(sock, *login)
    elif method != _NO_LOGIN:
        raise OSError("it accepts no login that the proxy-url has")
    sock.sendall(b"\5\1\0" + _encode_host(host) + struct.pack("!H", port))
    _, reply, _, kind = _receive(sock, 4)
    length = {1: 4, 4: 16}.get(kind) or _receive(sock, 1)[0]
    _receive(sock, length + 2)
    if reply != 0:
        known = reply < len(_SOCKS_REPLIES)
        raise OSError(_SOCKS_REPLIES[reply] if known else f"SOCKS reply {reply}")


def _log_in(sock: socket.socket, name: bytes, password: bytes) -> None:
    if max(len(name), len(password)) > 255:
        raise OSError("its user name or password is longer than 255 bytes")
    sock.sendall(b"\1" + bytes((len(name),)) + name + bytes((len(password),)) + password)
    if _receive(sock, 2)[1] != 0:
        raise OSError("it refused the login")


def _encode_host(host: str) -> bytes:
    for kind, family in ((1, socket.AF_INET), (4, socket.AF_INET6)):
        try:
            return bytes((kind,)) + socket.inet_pton(family, host)
        except OSError:
            continue
    name = host.encode("idna")
    return bytes((3, len(name))) + name


def _receive(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise OSError("it closed the connection")
        data += piece
    return data
