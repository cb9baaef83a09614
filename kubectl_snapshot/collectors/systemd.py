"""How the node's services are set up (type SystemD): a subtype per unit, a key per property.

Keys and rules are those of contract section 2.4. Where no units are chosen, they are SUBTYPES.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host import systemd_dbus
from kubectl_snapshot.collectors.run.context import (
    NODE,
    Context,
    Right,
    build_failed_subtype,
    explain,
    read_subtype,
)
from kubectl_snapshot.document.patterns import SYSTEMD_EXCLUDED, filter_out
from kubectl_snapshot.document.scalars import to_reading
from kubectl_snapshot.document.snapshot import ABSENT, Subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.host.systemd_dbus import Manager, Property
    from kubectl_snapshot.document.snapshot import Scalar

TYPE = "SystemD"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = ("containerd.service", "docker.service", "kubelet.service")
DEADLINE_S = 10.0

# What stays what it is; every other D-Bus type, the smaller integers too, becomes text.
KEPT_TYPES = {"b": "bool", "s": "string", "t": "uint64", "x": "int64", "d": "float64"}

# systemd.unit(5): the types of units, the characters of a name; besides them those of glob(7).
UNIT_TYPES = "service socket device mount automount swap target path timer slice scope".split()
UNIT_CHARACTERS = r"[A-Za-z0-9:_.\\@*?\[\]!^-]{1,255}"
GLOB_CHARACTERS = "*?["

# The part of the deadline after which we say ourselves what was not read, patterns among it.
OWN_PART_OF_DEADLINE = 0.95


def choose_subtypes(context: Context) -> tuple[str, ...]:
    """Return the units that were asked for by name."""
    return tuple(name for name in _choose_units(context) if not is_pattern(name))


def collect(context: Context) -> Iterator[Subtype]:
    """Return each unit, read apart; a pattern of which no unit is, or could be read, by itself."""
    left_s = context.deadline - time.monotonic()
    deadline = time.monotonic() + OWN_PART_OF_DEADLINE * left_s
    names = _choose_units(context)
    try:
        manager = systemd_dbus.connect(context.host, deadline)
    except SnapshotError as error:
        for name in names:
            yield build_failed_subtype(name, error.collector_status, explain(error))
        return
    with manager:
        yield from _read_units(manager, names)


def _read_units(manager: Manager, names: Iterable[str]) -> Iterator[Subtype]:
    done = set()
    for name in names:
        try:
            units = find_units(manager, name)
        except SnapshotError as error:
            yield build_failed_subtype(name, error.collector_status, explain(error))
            continue
        for unit in units:
            if unit not in done:
                done.add(unit)
                yield read_subtype(unit, partial(read_unit, manager, unit))


def find_units(manager: Manager, name: str) -> tuple[str, ...]:
    """Return the units of a pattern, or the name itself; Absent where a pattern has none."""
    if not is_pattern(name):
        return (name,)
    units = tuple(manager.list_units(name))
    if not units:
        raise Absent(f"the node's systemd has no unit {name}")
    return units


def read_unit(manager: Manager, unit: str) -> Subtype:
    """Return a unit as systemd reports it; it does so for one that does not exist, too."""
    properties = manager.read_properties(unit)
    data = build_readings(properties)
    if data.get("LoadState") != "not-found":
        return Subtype(unit, data)
    return Subtype(unit, data, {"status": ABSENT, "reason": describe_missing(unit, properties)})


def build_readings(properties: Mapping[str, Property]) -> dict[str, Scalar]:
    """Return the properties that a document has, each as contract 2.4 stores its type."""
    return {
        name: to_reading(KEPT_TYPES.get(found.signature, ""), found.value)[1]
        for name, found in filter_out(properties, SYSTEMD_EXCLUDED).items()
    }


def describe_missing(unit: str, properties: Mapping[str, Property]) -> str:
    """Return systemd's own words on why a unit could not be loaded (property LoadError)."""
    error = properties.get("LoadError")
    words = error.value[-1] if error is not None and error.signature == "(ss)" else ""
    return str(words) or f"{unit} is not found"


def is_pattern(name: str) -> bool:
    """Return whether a name stands for any number of units."""
    return any(char in name for char in GLOB_CHARACTERS)


def parse_units(names: Sequence[str]) -> tuple[str, ...]:
    """Return names and patterns of systemd units; InvalidRequest for an invalid one."""
    import re

    for name in names:
        if not re.fullmatch(UNIT_CHARACTERS, name):
            raise InvalidRequest(
                f"{name!r} is not the name of a unit",
                hint="give one name or pattern a flag, such as kubelet.service or 'nvidia-*'",
            )
        if not is_pattern(name) and name.rpartition(".")[2] not in UNIT_TYPES:
            raise InvalidRequest(
                f"{name} does not say which type of unit it is", hint=f"use {name}.service"
            )
    return tuple(names)


def _choose_units(context: Context) -> tuple[str, ...]:
    return tuple(dict.fromkeys(context.settings.systemd_services or SUBTYPES))
