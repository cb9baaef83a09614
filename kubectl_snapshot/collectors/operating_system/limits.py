"""Limits of services and of sessions (subtype OS.limits): systemd's defaults, pam_limits.

Sources: systemd-system.conf(5), limits.conf(5).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.sysfs import read_names, read_parts
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Subtype


# The first that has a file of a name hides those of the others.
PLACES = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
PREFIXES = ("DefaultLimit", "DefaultTasksMax")
PAM = "/etc/security"


def read(host: HostPath) -> Subtype:
    """Return the limits that files set; what none sets has the default of systemd or the kernel."""
    return read_parts(
        "limits",
        lambda: {
            f"systemd.{key}": value
            for text in read_config(host, "system.conf")
            for key, value in parse_assignments(text).items()
            if key.startswith(PREFIXES)
        },
        lambda: {f"pam.{key}": value for text in _read_pam(host) for key, value in text.items()},
    )


def read_config(host: HostPath, name: str) -> Iterator[str]:
    """Yield the texts of a configuration of systemd and its drop-ins, the last one wins."""
    for place in PLACES:
        if name in read_names(host, place):
            yield host.read_text(f"{place}/{name}")
            break
    drop_ins: dict[str, str] = {}
    for place in PLACES:
        for file in read_names(host, f"{place}/{name}.d"):
            if file.endswith(".conf"):
                drop_ins.setdefault(file, f"{place}/{name}.d/{file}")
    for _, path in sorted(drop_ins.items()):
        yield host.read_text(path)


def parse_assignments(text: str) -> dict[str, str]:
    """Return the assignments of a file of systemd; an empty value resets, and so is one."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and line.strip()[:1] not in ("#", ";"):
            found[key.strip()] = value.strip()
    return found


def parse_pam_limits(text: str) -> dict[str, str]:
    """Return the limits of a file of pam_limits as `<domain>.<type>.<item>`; `-` is both types."""
    found = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 4:
            found[".".join(words[:3])] = words[3]
    return found


def _read_pam(host: HostPath) -> Iterator[dict[str, str]]:
    names = read_names(host, f"{PAM}/limits.d")
    paths = [f"{PAM}/limits.d/{name}" for name in names if name.endswith(".conf")]
    for path in (f"{PAM}/limits.conf", *paths):
        with suppress(Absent):
            yield parse_pam_limits(host.read_text(path))
