"""Read settings of the drivers: /proc/driver/nvidia/params and modprobe.d(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.driver.modules import is_driver
from kubectl_snapshot.collectors.operating_system.textfile import TextRules, parse_map
from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.host.hostpath import HostPath

PARAMS = "/proc/driver/nvidia/params"
# A file replaces those of its name in the directories after it.
DIRECTORIES = (
    *("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d"),
    "/lib/modprobe.d",
)


def read_params(host: HostPath) -> Subtype:
    """Return the parameters that the loaded NVIDIA module uses, its own names."""
    rules = TextRules(kv_delimiter=":", skip_comments=False, trim_chars='"')
    return Subtype("nvidia-params", parse_map(host.read_text(PARAMS), rules))


def read_modprobe(host: HostPath) -> Subtype:
    """Return the settings of modprobe for the drivers' modules: `<command>.<module>`."""
    errors: list[SnapshotError] = []
    data: dict[str, str] = {}
    files = _list_files(host, errors)
    if not files and not errors:
        raise Absent("modprobe is not configured on the node", why=f"in {DIRECTORIES[0]}")
    for name in sorted(files):
        path = f"{files[name]}/{name}"
        try:
            commands = list(parse_commands(host.read_text(path)))
        except SnapshotError as error:
            errors.append(error)
            continue
        for command, module, rest in commands:
            key = f"{command}.{module}"
            value = path if command == "blacklist" else rest
            data[key] = f"{data[key]} {value}" if key in data else value
    return build_partial_subtype("modprobe", data, errors, {}, nothing_read=not data)


def _list_files(host: HostPath, errors: list[SnapshotError]) -> dict[str, str]:
    """Return the directory of each file by its name."""
    files: dict[str, str] = {}
    for directory in DIRECTORIES:
        try:
            names = host.read_names(directory)
        except Absent:
            continue
        except SnapshotError as error:
            errors.append(error)
            continue
        for name in names:
            if name.endswith(".conf"):
                files.setdefault(name, directory)
    return files


def parse_commands(text: str) -> Iterable[tuple[str, str, str]]:
    """Yield command, module and the rest of each line about a driver (modprobe.d(5))."""
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in ("blacklist", "options", "install", "remove", "softdep"):
            module = words[1].replace("-", "_")
            if is_driver(module):
                yield words[0], module, " ".join(words[2:])
