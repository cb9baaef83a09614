"""A machine as a directory like those of tests/fixtures/hosts: its files, the answers, HOST.md.

What identifies the machine is replaced before anything is written.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_check.compare import Comparison, find_gpu_subtypes, render, render_summary
from gpu_check.machine import DRIVER, NVIDIA, PCI_DEVICES, PCI_FILES, Machine, Trouble, read_text
from gpu_check.mapping import has_value
from gpu_check.scrub import build_replacements, scrub, scrub_system

MAX_FILE_BYTES = 65_536
SINGLE_FILES = ("etc/os-release", "usr/lib/os-release", "proc/cmdline", "proc/modules")
SETTINGS = "proc/sys"
# Settings of each network interface and of one boot, and the names of the machine.
SKIPPED_SETTINGS = (
    "proc/sys/net/",
    "proc/sys/kernel/random/uuid",
    "proc/sys/kernel/usermodehelper/",
    "proc/sys/fs/binfmt_misc/",
)
KEPT_SETTINGS = ("proc/sys/net/core/somaxconn", "proc/sys/net/ipv4/ip_forward")
HOST_NAME_FILES = ("proc/sys/kernel/hostname", "proc/sys/kernel/domainname")
MODULE_FILES = ("version", "srcversion", "taint", "initstate", "coresize")
SERIAL_ELEMENTS = ("smi:serial", "smi:platformInfo/chassis_serial_number")
NUMBER_ELEMENTS = ("smi:pdi", "smi:platformInfo/gpu_fabric_guid")
SERIAL_KEYS = ("serial", "platform.chassis-serial-number")
NUMBER_KEYS = ("pdi", "platform.ib-guid")
LINK = "link:"  # before the target of a symbolic link

HOST = """\
# {name}

{gpus}, driver {driver} with {flavor} kernel modules, kernel {kernel}, {system}.

- Captured on {date} by `scripts/gpu-check --bundle`, kubectl-snapshot {version}, Python {python}.
- Shape: the machine's own. Host names, serials, UUIDs, fabric identifiers, MAC and IP addresses
  and names of processes are invented: the same is replaced by the same in every file.
- `nvidia-smi-q-x.xml` is the report just before the capture `snapshot.json` (its GPU part),
  `nvml.jsonl` what the child process that asks NVML wrote in a capture after it; the other texts
  are answers of nvidia-smi, and `table.txt` compares.
- Left out: settings of network interfaces, files that cannot be read, and files over {limit} bytes.
- {summary}.
"""


@dataclass(frozen=True)
class Findings:
    """What one check has found."""

    document: Mapping[str, Any]
    report: str
    record: str
    comparison: Comparison


def ensure_empty(directory: Path) -> None:
    """Make the directory of a bundle. Raises Trouble where it has something in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise Trouble(f"{directory} is not empty", hint="name a new directory for --bundle")
    except OSError as error:
        why = error.strerror or str(error)
        raise Trouble(f"cannot make the directory {directory}", why=why) from error


def write_bundle(
    directory: Path, machine: Machine, found: Findings, gpus: Mapping[str, Mapping[str, str]]
) -> None:
    """Write everything, identifiers replaced. Raises Trouble."""
    files = dict(read_files(machine.root))
    files.update(build_files(machine, found, directory.name))
    replacements = find_replacements(found.document, gpus, files, read_host_names(machine, found))
    for path, content in files.items():
        if path in HOST_NAME_FILES:
            content = "gpu-host" if path.endswith("hostname") else "(none)"
        elif path.startswith((SETTINGS, "proc/cmdline")):
            content = scrub_system(content)
        target = directory / scrub(path, replacements)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if content.startswith(LINK):
                target.symlink_to(scrub(content[len(LINK) :], replacements))
            else:
                target.write_text(scrub(content, replacements).rstrip("\n") + "\n", "utf-8")
        except OSError as error:
            raise Trouble(f"cannot write {target}", why=error.strerror or str(error)) from error


def find_replacements(
    document: Mapping[str, Any],
    gpus: Mapping[str, Mapping[str, str]],
    files: Mapping[str, str],
    host_names: Iterable[str],
) -> dict[str, str]:
    """Return what replaces each identifier that the snapshot, the report or a file has."""
    readings = [
        (key, str(value))
        for subtype in find_gpu_subtypes(document).values()
        for key, value in subtype["data"].items()
    ]
    texts = [(key, text) for gpu in gpus.values() for key, text in gpu.items()]
    named = [*readings, *((key, text) for key, text in texts if has_value(text))]
    serials = [text for key, text in named if key in (*SERIAL_KEYS, *SERIAL_ELEMENTS)]
    numbers = [text for key, text in named if key in (*NUMBER_KEYS, *NUMBER_ELEMENTS)]
    return build_replacements([*files, *files.values()], serials, numbers, host_names)


