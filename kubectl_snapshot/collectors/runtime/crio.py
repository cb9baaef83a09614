"""Read CRI-O's configuration with its drop-ins (subtype Runtime.cri-o).

Sources: crio.conf(5), crio.conf.d(5); of what a drop-in replaces: cri-o, pkg/config/config.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.collectors.runtime.files import read_toml
from kubectl_snapshot.collectors.runtime.flatten import flatten
from kubectl_snapshot.errors import Absent, SnapshotError

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

CONFIG, DROP_INS = "/etc/crio/crio.conf", "/etc/crio/crio.conf.d"
# Tables whose entries are replaced as a whole.
WHOLE = ("runtimes", "workloads")


def read(host: HostPath) -> Subtype:
    """Return the settings below `crio` of the configuration and its drop-ins, by path."""
    errors: list[SnapshotError] = []
    files: list[str] = []
    merged: dict[str, Any] = {}
    for path in (CONFIG, *_list_drop_ins(host)):
        try:
            settings = read_toml(host, path).get("crio")
        except Absent:
            continue
        except SnapshotError as error:
            errors.append(error)
            continue
        files.append(path)
        if isinstance(settings, dict):
            merge_drop_in(merged, settings)
    if not files and not errors:
        raise Absent("no configuration of CRI-O found on the node", why=f"as {CONFIG}")
    data: dict[str, Scalar] = {"files": ",".join(files)} if files else {}
    if not errors:
        data.update(flatten(merged))
    return build_partial_subtype("cri-o", data, errors, {}, nothing_read=not files)


def _list_drop_ins(host: HostPath) -> list[str]:
    """Return the files of the directory by name, as CRI-O reads them."""
    try:
        return [f"{DROP_INS}/{name}" for name in host.read_names(DROP_INS)]
    except Absent:
        return []


def merge_drop_in(merged: dict[str, Any], settings: dict[str, Any], is_whole: bool = False) -> None:
    """Add the settings of a later file; lists, runtimes and workloads are replaced as a whole."""
    for key, value in settings.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, dict) and not is_whole:
            merge_drop_in(mine, value, key in WHOLE)
        else:
            merged[key] = value
