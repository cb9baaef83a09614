"""The configuration of systemd units (type SystemD): a subtype per unit, a key per property.

Keys and rules are those of contract section 2.4. DEFAULT_UNITS are read, with a GPU also GPU_UNITS,
and the units that the user adds.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import (
    NODE,
    Context,
    Right,
    build_failed_subtype,
    explain,
    read_subtype,
)
from kubectl_snapshot.collectors.systemd.normalizers import drop_command_run, normalize_set
from kubectl_snapshot.collectors.systemd.values import find_word
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.patterns import filter_out
from kubectl_snapshot.document.registry import (
    STOPPED,
    IgnoredKey,
    Normalizer,
    SubtypeSpec,
    TellingKeys,
)
from kubectl_snapshot.document.scalars import to_reading
from kubectl_snapshot.document.snapshot import ABSENT, Subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.host.systemd_dbus import Manager, Property
    from kubectl_snapshot.document.snapshot import Scalar

TYPE = "SystemD"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
DEADLINE_S = 10.0
DEFAULT_UNITS = ("containerd.service", "docker.service", "kubelet.service")
# Added to the default units on a node with an NVIDIA GPU.
GPU_UNITS = (
    *("nvidia-fabricmanager.service", "nvidia-persistenced.service", "nvidia-imex.service"),
    *("nvidia-dcgm.service", "nvsm.service"),
)
# All that says something about a unit that systemd does not find; the rest are its defaults.
MISSING_KEYS = ("LoadState", "ActiveState")

COUNTER = "counts or measures while the node runs"
# systemd keeps these as sets: in each systemd they are hashed with another random seed.
SETS = (
    *("After", "Before", "BindsTo", "BoundBy", "ConflictedBy", "Conflicts", "ConsistsOf"),
    *("JoinsNamespaceOf", "Names", "OnFailure", "OnFailureOf", "OnSuccess", "OnSuccessOf"),
    *("PartOf", "PropagatesReloadTo", "PropagatesStopTo", "ReloadPropagatedFrom", "RequiredBy"),
    *("Requires", "RequiresMountsFor", "Requisite", "RequisiteOf", "SliceOf"),
    *("StopPropagatedFrom", "TriggeredBy", "Triggers", "UpheldBy", "Upholds", "WantedBy"),
    *("Wants", "WantsMountsFor"),
)
# Properties that do not describe the configuration, or hold credentials (contract 2.4).
EXCLUDED = (
    *("AllowedCPUs", "AllowedMemoryNodes", "Asserts", "BPFProgram", "BusName", "Id"),
    "*Credential*",
)

SUBTYPES = (
    SubtypeSpec(
        "*",
        profile=REFERENCE,
        telling=(TellingKeys(STOPPED, ("", "ActiveState", "Result", "SubState", "LoadState")),),
        volatile=(
            IgnoredKey("*Timestamp*", "when a unit changed its state"),
            IgnoredKey("CPUUsageNSec", COUNTER),
            IgnoredKey("ControlGroupId", "new at each start of a unit"),
            IgnoredKey("ControlPID", "new at each start of a unit"),
            IgnoredKey("ExecMain*", "the last start and end of a unit"),
            IgnoredKey("IO*Bytes", COUNTER),
            IgnoredKey("IO*Operations", COUNTER),
            IgnoredKey("IP*Bytes", COUNTER),
            IgnoredKey("IP*Packets", COUNTER),
            IgnoredKey("InvocationID", "new at each start of a unit"),
            IgnoredKey("MainPID", "new at each start of a unit"),
            IgnoredKey("MemoryAvailable", COUNTER),
            IgnoredKey("*Current", COUNTER),
            IgnoredKey("*Peak", COUNTER),
        ),
        normalizers=(
            Normalizer(("Exec*",), drop_command_run, "the last run"),
            Normalizer(SETS, normalize_set, "sets have no order"),
        ),
        names_node=("Environment", "Exec*"),
    ),
)

# D-Bus types that keep their type; all others, smaller integers among them, become text.
KEPT_TYPES = {"b": "bool", "s": "string", "t": "uint64", "x": "int64", "d": "float64"}

# systemd.unit(5): the types of units and the characters of a name; and those of glob(7).
UNIT_TYPES = "service socket device mount automount swap target path timer slice scope".split()
UNIT_CHARACTERS = r"[A-Za-z0-9:_.\\@*?\[\]!^-]{1,255}"
GLOB_CHARACTERS = "*?["

# After this part of the deadline, the collector itself reports what it could not read.
DEADLINE_FRACTION = 0.95


def choose_subtypes(context: Context) -> tuple[str, ...]:
    """Return the chosen units that are no patterns."""
    return tuple(name for name in _choose_units(context) if not is_pattern(name))


def collect(context: Context) -> Iterator[Subtype]:
    """Return each unit; a pattern that matches no unit, or cannot be read, by its own name."""
    from kubectl_snapshot.clients.host import systemd_dbus  # late: 3 ms of each diff and schema

    left_s = context.deadline - time.monotonic()
    deadline = time.monotonic() + DEADLINE_FRACTION * left_s
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
    """Return the units that match a pattern, or the name itself; raise Absent if none match."""
    if not is_pattern(name):
        return (name,)
    units = tuple(manager.list_units(name))
    if not units:
        raise Absent(f"the node's systemd has no unit {name}")
    return units


def read_unit(manager: Manager, unit: str) -> Subtype:
    """Return a unit as systemd reports it; status `absent` if systemd does not find it."""
    properties = manager.read_properties(unit)
    data = build_readings(properties)
    if data.get("LoadState") != "not-found":
        return Subtype(unit, data)
    missing = {name: data[name] for name in MISSING_KEYS if name in data}
    return Subtype(unit, missing, {"status": ABSENT, "reason": describe_missing(unit, properties)})


def build_readings(properties: Mapping[str, Property]) -> dict[str, Scalar]:
    """Return the properties by name, each converted by its D-Bus type (contract 2.4).

    Numbers that mean "unset" and arrays of bytes are written as systemctl writes them.
    """
    readings: dict[str, Scalar] = {}
    for name, found in filter_out(properties, EXCLUDED).items():
        word = find_word(name, found)
        kind = KEPT_TYPES.get(found.signature, "")
        readings[name] = to_reading(kind, found.value)[1] if word is None else word
    return readings


def describe_missing(unit: str, properties: Mapping[str, Property]) -> str:
    """Return systemd's reason for a unit that it could not load (property LoadError)."""
    error = properties.get("LoadError")
    words = error.value[-1] if error is not None and error.signature == "(ss)" else ""
    return str(words) or f"{unit} is not found"


