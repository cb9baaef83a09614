"""Damage to a file of a host tree: what a kernel, a disk or a person leaves in its place."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

# Stands in a file beside the host's root.
OUTSIDE = "of-another-root"
HUGE = "9" * 24
NUMBER = re.compile(rb"[0-9]+")

Change = Callable[[bytes, random.Random], bytes]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, len(content))] if len(content) > 1 else b""


def _noise(content: bytes, rng: random.Random) -> bytes:
    return bytes(rng.randrange(256) for _ in range(300))


def _with_nul(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + b"\0" + content[at:]


def _numbers(text: str) -> Change:
    return lambda content, _: NUMBER.sub(text.encode(), content)


def _whole(text: str) -> Change:
    return lambda *_: text.encode()


CHANGES: Mapping[str, Change] = {
    "empty": _whole(""),
    "cut": _cut,
    "cut at its end": lambda content, _: content.rstrip()[:-1],
    "noise": _noise,
    "no UTF-8 before": lambda content, _: b"\xff\xfe\xc3" + content,
    "no UTF-8 after": lambda content, _: content.rstrip() + b"\xc3\n",
    "NULs": lambda *_: bytes(64),
    "a NUL": _with_nul,
    "a line of 10 MB": lambda *_: b"7" * 10_000_000,
    "a long line more": lambda content, _: content + b"9" * 60_000 + b"\n",
    "CRLF": lambda content, _: content.replace(b"\n", b"\r\n"),
    "no newline": lambda content, _: content.rstrip(b"\n"),
    "words reversed": lambda content, _: b" ".join(content.split(b" ")[::-1]),
    "lines reversed": lambda content, _: b"".join(content.splitlines(True)[::-1]),
    "fields reversed": lambda content, _: b"\n".join(
        b" ".join(line.split()[::-1]) for line in content.splitlines()
    ),
    "JSON of surrogates": _whole('{"a": "\\ud800", "kind": "\\udfff"}'),
    "TOML of a surrogate": _whole('a = "\\ud800"\n'),
    "deep JSON": _whole('{"a":' * 900 + "1" + "}" * 900),
    "deep list": _whole("[" * 900 + "]" * 900),
    "deep TOML": _whole("a = " + "[" * 900 + "]" * 900 + "\n"),
    **{f"only {text[:12]}": _whole(f"{text}\n") for text in ("-1", "N/A", HUGE, "9" * 5000, "²")},
    **{f"numbers {text}": _numbers(text) for text in ("-1", "N/A", HUGE, "²", "1e400", "nan")},
}


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _leave_root(path: Path) -> None:
    path.symlink_to("../" * 40 + str(find_outside(path)).lstrip("/"))


def _leave_root_directly(path: Path) -> None:
    path.symlink_to(find_outside(path))


def _refuse(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0)


# What stands in the place of a file that cannot be read then.
UNREADABLE: Mapping[str, Callable[[Path], None]] = {
    "a directory": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a dangling link": _link("no-such-file"),
    "a looping link": lambda path: path.symlink_to(path.name),
    "a link out of the root": _leave_root,
    "an absolute link out of the root": _leave_root_directly,
    "no permission": _refuse,
}
MISSING = "missing"
DAMAGES = (*CHANGES, *UNREADABLE)


def find_outside(path: Path) -> Path:
    """Return the file beside the host's root that no link inside may lead to."""
    return next(p / OUTSIDE for p in path.parents if (p / OUTSIDE).exists())


def damage(path: Path, content: bytes, kind: str, rng: random.Random) -> bytes:
    """Put something in place of a file; return the bytes that can be read there."""
    path.unlink()
    if kind in CHANGES:
        changed = CHANGES[kind](content, rng)
        path.write_bytes(changed)
        return changed
    if kind != MISSING:
        UNREADABLE[kind](path)
    return b""


def repair(path: Path, content: bytes) -> None:
    """Put a file back in place of what is there."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(content)
