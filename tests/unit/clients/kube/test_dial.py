"""TCP connections: which of several addresses is used, how long it takes, SOCKS5."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from kubectl_snapshot.clients.auth.proxy import Proxy
from kubectl_snapshot.clients.kube import dial

LIMIT_S = 20.0
Resolve = Callable[..., None]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that accepts no connection: its queue is full, and further SYNs are dropped."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        fill = [socket.socket() for _ in range(4)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port
        for one in fill:
            one.close()


@pytest.fixture
def resolve_to(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Returns a function that sets what the system's resolver answers."""

    def answer(*addresses: tuple[int, str, int]) -> None:
        found = [(f, socket.SOCK_STREAM, 6, "", (host, port)) for f, host, port in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)

    return answer


def soon() -> float:
    return time.monotonic() + LIMIT_S


def test_an_address_that_does_not_answer_costs_a_third_of_a_second(
    listener: socket.socket, black_hole: int, resolve_to: Resolve
) -> None:
    port = listener.getsockname()[1]
    inet = socket.AF_INET
    resolve_to((inet, "127.0.0.1", black_hole), (inet, "127.0.0.1", port))
    before = time.monotonic()
    with closing(dial.open_socket("api", 1, soon())) as found:
        assert found.getpeername()[1] == port
        assert 0 < (found.gettimeout() or 0) <= LIMIT_S
    assert dial.FALLBACK_S <= time.monotonic() - before < LIMIT_S / 2


def test_an_address_that_refuses_costs_nothing(
    listener: socket.socket, resolve_to: Resolve
) -> None:
    port = listener.getsockname()[1]
    resolve_to(*[(socket.AF_INET, "127.0.0.1", 1)] * 60, (socket.AF_INET, "127.0.0.1", port))
    before = time.monotonic()
    dial.open_socket("api", 1, soon()).close()
    assert time.monotonic() - before < 60 * dial.FALLBACK_S / 2


def test_the_last_refusal_is_raised(resolve_to: Resolve) -> None:
    resolve_to((socket.AF_INET, "127.0.0.1", 1))
    with pytest.raises(ConnectionRefusedError) as caught:
        dial.open_socket("api", 1, soon())
    assert caught.value.strerror == "Connection refused"


def test_families_alternate_beginning_with_the_first() -> None:
    four, six = socket.AF_INET, socket.AF_INET6
    families = [six, six, six, four]
    given = [(family, 0, 0, n) for n, family in enumerate(families)]
    assert [at[3] for at in dial._alternate(given)] == [0, 3, 1, 2]


def test_no_address_answers_before_the_deadline(black_hole: int) -> None:
    before = time.monotonic()
    with pytest.raises(socket.timeout):
        dial.open_socket("127.0.0.1", black_hole, before + 0.2)
    assert time.monotonic() - before < LIMIT_S / 2


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()

    def resolve(*_: object) -> list[object]:
        hang.wait(LIMIT_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    before = time.monotonic()
    with pytest.raises(socket.timeout, match="resolved in time"):
        dial.open_socket("slow.example.org", 1, before + 0.2)
    assert time.monotonic() - before < LIMIT_S / 2
    hang.set()


def test_a_name_that_cannot_be_a_name_is_unknown() -> None:
    with pytest.raises(socket.gaierror):
        dial.open_socket("a" * 70 + ".example.org", 1, soon())


def talk(answer: bytes, proxy: Proxy, host: str) -> bytes:
    """Return what a SOCKS proxy that answers so was sent."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(LIMIT_S)
        try:
            dial.request_socks_tunnel(ours, proxy, host, 443)
        finally:
            ours.shutdown(socket.SHUT_WR)
        return theirs.recv(1000)


DONE = b"\5\0\0\1\0\0\0\0\0\0"
PLAIN = Proxy("socks5://p")
LOGIN = Proxy("socks5://p", "ann", "pw")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("api.example.org", b"\3\x0fapi.example.org"),
        ("10.0.0.1", b"\1\n\0\0\1"),
        ("::1", b"\4" + b"\0" * 15 + b"\1"),
    ],
)
def test_a_socks_proxy_is_sent_the_name_itself(host: str, address: bytes) -> None:
    assert talk(b"\5\0" + DONE, PLAIN, host) == b"\5\1\0\5\1\0" + address + b"\1\xbb"


@pytest.mark.parametrize("end", [b"\1\0\0\0\0\0\0", b"\3\2ab\0\0", b"\4" + b"\0" * 18])
def test_the_whole_reply_of_a_socks_proxy_is_read(end: bytes) -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(b"\5\0\5\0\0" + end + b"next")
        dial.request_socks_tunnel(ours, PLAIN, "a", 1)
        assert ours.recv(10) == b"next"


def test_a_socks_proxy_is_sent_the_login_that_it_asks_for() -> None:
    sent = talk(b"\5\2\1\0" + DONE, LOGIN, "a")
    assert sent == b"\5\2\0\2\1\3ann\2pw\5\1\0\3\1a\1\xbb"
    assert talk(b"\5\0" + DONE, LOGIN, "a") == b"\5\2\0\2\5\1\0\3\1a\1\xbb"


@pytest.mark.parametrize(
    ("answer", "proxy", "words"),
    [
        (b"HT", PLAIN, "not a SOCKS5 proxy"),
        (b"\5\xff", PLAIN, "no login"),
        (b"\5\2", PLAIN, "no login"),
        (b"\5\2\1\1", LOGIN, "refused the login"),
        (b"\5\0\5\5\0\1\0\0\0\0\0\0", PLAIN, "Connection refused"),
        (b"\5\0\5\x42\0\1\0\0\0\0\0\0", PLAIN, "SOCKS reply 66"),
        (b"\5\0\5", PLAIN, "closed the connection"),
        (b"\5\2", Proxy("socks5://p", "x" * 256), "longer than 255"),
        (b"\5\2", Proxy("socks5://p", "x", "y" * 256), "longer than 255"),
    ],
)
def test_a_socks_proxys_refusal_has_a_reason(answer: bytes, proxy: Proxy, words: str) -> None:
    with pytest.raises(OSError, match=words):
        talk(answer, proxy, "a")
