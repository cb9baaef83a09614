"""Read the kubelet's configuration file, its drop-ins and flags (subtype Runtime.kubelet).

K8s.kubelet is the running configuration, for users with the right to read it; this is what the
files on the node set, without any right. Sources: Kubernetes, "Set Kubelet Parameters Via A
Configuration File" and "Kubelet Configuration Directory Merging"; KEP-3983.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.collectors.flat_text import flatten
from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

# Where distributions have the file, and the directory of its drop-ins: kubeadm and AKS; EKS, new
# and old; GKE; OpenShift; Bottlerocket; Talos; AKS; k0s; k3s and RKE2, which have drop-ins only.
PLACES = (
    ("/var/lib/kubelet/config.yaml", ""),
    ("/etc/kubernetes/kubelet/config.json", "/etc/kubernetes/kubelet/config.json.d"),
    ("/etc/kubernetes/kubelet/kubelet-config.json", ""),
    ("/home/kubernetes/kubelet-config.yaml", ""),
    ("/etc/kubernetes/kubelet.conf", ""),
    ("/etc/kubernetes/kubelet/config", ""),
    ("/etc/kubernetes/kubelet.yaml", ""),
    ("/etc/default/kubeletconfig.json", ""),
    ("/var/lib/k0s/kubelet-config.yaml", ""),
    ("", "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d"),
    ("", "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d"),
)
# The kubelet's processes, with cgroups of version 2 and of version 1.
PROCESSES = (
    "/sys/fs/cgroup/system.slice/kubelet.service/cgroup.procs",
    "/sys/fs/cgroup/systemd/system.slice/kubelet.service/cgroup.procs",
)
KIND, DROP_IN = "KubeletConfiguration", ".conf"
# A header of static pods' URL may hold a credential; `kind` and `apiVersion` are constants.
LEFT_OUT = ("staticPodURLHeader", "kind", "apiVersion")
MAX_BYTES, MAX_VALUES = 131_072, 10_000
NO_FLAGS = "the kubelet's process is not visible from here: its flags override its file"


def read(host: HostPath) -> Subtype:
    """Return the fields of the files by path, as K8s.kubelet has them, and the flags.

    Later files replace fields and lists of earlier ones; if one cannot be read, no field is known.
    Absent if no file is found.
    """
    flags = _read_flags(host)
    places: Sequence[tuple[str, str]] = PLACES
    if "config" in flags or "config-dir" in flags:
        places = ((flags.get("config", ""), flags.get("config-dir", "")),)
    errors: list[SnapshotError] = []
    files: list[str] = []
    merged: dict[str, Any] = {}
    for file, drop_ins in places:
        for path in (*filter(None, (file,)), *_list_drop_ins(host, drop_ins)):
            try:
                settings = _read_settings(host, path)
            except SnapshotError as error:
                if flags or not isinstance(error, Absent):
                    errors.append(error)
                continue
            if "kind" not in settings:
                errors.append(InvalidRequest(f"{path} of the node has no kind"))
            elif settings["kind"] == KIND:
                files.append(path)
                merge(merged, settings)
        if files or errors:
            break
    if not (files or errors or flags):
        raise Absent("no configuration of a kubelet found on the node", why=f"as {PLACES[0][0]}")
    data: dict[str, Scalar] = {f"flag.{name}": text for name, text in flags.items()}
    if files:
        data["files"] = ",".join(files)
    if not errors:
        data.update(flatten({k: v for k, v in merged.items() if k not in LEFT_OUT}))
    context = {} if flags or not files else {"note": NO_FLAGS}
    return build_partial_subtype("kubelet", data, errors, context, nothing_read=not data)


def merge(merged: dict[str, Any], settings: dict[str, Any]) -> None:
    """Add the fields of a later file: those of maps one by one, lists as a whole."""
    for key, value in settings.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            merge(mine, value)
        else:
            merged[key] = value


def parse_flags(words: Sequence[str]) -> dict[str, str]:
    """Return the flags of a command line without their dashes; one without a value is `true`."""
    flags: dict[str, str] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.lstrip("-").partition("=")
            flags[name] = value if equals else "true"
            name = "" if equals else name
        elif name:
            flags[name], name = word, ""
    return flags


def _read_flags(host: HostPath) -> dict[str, str]:
    """Return the flags of the running kubelet, {} if its process is not visible."""
    for path in PROCESSES:
        try:
            numbers = host.read_text(path).split()
            lines = [host.read_text(f"/proc/{n}/cmdline") for n in numbers[:8] if n.isdigit()]
        except SnapshotError:
            continue
        for program, *words in (line.rstrip("\0").split("\0") for line in lines):
            if program.rpartition("/")[2] == "kubelet":
                return parse_flags(words)
    return {}


def _list_drop_ins(host: HostPath, directory: str) -> list[str]:
    """Return the files of the directory in the kubelet's order."""
    try:
        names: Iterable[str] = host.read_names(directory) if directory else ()
    except Absent:
        return []
    return [f"{directory}/{name}" for name in names if name.endswith(DROP_IN)]


def _read_settings(host: HostPath, path: str) -> dict[str, Any]:
    text = host.read_text(path, MAX_BYTES)
    from kubectl_snapshot.clients.files.localfile import parse_yaml

    settings = parse_yaml(text, f"{path} of the node")
    if not isinstance(settings, dict):
        raise InvalidRequest(f"{path} of the node is not a map of settings")
    _refuse_many(settings, path)
    try:
        # The kubelet reads YAML as JSON, too.
        return dict(json.loads(json.dumps(settings, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            f"{path} of the node has values that JSON cannot have", why=str(error)
        ) from error


def _refuse_many(settings: dict[str, Any], path: str) -> None:
    """Raise InvalidRequest for more values than a configuration has: aliases can repeat them."""
    waiting: list[object] = [settings]
    count = 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            raise InvalidRequest(f"{path} of the node has more than {MAX_VALUES} values")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
