"""A snapshot in a ConfigMap, `cm://namespace/name`, with the reference's keys and labels."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.constants import NAME as FIELD_MANAGER
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.render.all_renderers import RENDERERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.snapshot import Snapshot

# The formats to write; a table cannot be read back.
FORMATS = ("yaml", "json", "table")
DEFAULT_FORMAT = "yaml"
FORMAT_KEY, TIMESTAMP_KEY = "format", "timestamp"
FORMAT_EXTENSIONS = {"yaml": "yaml", "json": "json", "table": "txt"}
KEYS = frozenset(
    (
        FORMAT_KEY,
        TIMESTAMP_KEY,
        *(f"snapshot.{extension}" for extension in FORMAT_EXTENSIONS.values()),
    )
)
# The reference's programs select snapshots by these labels. Without our managed-by label, as
# `cleanup` deletes what has it.
LABELS = {"app.kubernetes.io/name": "aicr", "app.kubernetes.io/component": "Snapshot"}
VERSION_LABEL = "app.kubernetes.io/version"
UNKNOWN_VERSION = "unknown"
MAX_LABEL_LENGTH = 63

# Limit of the sum of all values (k8s.io/kubernetes/pkg/apis/core/validation, MaxSecretSize).
MAX_DATA_BYTES = 1024 * 1024

# RFC 1123 label and subdomain; another text could change the path of a request.
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


APPLY = "application/apply-patch+yaml"


class ConfigMapName(NamedTuple):
    """Namespace and name of a ConfigMap."""

    namespace: str
    name: str


def read_configmap(uri: str, kube: Kube) -> str:
    """Return the text of the snapshot at `cm://namespace/name`; NotFound if it has none."""
    place = parse_place(uri)
    doing = f"read ConfigMap {place.namespace}/{place.name}"
    return parse_configmap(kube.request("GET", _build_path(place), doing=doing).body, uri)


def write_configmap(snapshot: Snapshot, place: ConfigMapName, format_name: str, kube: Kube) -> None:
    """Create or update a ConfigMap with a snapshot.

    Raises InvalidRequest for a ConfigMap of another program, and for a snapshot that is too large.
    """
    data = build_data(RENDERERS[format_name](snapshot), format_name, render_time(time.time()))
    check_configmap(place, kube)
    _apply(kube, place, build_configmap(place, data, snapshot.metadata.get("version", "")))


def check_configmap(place: ConfigMapName, kube: Kube) -> None:
    """Raise if a snapshot cannot be written, or if the ConfigMap is another program's."""
    # The response has the keys of others, too, so no permission to read is needed.
    stored = _apply(kube, place, build_configmap(place, {}, ""), is_dry_run=True)
    foreign = find_foreign_key(stored)
    if foreign:
        raise InvalidRequest(
            f"ConfigMap {place.namespace}/{place.name} is not a snapshot's",
            why=f"it has the key {foreign}",
            hint="use an unused name, or that of an earlier snapshot",
        )


def _apply(
    kube: Kube, place: ConfigMapName, body: Mapping[str, Any], is_dry_run: bool = False
) -> Mapping[str, Any]:
    """Create or update a ConfigMap by server-side apply; return it. Keys of others are kept."""
    # Forced: a snapshot replaces a value that another program wrote under one of our keys.
    query = {"fieldManager": FIELD_MANAGER, "force": "true"}
    if is_dry_run:
        query["dryRun"] = "All"
    answer: Mapping[str, Any] = kube.request(
        "PATCH",
        _build_path(place),
        doing=f"write ConfigMap {place.namespace}/{place.name}",
        query=query,
        body=body,
        content_type=APPLY,
    ).body
    return answer


def _build_path(place: ConfigMapName) -> str:
    return f"/api/v1/namespaces/{place.namespace}/configmaps/{place.name}"


def parse_place(uri: str) -> ConfigMapName:
    """Return the ConfigMap of `cm://namespace/name`; InvalidRequest for invalid names."""
    place = parse_configmap_uri(uri)
    for noun, pattern, text in (
        ("namespace", NAMESPACE, place.namespace),
        ("ConfigMap name", NAME, place.name),
    ):
        if not pattern.fullmatch(text):
            raise InvalidRequest(
                f'invalid {noun} "{text}"',
                hint="use cm://namespace/name with lower-case letters, digits and -",
            )
    return place


def parse_configmap_uri(uri: str) -> ConfigMapName:
    """Return namespace and name of `cm://namespace/name`, not validated."""
    scheme, place = uri[: len(CONFIGMAP_SCHEME)], uri[len(CONFIGMAP_SCHEME) :]
    namespace, _, name = place.partition("/")
    parsed = ConfigMapName(namespace.strip(), name.strip())
    if scheme != CONFIGMAP_SCHEME or not all(parsed):
        raise InvalidRequest(
            f'invalid ConfigMap "{uri}"', hint="use cm://namespace/name, such as cm://ops/node1"
        )
    return parsed


def build_configmap(place: ConfigMapName, data: Mapping[str, str], version: str) -> dict[str, Any]:
    """Return the ConfigMap; `version` is that of the program that captured."""
    labels = {**LABELS, VERSION_LABEL: build_label_value(version)}
    metadata = {"name": place.name, "namespace": place.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def build_data(text: str, format_name: str, written: str) -> dict[str, str]:
    """Return the data of a ConfigMap; InvalidRequest, with the size, if it is too large."""
    key = f"snapshot.{FORMAT_EXTENSIONS[format_name]}"
    data = {key: text, FORMAT_KEY: format_name, TIMESTAMP_KEY: written}
    size_bytes = sum(len(value.encode()) for value in data.values())
    if size_bytes > MAX_DATA_BYTES:
        raise InvalidRequest(
            f"the snapshot is too large for a ConfigMap: {size_bytes} bytes",
            why=f"the limit is {MAX_DATA_BYTES} bytes",
            hint="write it to a file: -o FILE",
        )
    return data


def build_label_value(text: str) -> str:
    """Return a text as a valid label value: `v1.0+dirty` becomes `v1.0-dirty`."""
    value = re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:MAX_LABEL_LENGTH].strip("-_.")
    return value or UNKNOWN_VERSION


def find_foreign_key(body: Mapping[str, Any]) -> str:
    """Return a key of a ConfigMap that is not a snapshot's, empty if there is none."""
    keys = [*(body.get("data") or {}), *(body.get("binaryData") or {})]
    return next((key for key in keys if key not in KEYS), "")


def parse_configmap(body: Mapping[str, Any], name: str) -> str:
    """Return the text of the snapshot in a ConfigMap; NotFound if it has none."""
    data = body.get("data") or {}
    stated = data.get(FORMAT_KEY, DEFAULT_FORMAT)
    extensions = [FORMAT_EXTENSIONS.get(stated, stated), *FORMAT_EXTENSIONS.values()]
    key = next((f"snapshot.{e}" for e in extensions if f"snapshot.{e}" in data), None)
    if key is None:
        keys = ", ".join(sorted(data)) or "none"
        raise NotFound(f"no snapshot in {name}", why=f"its keys are {keys}, not snapshot.yaml")
    if key == f"snapshot.{FORMAT_EXTENSIONS['table']}":
        raise InvalidRequest(
            f"cannot read {name}",
            why="it has a table, which cannot be read back",
            hint="write it again as YAML or JSON",
        )
    return str(data[key])
