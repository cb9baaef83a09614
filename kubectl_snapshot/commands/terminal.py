"""What a terminal can show: which characters, which colours, how many columns."""

from __future__ import annotations

import codecs
import os

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

# What stands for a character of ours where the locale has only ASCII.
SPELLED = {"…": "...", "→": "->", "—": "-", "–": "-", "×": "x", "·": "-", "✓": "ok", "✗": "x"}


def prepare_streams(
    stdout: TextIO | None, stderr: TextIO | None, environment: Mapping[str, str]
) -> None:
    """Let no character be an error: data is UTF-8, and people get what their locale can show."""
    codecs.register_error("spell", spell)
    is_utf8 = speaks_utf8(environment)
    for stream, is_data in ((stdout, True), (stderr, False)):
        if stream is None or not hasattr(stream, "reconfigure"):
            continue
        if is_utf8 or (is_data and not stream.isatty()):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            stream.reconfigure(encoding="ascii", errors="spell")


def speaks_utf8(environment: Mapping[str, str]) -> bool:
    """Return whether the locale's characters are UTF-8; the first variable tells (POSIX, 8.2)."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next(filter(None, names), "")
    return "utf8" in locale.lower().replace("-", "")


def spell(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(SPELLED.get(character, "?") for character in missing), error.end


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether to write colours: to a terminal that has some, unless NO_COLOR says no."""
    has_colours = environment.get("TERM", "dumb") not in ("", "dumb")
    return has_colours and stream.isatty() and not environment.get("NO_COLOR")


def is_live(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether a line can be written over: a terminal that can do more than a printer."""
    return stream.isatty() and environment.get("TERM", "dumb") not in ("", "dumb")


def read_width(stream: TextIO) -> int:
    """Return how many columns the terminal has, 0 where there is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return 0
