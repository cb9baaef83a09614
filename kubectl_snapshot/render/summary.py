"""Format `summary`: what a snapshot has, in twelve lines for a terminal. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kubectl_snapshot.document.gaps import explain_gaps
from kubectl_snapshot.document.paths import find_readings, iter_subtypes
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import gpu_count
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

TITLE_WIDTH = 12
DEFAULT_WIDTH = 80
MODES = {
    "local": "on this machine",
    "agent": "by a pod on the node",
    "agent-unprivileged": "by a restricted pod on the node",
}


def render_summary(snapshot: Snapshot, width: int = 0, next_command: str = "") -> str:
    """Return twelve lines, truncated to a width; the last one is the next command."""
    room = (width or DEFAULT_WIDTH) - TITLE_WIDTH
    lines = [*_summarize(snapshot), ("next", next_command or render_next_command(snapshot))]
    return "".join(f"{title:<{TITLE_WIDTH}}{_shorten(text, room)}\n" for title, text in lines)


def render_next_command(snapshot: Snapshot) -> str:
    """Return the command that writes a snapshot of the same node to a file."""
    node = single_line(snapshot.metadata.get("source-node", "")) or "node"
    is_local = snapshot.metadata.get("mode") == "local"
    target = "--local" if is_local else f"--node {shlex.quote(node)}"
    return f"kubectl snapshot {target} -o {shlex.quote(f'{node}.yaml')}"


def _summarize(snapshot: Snapshot) -> list[tuple[str, str]]:
    subtypes = {f"{type_}.{subtype.name}": subtype for type_, subtype in iter_subtypes(snapshot)}
    metadata = snapshot.metadata
    mode = metadata.get("mode", "")
    readings = sum(len(subtype.data) for subtype in subtypes.values())
    gaps = explain_gaps(snapshot)
    return [
        ("node", metadata.get("source-node", "") or "unnamed"),
        ("captured", f"{metadata.get('timestamp', 'at an unknown time')} {MODES.get(mode, mode)}"),
        ("system", _join(subtypes, ("OS.release.PRETTY_NAME", "K8s.node.kernel-version"))),
        ("gpus", _describe_gpus(snapshot, subtypes)),
        ("boot", _count(subtypes, "OS.grub", "kernel parameters")),
        ("modules", _count(subtypes, "OS.kmod", "loaded")),
        ("sysctl", _count(subtypes, "OS.sysctl", "values")),
        ("units", _describe_units(snapshot, subtypes)),
        ("kubernetes", _join(subtypes, ("K8s.server.version", "K8s.node.kubelet-version"))),
        ("readings", f"{readings} in {len(subtypes)} subtypes"),
        ("gaps", "; ".join(gaps) or "none"),
    ]


def _describe_gpus(snapshot: Snapshot, subtypes: dict[str, Subtype]) -> str:
    count = gpu_count(snapshot)
    names = (_value(subtypes, f"GPU.{name}.model", True) for name in ("device", "hardware"))
    model = next(filter(None, names), "") or _value(subtypes, "GPU.hardware.model")
    return f"{count} x {model}, driver {_value(subtypes, 'GPU.smi.driver')}" if count else model


def _describe_units(snapshot: Snapshot, subtypes: dict[str, Subtype]) -> str:
    states = find_readings(snapshot, "SystemD.*.ActiveState")
    units = [f"{path.split('.')[1]} {text_of(state)}" for path, state in states.items()]
    reason = next((_absence(s) for name, s in subtypes.items() if name.startswith("SystemD.")), "")
    return ", ".join(units) or reason or "not captured"


def _join(subtypes: dict[str, Subtype], paths: tuple[str, ...]) -> str:
    """Return the values of the paths that have one, else the reason for the first."""
    values = [value for path in paths if (value := _value(subtypes, path, is_optional=True))]
    labels = [path.rpartition(".")[2].partition("-")[0] for path in paths]
    if not values:
        return _value(subtypes, paths[0])
    return ", ".join([values[0], *(f"{label} {v}" for label, v in zip(labels[1:], values[1:]))])


def _value(subtypes: dict[str, Subtype], path: str, is_optional: bool = False) -> str:
    name, _, key = path.rpartition(".")
    subtype = subtypes.get(name)
    if subtype is not None and key in subtype.data:
        return text_of(subtype.data[key])
    return "" if is_optional else _absence(subtype)


def _count(subtypes: dict[str, Subtype], name: str, noun: str) -> str:
    subtype = subtypes.get(name)
    return f"{len(subtype.data)} {noun}" if subtype and subtype.data else _absence(subtype)


def _absence(subtype: Subtype | None) -> str:
    """Return the reason a reading is missing, or the status of its subtype."""
    if subtype is None:
        return "not captured"
    return subtype.context.get("reason", "") or subtype.context.get("status", "not captured")


def _shorten(text: str, width: int) -> str:
    line = single_line(text)
    return line if len(line) <= width else f"{line[: max(width - 1, 1)]}…"
