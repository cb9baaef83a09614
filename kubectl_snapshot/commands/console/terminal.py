"""Standard streams: closed, full or left by their reader; a terminal's encoding, colours, width."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys

from kubectl_snapshot.errors import Internal, ReaderLeft

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from _typeshed import ReadableBuffer as Buffer

STDIN, STDOUT, STDERR = range(3)
# ASCII replacements of our own characters, for locales without UTF-8.
ASCII = {"…": "...", "→": "->", "—": "-", "–": "-", "×": "x", "·": "-", "✓": "ok", "✗": "x"}


class StandardFile(io.FileIO):
    """stdout, which raises Internal or ReaderLeft once, or stderr, which drops its text instead.

    Later writes are dropped: Python flushes at exit. A full non-blocking pipe is waited for.
    """

    is_broken = False

    def write(self, data: Buffer, /) -> int:
        size = memoryview(data).nbytes
        try:
            while not self.is_broken:
                written = super().write(data)
                if written is not None:
                    return written
                import select

                select.select((), (self,), ())
        except OSError as error:
            self.is_broken = True
            if self.fileno() == STDERR:
                return size
            if isinstance(error, BrokenPipeError):
                raise ReaderLeft from error
            why = "it is closed" if error.errno == errno.EBADF else error.strerror
            raise Internal("cannot write to stdout", why or "") from error
        return size


def open_streams() -> None:
    """Make sys.stdout and sys.stderr StandardFiles, and fill closed descriptors.

    Else the next file that is opened would become a stream: a warning would be written to it.
    """
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            # Reading stdin and writing to stdout fail there, writing to stderr does not.
            flags = os.O_RDONLY if number == STDOUT else os.O_WRONLY
            os.set_inheritable(os.open(os.devnull, flags), True)
    out, err = (
        io.BufferedWriter(StandardFile(number, "w", closefd=False)) for number in (STDOUT, STDERR)
    )
    sys.stdout = io.TextIOWrapper(out, "utf-8")
    sys.stderr = io.TextIOWrapper(err, "utf-8", line_buffering=True)


def prepare_streams(
    stdout: TextIO | None, stderr: TextIO | None, environment: Mapping[str, str]
) -> None:
    """Set encodings: UTF-8 for data, the locale's for terminals; replace unencodable characters."""
    codecs.register_error("ascii-replacement", replace_characters)
    is_utf8 = has_utf8(environment)
    for stream, is_data in ((stdout, True), (stderr, False)):
        if stream is None or not hasattr(stream, "reconfigure"):
            continue
        if is_utf8 or (is_data and not stream.isatty()):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            stream.reconfigure(encoding="ascii", errors="ascii-replacement")


def has_utf8(environment: Mapping[str, str]) -> bool:
    """Return whether the locale is UTF-8; the first variable set takes precedence (POSIX, 8.2)."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next(filter(None, names), "")
    return "utf8" in locale.lower().replace("-", "")


def replace_characters(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of characters that cannot be encoded, and the next position."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(ASCII.get(character, "?") for character in missing), error.end


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether the stream is a colour terminal and NO_COLOR is not set."""
    has_colours = environment.get("TERM", "dumb") not in ("", "dumb")
    return has_colours and stream.isatty() and not environment.get("NO_COLOR")


def is_live(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether a line can be overwritten: a terminal with cursor movement."""
    return stream.isatty() and environment.get("TERM", "dumb") not in ("", "dumb")


def read_width(stream: TextIO) -> int:
    """Return the terminal's width in columns, 0 without a terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return 0
