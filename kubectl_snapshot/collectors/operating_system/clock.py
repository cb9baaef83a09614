"""Whether and by what the node's clock is kept right (subtype OS.time).

Sources: adjtimex(2), systemd.timedated(5) of NTP units, chrony.conf(5), timesyncd.conf(5).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.clock import is_clock_synchronized
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.limits import parse_assignments, read_config
from kubectl_snapshot.collectors.sysfs import read_names, read_optional, read_parts
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.collectors.sysfs import Data
    from kubectl_snapshot.document.snapshot import Subtype


UNITS = frozenset(
    f"{name}.service"
    for name in (
        *("systemd-timesyncd", "chronyd", "chrony", "ntpd", "ntp", "ntpsec", "openntpd"),
        *("ptp4l", "phc2sys", "timemaster"),
    )
)
BOOT_ID = "/proc/sys/kernel/random/boot_id"
SYSTEM_UNITS = "/etc/systemd/system"
CLOCK = "/sys/devices/system/clocksource/clocksource0"
# Files, and directories whose files have an ending.
CHRONY = (
    ("/etc/chrony.conf", ""),
    ("/etc/chrony/chrony.conf", ""),
    ("/etc/chrony.d", ".conf"),
    ("/etc/chrony/conf.d", ".conf"),
    ("/etc/chrony/sources.d", ".sources"),
)
NTP = (("/etc/ntp.conf", ""), ("/etc/ntpsec/ntp.conf", ""))
SOURCES = ("server", "pool", "peer", "refclock")


def read(host: HostPath) -> Subtype:
    """Return the clock's state, enabled services and configured servers."""
    return read_parts(
        "time",
        lambda: _read_state(host),
        lambda: read_optional(host, CLOCK, {"current_clocksource": "clocksource"}),
        lambda: _read_services(host),
        lambda: _join("servers.chrony", _iter_sources(host, CHRONY)),
        lambda: _join("servers.ntp", _iter_sources(host, NTP)),
        lambda: _read_timesyncd(host),
    )


def parse_sources(text: str) -> list[str]:
    """Return the time sources of chrony.conf or ntp.conf; `refclock <driver> <device>`, too."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["refclock"]:
            found.append(" ".join(words[:3]))
        elif len(words) > 1 and words[0] in SOURCES:
            # ntp.conf has options before the name: `pool -4 iburst`.
            found += [word for word in words[1:] if word[0] != "-"][:1]
    return found


def _read_state(host: HostPath) -> Data:
    own = HostPath(None).read_text(BOOT_ID)
    if host.with_root("/").read_text(BOOT_ID) != own:
        return {}  # a copied tree: its kernel does not run here
    return {"synchronized": is_clock_synchronized()}


def _read_services(host: HostPath) -> Data:
    """Return the enabled services: units that another one wants (systemctl(1), enable)."""
    found = {
        unit
        for target in read_names(host, SYSTEM_UNITS)
        if target.endswith(".wants")
        for unit in read_names(host, f"{SYSTEM_UNITS}/{target}")
        if unit in UNITS
    }
    return {"services": ",".join(sorted(found))} if found else {}


def _iter_sources(host: HostPath, places: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for place, ending in places:
        paths = [place]
        if ending:
            names = read_names(host, place)
            paths = [f"{place}/{name}" for name in names if name.endswith(ending)]
        for path in paths:
            with suppress(Absent):
                yield from parse_sources(host.read_text(path))


def _read_timesyncd(host: HostPath) -> Data:
    servers: dict[str, str] = {}
    for text in read_config(host, "timesyncd.conf"):
        servers.update(parse_assignments(text))
    keys = {"NTP": "servers.timesyncd", "FallbackNTP": "servers.timesyncd-fallback"}
    return {key: ",".join(servers[name].split()) for name, key in keys.items() if servers.get(name)}


def _join(key: str, sources: Iterator[str]) -> Data:
    text = ",".join(dict.fromkeys(sources))
    return {key: text} if text else {}
