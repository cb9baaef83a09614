from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator

import pytest

from kubectl_snapshot.commands.console.terminal import (
    has_utf8,
    is_live,
    prepare_streams,
    read_width,
    wants_colour,
)

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
