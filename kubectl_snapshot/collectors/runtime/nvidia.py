"""Read the NVIDIA container toolkit's configuration, and CDI specifications of any vendor.

Sources: NVIDIA container toolkit, api/config/v1; Container Device Interface, SPEC.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.collectors.runtime.files import read_toml
from kubectl_snapshot.collectors.runtime.flatten import flatten
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Scalar

# Of the node, and of the GPU operator, whose keys have a prefix.
OPERATOR = "/usr/local/nvidia/toolkit"
CONFIGS = {
    "": "/etc/nvidia-container-runtime/config.toml",
    "operator.": f"{OPERATOR}/.config/nvidia-container-runtime/config.toml",
}
LIBRARY = "libnvidia-container.so."
VERSION = r"[0-9]+\.[0-9]+\.[0-9][\w.~+-]*"

CDI_DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
MAX_SPECS = 100
# A specification per resource claim comes and goes with its pod (k8s.gpu.nvidia.com-claim_<uid>).
CLAIM = "claim"
UUIDS = ("GPU-", "MIG-")
# Go reads it as a text, without quotes as well; so it stays in the form that is parsed fast.
CDI_VERSION = r"(?m)^cdiVersion: ([0-9.]+)$"


def read_toolkit(host: HostPath) -> Subtype:
    """Return the settings of config.toml by path; `operator.version` by the library's file name."""
    data: dict[str, Scalar] = {}
    errors: list[SnapshotError] = []
    for prefix, path in CONFIGS.items():
        try:
            settings = flatten(read_toml(host, path))
        except Absent:
            continue
        except SnapshotError as error:
            errors.append(error)
            continue
        data[f"{prefix}file"] = path
        data.update({f"{prefix}{key}": value for key, value in settings.items()})
    version = _read_operator_version(host)
    if version:
        data["operator.version"] = version
    if not data and not errors:
        raise Absent("no NVIDIA container toolkit is configured on the node")
    return build_partial_subtype("nvidia-toolkit", data, errors, {}, nothing_read=not data)


def _read_operator_version(host: HostPath) -> str:
    try:
        names = host.read_names(OPERATOR)
    except SnapshotError:
        return ""
    versions = (name[len(LIBRARY) :] for name in names if name.startswith(LIBRARY))
    return next((text for text in versions if re.fullmatch(VERSION, text)), "")


def read_cdi(host: HostPath) -> Subtype:
    """Return kind, version, devices and driver root of each specification, by its path."""
    data: dict[str, Scalar] = {}
    errors: list[SnapshotError] = []
    count = claims = 0
    for path in _list_specs(host):
        count += 1
        if CLAIM in path.rpartition("/")[2]:
            claims += 1
            continue
        if count - claims > MAX_SPECS:
            errors.append(InvalidRequest(f"more than {MAX_SPECS} CDI specifications"))
            break
        try:
            for key, text in describe_spec(_read_spec(host, path)).items():
                data[f"{path}.{key}"] = text
        except SnapshotError as error:
            errors.append(error)
    if not count:
        raise Absent("no CDI specification found on the node", why=f"in {CDI_DIRECTORIES[0]}")
    if claims:
        data["claim-count"] = claims
    return build_partial_subtype("cdi", data, errors, {}, nothing_read=not data)


def _list_specs(host: HostPath) -> Iterator[str]:
    for directory in CDI_DIRECTORIES:
        try:
            names = host.read_names(directory)
        except Absent:
            continue
        yield from (f"{directory}/{name}" for name in names if name.endswith((".json", ".yaml")))


def _read_spec(host: HostPath, path: str) -> dict[str, Any]:
    from kubectl_snapshot.clients.files.localfile import (
        parse_yaml,  # late: 8 ms, few nodes have CDI
    )

    text = re.sub(CDI_VERSION, r'cdiVersion: "\1"', host.read_text(path))
    spec = parse_yaml(text[4:] if text.startswith("---\n") else text, f"{path} of the node")
    if not isinstance(spec, dict):
        raise InvalidRequest(f"{path} of the node is no CDI specification")
    return spec


def describe_spec(spec: dict[str, Any]) -> dict[str, str]:
    """Return what a CDI specification says: SPEC.md, "CDI JSON Specification"."""
    devices = [device for device in _list(spec.get("devices")) if isinstance(device, dict)]
    names = sorted(str(device.get("name", "")) for device in devices)
    edits = [spec.get("containerEdits"), *(device.get("containerEdits") for device in devices)]
    texts = {
        "kind": str(spec.get("kind", "")),
        "version": str(spec.get("cdiVersion", "")),
        "devices": ",".join(name for name in names if not name.startswith(UUIDS)),
        "uuids": ",".join(name for name in names if name.startswith(UUIDS)),
        "driver-root": ",".join(sorted(set(_find_roots(edits)))),
    }
    return {key: text for key, text in texts.items() if text}


def _find_roots(edits: Iterable[object]) -> Iterator[str]:
    """Yield what comes before a mounted file's path in the container: the driver's root."""
    for edit in edits:
        for mount in _list(edit.get("mounts")) if isinstance(edit, dict) else ():
            if isinstance(mount, dict):
                inside, outside = (str(mount.get(k, "")) for k in ("containerPath", "hostPath"))
                if inside and outside.endswith(inside):
                    yield outside[: -len(inside)] or "/"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
