"""A fleet in ConfigMaps, `cm://namespace/name.tar.gz`: the parts of its gzipped tar file.

The first has the plain name and says how many there are; the others end in their number.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.calls import METADATA_LIST, Call
from kubectl_snapshot.constants import NAME as FIELD_MANAGER
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.storage.configmap import (
    APPLY,
    LABELS,
    ConfigMapName,
    parse_place,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.kube.client import Kube

COMPONENT = "app.kubernetes.io/component"
LABELS_OF_FLEET = {**LABELS, COMPONENT: "Fleet"}
SUFFIX = (".tar.gz", ".tgz")
FORMAT, PART_KEY = "fleet", "fleet.tar.gz.part"
# All values of a ConfigMap have 1 MiB (storage/configmap.py); the others take a few hundred bytes.
PART_BYTES = 1000 * 1000
# A request waits for etcd to write it; beyond this, a file is the better place.
MAX_PARTS = 50


def parse_fleet_place(uri: str) -> ConfigMapName:
    """Return the first ConfigMap; InvalidRequest if its name does not say that it is a fleet's."""
    place = parse_place(uri)
    if not place.name.endswith(SUFFIX):
        raise InvalidRequest(
            f"cannot write a fleet to {uri}",
            "the name of its ConfigMap ends in .tar.gz",
            f"use -o {uri}.tar.gz",
        )
    return place


def check_fleet_configmap(place: ConfigMapName, kube: Kube) -> None:
    """Raise if the first ConfigMap cannot be written, or is another program's."""
    stored = _apply(kube, place, {}, is_dry_run=True)
    keys = {**(stored.get("data") or {}), **(stored.get("binaryData") or {})}
    if keys and (stored.get("data") or {}).get("format") != FORMAT:
        raise InvalidRequest(
            f"ConfigMap {place.namespace}/{place.name} is not a fleet's",
            f"it has the key {min(keys)}",
            "use an unused name",
        )


def write_fleet_configmaps(content: bytes, place: ConfigMapName, kube: Kube) -> int:
    """Write a gzipped tar file; return the number of ConfigMaps.

    The first is written last: until then, a reader finds the fleet that was there before, or that
    its parts do not fit. Raises InvalidRequest, with the size, if it is too large.
    """
    parts = [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]
    if len(parts) > MAX_PARTS:
        raise InvalidRequest(
            f"the fleet is too large for ConfigMaps: {len(content)} bytes",
            f"the limit is {MAX_PARTS} ConfigMaps of {PART_BYTES} bytes",
            "write it to a file, -o FILE.tar.gz, or capture fewer nodes with -l",
        )
    head = {
        "format": FORMAT,
        "parts": str(len(parts)),
        "sha256": sha256(content).hexdigest(),
        "timestamp": render_time(time.time()),
    }
    for number in reversed(range(len(parts))):
        data = {"data": {"format": FORMAT, "part": str(number), **({} if number else head)}}
        data["binaryData"] = {PART_KEY: b64encode(parts[number]).decode("ascii")}
        _apply(kube, name_part(place, number), data)
    return len(parts)


def read_fleet_configmaps(uri: str, kube: Kube) -> bytes:
    """Return the gzipped tar file; NotFound or InvalidRequest if there is none, or not a whole."""
    place = parse_place(uri)
    first = _read(kube, place)
    data = first.get("data") or {}
    count = str(data.get("parts", ""))
    if data.get("format") != FORMAT or not count.isdecimal() or int(count) > MAX_PARTS:
        raise InvalidRequest(f"{uri} is not a fleet", "it was not written by -o cm://…/NAME.tar.gz")
    bodies = [first, *(_read(kube, name_part(place, number)) for number in range(1, int(count)))]
    try:
        encoded = [str((body.get("binaryData") or {})[PART_KEY]) for body in bodies]
        content = b"".join(b64decode(part) for part in encoded)
    except (KeyError, ValueError) as error:
        raise InvalidRequest(f"cannot read {uri}", "one of its parts is missing") from error
    if sha256(content).hexdigest() != data.get("sha256"):
        raise InvalidRequest(
            f"cannot read {uri}", "its parts are of two captures", "write it again, or wait for it"
        )
    return content


def list_fleet_configmaps(place: ConfigMapName, kube: Kube) -> list[str]:
    """Return the names of a series of fleets, `NAME-<time>.tar.gz`, and of their parts, sorted."""
    query = {"labelSelector": f"{COMPONENT}={LABELS_OF_FLEET[COMPONENT]}"}
    doing = f"list the ConfigMaps of {place.namespace}/{place.name}"
    path = _path(place).rpartition("/")[0]
    body = kube.send(Call("GET", path, doing, query, accept=METADATA_LIST)).body
    names = (str(item["metadata"]["name"]) for item in body.get("items") or ())
    return sorted(name for name in names if name.startswith(f"{place.name}-"))


def delete_configmap(place: ConfigMapName, kube: Kube) -> None:
    """Delete a ConfigMap; a missing one counts as deleted."""
    try:
        kube.request("DELETE", _path(place), doing=f"delete ConfigMap {place.name}")
    except NotFound:
        return


def write_text(place: ConfigMapName, key: str, text: str, kube: Kube) -> None:
    """Write a ConfigMap with one text."""
    _apply(kube, place, {"data": {key: text}})


def name_part(place: ConfigMapName, number: int) -> ConfigMapName:
    """Return the ConfigMap of a part; the first has the plain name."""
    return place._replace(name=f"{place.name}.{number}") if number else place


def _read(kube: Kube, place: ConfigMapName) -> Mapping[str, Any]:
    doing = f"read ConfigMap {place.namespace}/{place.name}"
    body: Mapping[str, Any] = kube.request("GET", _path(place), doing=doing).body
    return body


def _apply(
    kube: Kube, place: ConfigMapName, data: Mapping[str, Any], is_dry_run: bool = False
) -> Mapping[str, Any]:
    metadata = {"name": place.name, "namespace": place.namespace, "labels": LABELS_OF_FLEET}
    query = {"fieldManager": FIELD_MANAGER, "force": "true"}
    answer: Mapping[str, Any] = kube.request(
        "PATCH",
        _path(place),
        doing=f"write ConfigMap {place.namespace}/{place.name}",
        query={**query, "dryRun": "All"} if is_dry_run else query,
        body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **data},
        content_type=APPLY,
    ).body
    return answer


def _path(place: ConfigMapName) -> str:
    return f"/api/v1/namespaces/{place.namespace}/configmaps/{place.name}"
