from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kubectl_snapshot.commands.console.terminal import (
    StandardFile,
    has_utf8,
    is_live,
    prepare_streams,
    read_width,
    wants_colour,
)
from kubectl_snapshot.errors import Internal, ReaderLeft

UTF8, ASCII = {"LANG": "de_DE.UTF-8"}, {"LC_ALL": "C", "LANG": "de_DE.UTF-8"}
TEXT = "a → b … ✓ ×2 é \udc80"


class Stream(io.TextIOWrapper):
    """A stream that a test can read, on a terminal or not, as Python opens one for LC_ALL=C."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="ascii", errors="strict", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def written(self) -> bytes:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


def write(environment: dict[str, str], is_terminal: bool) -> tuple[bytes, bytes]:
    """Return what arrives of a text on stdout and on stderr."""
    out, err = Stream(is_terminal), Stream(is_terminal)
    prepare_streams(out, err, environment)
    out.write(TEXT)
    err.write(TEXT)
    return out.written(), err.written()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_locale_of_utf8_gets_it_and_what_cannot_be_written_is_escaped(is_terminal: bool) -> None:
    reported = "a → b … ✓ ×2 é \\udc80".encode()
    assert write(UTF8, is_terminal) == (reported, reported)


def test_another_locale_gets_ascii_on_a_terminal() -> None:
    reported = b"a -> b ... ok x2 ? ?"
    assert write(ASCII, is_terminal=True) == (reported, reported)


def test_data_for_a_file_or_a_pipe_is_utf8_in_every_locale() -> None:
    assert write(ASCII, is_terminal=False)[0] == "a → b … ✓ ×2 é \\udc80".encode()


def test_a_stream_that_is_closed_or_none_of_the_system_is_left_alone() -> None:
    prepare_streams(None, io.StringIO(), ASCII)


@pytest.mark.parametrize(
    ("environment", "is_utf8"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({"LC_ALL": "C.utf8", "LANG": "C"}, True),
        ({"LC_ALL": "", "LANG": "C.UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "C.UTF-8"}, False),
        ({"LC_CTYPE": "POSIX", "LANG": "C.UTF-8"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({}, False),
    ],
)
def test_the_first_variable_that_is_set_says_the_characters(
    environment: dict[str, str], is_utf8: bool
) -> None:
    assert has_utf8(environment) is is_utf8


@pytest.mark.parametrize(
    ("environment", "coloured", "live"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({}, False, False),
    ],
)
def test_a_terminal_has_colours_unless_it_or_the_user_says_no(
    environment: dict[str, str], coloured: bool, live: bool
) -> None:
    stream = Stream(is_terminal=True)
    assert (wants_colour(stream, environment), is_live(stream, environment)) == (coloured, live)


def test_what_is_no_terminal_has_no_colours_and_no_width() -> None:
    stream = Stream(is_terminal=False)
    assert not wants_colour(stream, {"TERM": "xterm"})
    assert not is_live(stream, {"TERM": "xterm"})
    assert read_width(stream) == 0


@pytest.fixture
def terminal() -> Iterator[io.TextIOWrapper]:
    master, slave = pty.openpty()
    with open(slave, "w") as stream:
        yield stream
    os.close(master)


def test_the_width_of_a_terminal_is_read(terminal: io.TextIOWrapper) -> None:

    fcntl.ioctl(terminal.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, 61, 0, 0))
    assert read_width(terminal) == 61


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for number in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(number)


def test_a_file_that_cannot_be_written_says_so_once() -> None:
    with open("/dev/full", "wb") as full, StandardFile(full.fileno(), "w", closefd=False) as file:
        with pytest.raises(Internal) as caught:
            file.write(b"x")
        assert str(caught.value) == "[INTERNAL] cannot write to stdout: No space left on device"
        assert file.write(b"again") == 5


def test_a_closed_file_says_so() -> None:
    with open(os.devnull, "rb") as closed:
        file = StandardFile(closed.fileno(), "w", closefd=False)
        with pytest.raises(Internal, match="it is closed"):
            file.write(b"x")


def test_a_reader_that_left_is_no_failure(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    file = StandardFile(writer, "w", closefd=False)
    with pytest.raises(ReaderLeft):
        file.write(b"x")
    assert file.write(b"xy") == 2


def test_a_full_pipe_is_waited_for(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    text = b"x" * 300_000
    with ThreadPoolExecutor(1) as pool:
        stream = io.BufferedWriter(StandardFile(writer, "w", closefd=False))
        sent = pool.submit(lambda: (stream.write(text), stream.flush(), os.close(writer)))
        with open(reader, "rb", closefd=False) as end:
            assert end.read() == text
        sent.result()
