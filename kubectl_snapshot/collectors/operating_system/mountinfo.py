"""Parse the mounts of a process. Pure.

Source: Documentation/filesystems/proc.rst, section 3.5; proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re

from kubectl_snapshot.records import NamedTuple
from kubectl_snapshot.regex import compile_late

# Of the mount, of the one above it, of the device.
IDS = compile_late(r"[0-9]+ [0-9]+ [0-9]+:[0-9]+")


class Mount(NamedTuple):
    """One mount: `device` is `major:minor`; its own options, and the file system's."""

    path: str
    type: str
    source: str
    device: str
    options: str
    fs_options: str


def parse_mounts(text: str) -> list[Mount]:
    """Return the mounts by path; of several at one path the last one, which hides the others.

    None at all if a line has another form: a mount that is overlooked would be told as absent.
    """
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        words, rest = before.split(" "), after.split(" ")
        if len(words) < 6 or len(rest) < 3 or not IDS.fullmatch(" ".join(words[:3])):
            return []
        path = _unescape(words[4])
        fields = (rest[0], _unescape(rest[1]), words[2], words[5], _unescape(rest[2]))
        found.pop(path, None)
        found[path] = Mount(path, *fields)
    return sorted(found.values())


def find_mount(mounts: list[Mount], path: str) -> Mount | None:
    """Return the mount that holds a path whose links are resolved."""
    holding = [m for m in mounts if f"{path}/".startswith(f"{m.path.rstrip('/')}/")]
    return max(holding, key=lambda mount: len(mount.path), default=None)


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