def read_host_names(machine: Machine, found: Findings) -> tuple[str, ...]:
    """Return what the machine is called."""
    node = str(found.document.get("metadata", {}).get("source-node", ""))
    names = {node, platform.node(), read_text(machine.root / HOST_NAME_FILES[0]) or ""}
    return tuple(sorted({*names, *(name.partition(".")[0] for name in names)} - {""}))


def build_files(machine: Machine, found: Findings, name: str) -> dict[str, str]:
    """Return the answers and what says what they are, by file name."""
    part = {
        **{k: v for k, v in found.document.items() if k != "measurements"},
        "measurements": [m for m in found.document["measurements"] if m["type"] == "GPU"],
    }
    return {
        "HOST.md": render_host(machine.root, found, name),
        "nvidia-smi-q-x.xml": found.report,
        "nvml.jsonl": found.record,
        "snapshot.json": json.dumps(part, indent=1, ensure_ascii=False),
        "table.txt": render(found.comparison),
        **machine.outputs,
    }


def render_host(root: Path, found: Findings, name: str) -> str:
    """Return HOST.md."""
    subtypes = find_gpu_subtypes(found.document)
    device = subtypes["device"]["data"]
    release = parse_release(read_text(root / "etc/os-release") or "")
    return HOST.format(
        name=name,
        gpus=f"{device.get('count', 0)} × {device.get('model', 'GPU')}",
        driver=device.get("driver", "unknown"),
        flavor=device.get("kernel-module-flavor", "unknown"),
        kernel=read_text(root / "proc/sys/kernel/osrelease") or "unknown",
        system=f"{release.get('PRETTY_NAME', 'unknown system')}, {platform.machine()}",
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        version=found.document.get("metadata", {}).get("version", "unknown"),
        python=".".join(map(str, sys.version_info[:3])),
        limit=MAX_FILE_BYTES,
        summary=render_summary(found.comparison),
    )


def parse_release(text: str) -> dict[str, str]:
    """Return the fields of os-release(5)."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip("\"'") for name, sep, value in pairs if sep}


def read_files(root: Path) -> Iterator[tuple[str, str]]:
    """Yield what our collectors read of the machine's files: path below the root, and text."""
    for path in SINGLE_FILES:
        yield from _read_one(root, path)
    for path in (*_walk(root, SETTINGS), *_walk(root, DRIVER)):
        if path in KEPT_SETTINGS or not path.startswith(SKIPPED_SETTINGS):
            yield from _read_one(root, path)
    yield from _read_modules(root)
    yield from _read_bus(root)


def _read_one(root: Path, path: str) -> Iterator[tuple[str, str]]:
    full = root / path
    if full.is_symlink():
        yield path, LINK + os.readlink(full)
        return
    try:
        with full.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) <= MAX_FILE_BYTES:
            yield path, content.decode()
    except (OSError, UnicodeDecodeError):
        return  # write-only, gone, or no text


def _walk(root: Path, top: str) -> Iterator[str]:
    for directory, names, files in os.walk(root / top):
        names.sort()
        for name in sorted(files):
            yield os.path.relpath(os.path.join(directory, name), root)


def _read_modules(root: Path) -> Iterator[tuple[str, str]]:
    for module in sorted((root / "sys/module").glob("nvidia*")):
        parameters = sorted((module / "parameters").glob("*"))
        for path in (*(module / name for name in MODULE_FILES), *parameters):
            if path.is_file():
                yield from _read_one(root, str(path.relative_to(root)))


def _read_bus(root: Path) -> Iterator[tuple[str, str]]:
    """Yield NVIDIA's devices of the bus: each link, what it leads to, and its driver's link."""
    directory = root / PCI_DEVICES
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        if read_text(path / "vendor") != NVIDIA:
            continue
        place = path
        if path.is_symlink():
            target = os.readlink(path)
            yield str(path.relative_to(root)), LINK + target
            place = Path(os.path.normpath(directory / target))
        for name in (*PCI_FILES, "driver"):
            if (place / name).exists() or (place / name).is_symlink():
                yield from _read_one(root, str((place / name).relative_to(root)))
        if (place / "driver").is_symlink():
            # A link to a driver's directory: it must lead somewhere in the bundle, too.
            found = os.path.normpath(place / os.readlink(place / "driver"))
            yield from _read_one(root, f"{os.path.relpath(found, root)}/module/version")
