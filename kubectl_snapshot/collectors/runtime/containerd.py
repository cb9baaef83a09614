"""Read containerd's configuration with its imports (subtype Runtime.containerd).

Source: containerd, cmd/containerd/server/config/config.go and docs/cri/config.md.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.collectors.runtime.files import find_files, read_toml
from kubectl_snapshot.collectors.runtime.flatten import flatten
from kubectl_snapshot.errors import Absent, Internal, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

    Table = dict[str, Any]

# Where distributions have the configuration that their kubelet's containerd reads: k3s, RKE2,
# MicroK8s, k0s, Talos, all others.
CONFIGS = (
    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
    "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
    "/var/snap/microk8s/current/args/containerd.toml",
    "/etc/k0s/containerd.toml",
    "/etc/cri/containerd.toml",
    "/etc/containerd/config.toml",
)
PACKAGES = ("containerd.io", "containerd", "moby-containerd")
MAX_FILES = 100
# The version of a file that names none, and the one with which plugins were split.
FIRST_VERSION, SPLIT_VERSION = 1, 3
OLD_PLUGINS = ("cri", "io.containerd.grpc.v1.cri")
NEW_PLUGINS = ("io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime")
# Names of version 2 that have another one since.
RENAMED = {"sandbox_image": "pinned_images.sandbox"}
# Of the file as a whole; lists of several files are joined.
SETTINGS = ("root", "state", "oom_score", "disabled_plugins", "required_plugins", "proxy_plugins")
# Credentials and file names of keys; the registries' hosts are read on their own.
LEFT_OUT = ("registry", "x509_key_pair_streaming", "image_decryption")


def read(host: HostPath, packages: Mapping[str, Scalar]) -> Subtype:
    """Return the settings of the configuration and its imports, by their names in version 3.

    What containerd 1 and 2 would understand differently is left out if it is not known which runs;
    all settings are if a file cannot be read, which may override any of them.
    """
    found = find_files(host, CONFIGS)
    if not found:
        raise Absent("no configuration of containerd found on the node", why=f"as {CONFIGS[-1]}")
    errors: list[SnapshotError] = []
    files = _read_imports(host, found[0], errors)
    version = _find_version(files[found[0]]) if found[0] in files else 0
    data: dict[str, Scalar] = {"files": ",".join(files), "config-version": version or ""}
    if found[1:]:
        data["other-files"] = ",".join(found[1:])
    merges = () if errors else _choose_merges(version, packages)
    readings = [
        build_readings(merged)
        for is_first in merges
        for merged in [merge_files(list(files.values()), is_first)]
    ]
    common, unknown = compare_readings(readings)
    if unknown:
        what = f"containerd 1 and 2 merge the files differently: {', '.join(unknown[:5])}"
        errors.append(Internal(what, why="its version is not known"))
    data.update(common)
    hosts = _read_registry_hosts(host, common.get("registry.config_path"), errors)
    names = {*str(common.get("registry.hosts", "")).split(","), *hosts} - {""}
    data["registry.hosts"] = ",".join(sorted(names))
    data = {key: value for key, value in data.items() if value != ""}
    return build_partial_subtype("containerd", data, errors, {}, nothing_read=not files)


def _read_imports(host: HostPath, path: str, errors: list[SnapshotError]) -> dict[str, Table]:
    """Return the files by path in the order in which containerd reads them."""
    files: dict[str, Table] = {}
    pending = [path]
    while pending and len(files) < MAX_FILES:
        path = pending.pop(0)
        if path in files:
            continue
        try:
            files[path] = read_toml(host, path)
            for pattern in _list(files[path].get("imports")):
                pending += _find_imports(host, normpath(join(dirname(path), str(pattern))))
        except SnapshotError as error:
            errors.append(error)
    return files


def _find_imports(host: HostPath, pattern: str) -> list[str]:
    """Return the files that a pattern matches, or the path itself; in names only."""
    directory, name = dirname(pattern), pattern.rpartition("/")[2]
    if "*" not in pattern:
        return [pattern]
    if "*" in directory:
        raise Internal(f"the imports {pattern} are not read", why="a directory has a wildcard")
    try:
        names = host.read_names(directory)
    except Absent:
        return []  # as filepath.Glob
    return [f"{directory}/{found}" for found in names if fnmatchcase(found, name)]


def _find_version(config: Mapping[str, object]) -> int:
    version = config.get("version", FIRST_VERSION)
    return version if isinstance(version, int) else 0


def _choose_merges(version: int, packages: Mapping[str, Scalar]) -> tuple[bool, ...]:
    """Return whether containerd 1 merges the files, both if it is not known."""
    if version >= SPLIT_VERSION:
        return (False,)
    installed = {str(packages[name]) for name in PACKAGES if name in packages}
    majors = {text.rpartition(":")[2].partition(".")[0] for text in installed}
    return {"1": (True,), "2": (False,)}.get("".join(majors), (True, False))


def merge_files(files: Sequence[Table], is_first: bool) -> Table:
    """Return the settings of all files, `plugins` by name.

    containerd 1 replaces a plugin's settings by those of a later file, containerd 2 merges them
    (containerd/containerd#9982).
    """
    merged: Table = {"plugins": {}}
    for config in files:
        for name in SETTINGS:
            value = config.get(name)
            if isinstance(value, list):
                known = merged.setdefault(name, [])
                known += [item for item in value if item not in known]
            elif isinstance(value, dict):
                merged.setdefault(name, {}).update(value)
            elif value:
                merged[name] = value
        plugins = _dict(config.get("plugins"))
        if is_first:
            merged["plugins"].update(plugins)
        else:
            # A file of an older version is converted before it is merged.
            merged["plugins"] = merge_tables(merged["plugins"], {"": _join_plugins(plugins)})
    if is_first:
        merged["plugins"] = {"": _join_plugins(merged["plugins"])}
    return merged


def merge_tables(one: Table, other: Table) -> Table:
    """Return both tables, with the values of the other where both have one."""
    merged = dict(one)
    for key, value in other.items():
        mine = merged.get(key)
        both = isinstance(mine, dict) and isinstance(value, dict)
        merged[key] = merge_tables(_dict(mine), value) if both else value
    return merged


def _join_plugins(plugins: Mapping[str, object]) -> Table:
    """Return the settings of the CRI plugins in one table, without the level `containerd`."""
    joined: Table = {}
    for name in (*OLD_PLUGINS, *NEW_PLUGINS):
        settings = _dict(plugins.get(name))
        joined = merge_tables(joined, {k: v for k, v in settings.items() if k != "containerd"})
        joined = merge_tables(joined, _dict(settings.get("containerd")))
    return joined


def build_readings(merged: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return the readings of merged files."""
    settings = merged["plugins"].get("", {})
    registry = _dict(settings.get("registry"))
    readings = flatten({name: merged[name] for name in SETTINGS if name in merged})
    kept = {name: value for name, value in settings.items() if name not in LEFT_OUT}
    readings.update((RENAMED.get(key, key), value) for key, value in flatten(kept).items())
    hosts = {*_dict(registry.get("mirrors")), *_dict(registry.get("configs"))}
    readings["registry.hosts"] = ",".join(sorted(map(str, hosts)))
    path = registry.get("config_path")
    if isinstance(path, str):
        readings["registry.config_path"] = path
    return readings


def compare_readings(
    readings: Sequence[Mapping[str, Scalar]],
) -> tuple[dict[str, Scalar], list[str]]:
    """Return what all have in common, and the keys of the rest."""
    keys = dict.fromkeys(key for found in readings for key in found)
    common = {}
    unknown = []
    for key in keys:
        values = [found.get(key) for found in readings]
        if any(value != values[0] for value in values):
            unknown.append(key)
        elif values[0] is not None:
            common[key] = values[0]
    return common, unknown


def _read_registry_hosts(
    host: HostPath, paths: object, errors: list[SnapshotError]
) -> Iterator[str]:
    """Yield the names of the registries' directories (docs/hosts.md)."""
    for path in str(paths or "").split(":"):
        if path.startswith("/"):
            try:
                yield from host.read_names(path)
            except Absent:
                continue
            except SnapshotError as error:
                errors.append(error)


def _dict(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
