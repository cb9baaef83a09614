"""A document in a ConfigMap, under the keys and labels that the reference gives it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.destination import parse_configmap_uri
from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kubectl_snapshot.document.destination import ConfigMapName

# What a document is written as; a table is for people and cannot be read back.
FORMATS = ("yaml", "json", "table")
DEFAULT_FORMAT = "yaml"
FORMAT_KEY, TIMESTAMP_KEY = "format", "timestamp"
FORMAT_ENDINGS = {"yaml": "yaml", "json": "json", "table": "txt"}
KEYS = frozenset(
    (FORMAT_KEY, TIMESTAMP_KEY, *(f"snapshot.{ending}" for ending in FORMAT_ENDINGS.values()))
)
# Readers of the reference find its documents by these. Ours of managed-by stays away: it marks
# what a clean-up may delete.
LABELS = {"app.kubernetes.io/name": "aicr", "app.kubernetes.io/component": "Snapshot"}
VERSION_LABEL = "app.kubernetes.io/version"
UNKNOWN_VERSION = "unknown"
MAX_LABEL_LENGTH = 63

# The sum of all values (k8s.io/kubernetes/pkg/apis/core/validation, MaxSecretSize).
MAX_DATA_BYTES = 1024 * 1024

# RFC 1123 label and subdomain: anything else would lead the path of a request elsewhere.
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def parse_place(uri: str) -> ConfigMapName:
    """Return what `cm://namespace/name` names; InvalidRequest for what no ConfigMap can have."""
    place = parse_configmap_uri(uri)
    for noun, pattern, text in (
        ("namespace", NAMESPACE, place.namespace),
        ("name", NAME, place.name),
    ):
        if not pattern.fullmatch(text):
            raise InvalidRequest(
                f"{text!r} is no {noun} of a ConfigMap",
                hint="write it as cm://namespace/name, in small letters, digits and -",
            )
    return place


def build_configmap(place: ConfigMapName, data: Mapping[str, str], version: str) -> dict[str, Any]:
    """Return the object that holds these keys; `version` is that of the program that collected."""
    labels = {**LABELS, VERSION_LABEL: build_label_value(version)}
    metadata = {"name": place.name, "namespace": place.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def build_data(text: str, format_name: str, written: str) -> dict[str, str]:
    """Return a document's keys; InvalidRequest names the size of one that is too big for them."""
    key = f"snapshot.{FORMAT_ENDINGS[format_name]}"
    data = {key: text, FORMAT_KEY: format_name, TIMESTAMP_KEY: written}
    size_bytes = sum(len(value.encode()) for value in data.values())
    if size_bytes > MAX_DATA_BYTES:
        raise InvalidRequest(
            f"the snapshot does not fit into a ConfigMap: it has {size_bytes} bytes",
            why=f"a ConfigMap holds {MAX_DATA_BYTES}",
            hint="write it to a file: -o FILE",
        )
    return data


def build_label_value(text: str) -> str:
    """Return a text as a label value can be: `v1.0+dirty` becomes `v1.0-dirty`."""
    value = re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:MAX_LABEL_LENGTH].strip("-_.")
    return value or UNKNOWN_VERSION


def find_foreign_key(body: Mapping[str, Any]) -> str:
    """Return a key of a ConfigMap that no document has, empty if there is none."""
    keys = [*(body.get("data") or {}), *(body.get("binaryData") or {})]
    return next((key for key in keys if key not in KEYS), "")


def parse_configmap(body: Mapping[str, Any], name: str) -> str:
    """Return the text of the document in a ConfigMap; NotFound where it holds none."""
    data = body.get("data") or {}
    told = data.get(FORMAT_KEY, DEFAULT_FORMAT)
    endings = [FORMAT_ENDINGS.get(told, told), *FORMAT_ENDINGS.values()]
    key = next((f"snapshot.{e}" for e in endings if f"snapshot.{e}" in data), None)
    if key is None:
        keys = ", ".join(sorted(data)) or "none"
        raise NotFound(f"{name} holds no snapshot", why=f"its keys are {keys}, not snapshot.yaml")
    if key == f"snapshot.{FORMAT_ENDINGS['table']}":
        raise InvalidRequest(
            f"cannot read {name}",
            why="it holds a table, which cannot be read back",
            hint="write it again as YAML or JSON",
        )
    return str(data[key])