def is_pattern(name: str) -> bool:
    """Return whether a name is a glob pattern."""
    return any(char in name for char in GLOB_CHARACTERS)


def parse_units(names: Sequence[str]) -> tuple[str, ...]:
    """Return names and patterns of systemd units; InvalidRequest for an invalid one."""
    for name in names:
        if not re.fullmatch(UNIT_CHARACTERS, name):
            raise InvalidRequest(
                f'invalid unit name "{name}"',
                hint="pass one name or pattern per flag, such as kubelet.service or 'nvidia-*'",
            )
        if not is_pattern(name) and name.rpartition(".")[2] not in UNIT_TYPES:
            raise InvalidRequest(f'unit name "{name}" has no type', hint=f"use {name}.service")
    return tuple(names)


def _choose_units(context: Context) -> tuple[str, ...]:
    """Return the default units, or those that replace them, and the user's, each once."""
    settings = context.settings
    units = settings.default_units or (*DEFAULT_UNITS, *_choose_gpu_units(context.host))
    return tuple(dict.fromkeys((*units, *settings.systemd_services)))


def _choose_gpu_units(host: HostPath) -> tuple[str, ...]:
    """Return GPU_UNITS if the node has an NVIDIA GPU on its PCI bus."""
    from kubectl_snapshot.clients.host.pci import read_pci_gpus

    try:
        return GPU_UNITS if read_pci_gpus(host) else ()
    except SnapshotError:  # the bus is not visible: the GPU collector says so
        return ()
