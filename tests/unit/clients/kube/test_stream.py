from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from kubectl_snapshot.clients.kube.stream import Stream


class Answer:
    """What a Stream needs of a response: its status, and to be reported when it is closed."""

    status = 200

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_descriptor_is_not_closed_while_it_is_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = pair
    answer, reads, may_return = Answer(), threading.Event(), threading.Event()

    def read() -> bytes:
        reads.set()
        may_return.wait(10)
        return b"late"

    stream = Stream(answer, ours, read)
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    assert reads.wait(10)
    stream.close()
    assert not answer.is_closed
    may_return.set()
    reader.join(10)
    assert answer.is_closed
    assert seen == []


def test_an_ended_answer_leaves_its_connection_to_the_next_request(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    pieces = [b"all", b""]
    stream = Stream(Answer(), ours, lambda: pieces.pop(0))
    assert list(stream) == [b"all"]
    stream.close()
    ours.sendall(b"next")
    assert theirs.recv(4) == b"next"


def test_closing_wakes_a_reader(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    stream = Stream(Answer(), ours, lambda: ours.recv(1))
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    stream.close()
    reader.join(10)
    assert not reader.is_alive()


def test_a_response_that_ends_in_time_leaves_its_connection_to_the_next_request(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    pieces = [b"all", b"rest", b""]
    answer = Answer()
    stream = Stream(answer, ours, lambda: pieces.pop(0))
    assert next(iter(stream)) == b"all"
    stream.finish(1)
    assert (pieces, answer.is_closed) == ([], True)
    ours.sendall(b"next")
    assert theirs.recv(4) == b"next"


def test_a_response_whose_end_does_not_come_in_time_is_closed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = pair
    answer = Answer()
    Stream(answer, ours, lambda: ours.recv(4)).finish(0.01)
    assert answer.is_closed


def test_a_response_that_goes_on_is_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    pieces = iter([b"more"] * 9)
    Stream(Answer(), ours, lambda: next(pieces)).finish(1)
    assert len(list(pieces)) == 5
    assert theirs.recv(4) == b""
