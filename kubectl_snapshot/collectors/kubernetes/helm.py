"""Deployed Helm 3 releases of the namespaces that the user named (subtype K8s.helm).

Keys are those of contract section 2.1. A release is what Helm's Secret and ConfigMap drivers store
(helm.sh/helm/v3, pkg/storage/driver); only deployed revisions are read.
"""

from __future__ import annotations

import binascii
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from kubectl_snapshot.collectors.flat_text import NamedEntries, flatten, merge_entries
from kubectl_snapshot.collectors.kubernetes.fields import map_at, text_at
from kubectl_snapshot.collectors.run.context import (
    ALL_NAMESPACES,
    NOT_ASKED,
    Context,
    Right,
    build_partial_subtype,
    require_kube,
)
from kubectl_snapshot.document.registry import STRING, UNSET, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal, InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.collectors.kubernetes.shared import Shared

SPEC = SubtypeSpec("helm", values=STRING, missing=UNSET)
PURPOSE = (
    "K8s.helm: Helm's releases. The right is to all of them; only those with its labels are read."
)
RIGHTS = (
    Right("", "secrets", ("list",), is_optional=True, helm_only=True, purpose=PURPOSE),
    Right("", "configmaps", ("list",), is_optional=True, helm_only=True, purpose=PURPOSE),
)

SELECTOR = {"labelSelector": "owner=helm,status=deployed"}
SECRET_TYPE = "helm.sh/release.v1"
# A release may be of 1 MiB.
PAGE_SIZE = 20
# Unpacked; a chart with all its files stays far below.
MAX_RELEASE_BYTES = 16 * 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b\x08"
GZIP_WINDOW = 16 + zlib.MAX_WBITS
# RFC 1123, as core/v1 Namespace requires of its name.
NAMESPACE = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

CHART_FIELDS = {"chart": "name", "version": "version", "appVersion": "appVersion"}


class Stored(NamedTuple):
    """One object of a storage driver, by its labels; `payload` is the encoded release."""

    name: str
    namespace: str
    revision: int
    payload: str


_Found = dict[tuple[str, str], tuple[int, Union[NamedEntries, SnapshotError]]]


def parse_namespaces(names: Iterable[str]) -> tuple[str, ...]:
    """Return the namespaces, each once; `*` among them means all, alone."""
    unique = tuple(dict.fromkeys(names))
    if ALL_NAMESPACES in unique:
        return (ALL_NAMESPACES,)
    for name in unique:
        if not re.fullmatch(NAMESPACE, name):
            parts = [part.strip() for part in name.split(",")]
            flags = " ".join(f"--helm-namespace {part}" for part in parts)
            is_list = len(parts) > 1 and all(re.fullmatch(NAMESPACE, part) for part in parts)
            hint = "as in --helm-namespace gpu-operator, or --helm-namespace '*' for all"
            raise InvalidRequest(
                f'invalid namespace "{name}"', hint=f"use {flags}" if is_list else hint
            )
    return unique


def read(context: Context, _: Shared) -> Subtype:
    """Return the newest deployed revision of each release; a corrupt one becomes a reason."""
    namespaces = context.settings.helm_namespaces
    if not namespaces:
        return Subtype("helm", {}, {"reason": NOT_ASKED})
    kube = require_kube(context)
    found: _Found = {}
    errors: list[SnapshotError] = []
    places = [(namespace, kind) for namespace in namespaces for kind in PARSERS]
    for namespace, kind in places:
        try:
            for stored in _list_stored(kube, namespace, kind, context.deadline):
                _keep_newest(found, stored)
        except SnapshotError as error:
            errors.append(error)
    nothing_read = len(errors) == len(places)
    where = ",".join(namespaces)
    if not found and not errors:
        raise Absent(f"no deployed release in {where}")
    results = [result for _, (_, result) in sorted(found.items())]
    errors += [result for result in results if isinstance(result, SnapshotError)]
    data = merge_entries(result for result in results if isinstance(result, NamedEntries))
    return build_partial_subtype("helm", data, errors, {"namespaces": where}, nothing_read)


def parse_release(payload: str, namespace: str) -> NamedEntries:
    """Return a release from base64-encoded JSON, gzipped or not; raise Internal if corrupt."""
    from kubectl_snapshot.document.codec.json_codec import load_json  # late: 5 ms of each schema

    try:
        release = load_json(_unpack(binascii.a2b_base64(payload)).decode())
        name = text_at(release, "name")
        if not isinstance(release, dict) or not name:
            raise Internal("the release has no name")
        entries = [
            ("namespace", namespace),
            ("revision", str(release.get("version", ""))),
            ("status", text_at(release, "info", "status")),
        ]
        chart = map_at(release, "chart", "metadata")
        entries += [(key, text_at(chart, field)) for key, field in CHART_FIELDS.items()]
        kept = [(key, value) for key, value in entries if value]
        kept += flatten(map_at(release, "config"), "values").items()
        return NamedEntries(name, namespace, tuple(kept))
    except (ValueError, zlib.error) as error:
        raise Internal("cannot decode it", why=str(error)) from error


def _unpack(data: bytes) -> bytes:
    if not data.startswith(GZIP_MAGIC):
        return data  # old versions of Helm did not compress
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    unpacked = unpacker.decompress(data, MAX_RELEASE_BYTES)
    if not unpacker.eof:
        why = "over 16 MiB" if unpacker.unconsumed_tail else "truncated"
        raise Internal("cannot decode it", why=why)
    return unpacked


def _list_stored(kube: Kube, namespace: str, kind: str, deadline: float) -> Iterator[Stored]:
    is_all = namespace == ALL_NAMESPACES
    where = "all namespaces" if is_all else f"namespace {namespace}"
    items = kube.list_items(
        f"/api/v1/{kind}" if is_all else f"/api/v1/namespaces/{namespace}/{kind}",
        doing=f"list Helm's {kind} of {where}",
        query=SELECTOR,
        deadline=deadline,
        page_size=PAGE_SIZE,
    )
    for item in items:
        payload = PARSERS[kind](item)
        if payload is not None:
            yield _parse_stored(item, payload)


def _parse_stored(item: Mapping[str, Any], payload: str) -> Stored:
    labels = map_at(item, "metadata", "labels")
    revision = text_at(labels, "version")
    name = text_at(labels, "name") or text_at(item, "metadata", "name")
    namespace = text_at(item, "metadata", "namespace")
    return Stored(name, namespace, int(revision) if revision.isdecimal() else 0, payload)


def _keep_newest(found: _Found, stored: Stored) -> None:
    """Decode a release unless a newer revision is known: one at a time is in memory."""
    key = (stored.namespace, stored.name)
    if key in found and found[key][0] >= stored.revision:
        return
    try:
        result: NamedEntries | SnapshotError = parse_release(stored.payload, stored.namespace)
    except SnapshotError as error:
        what = f"release {stored.namespace}/{stored.name} is corrupt"
        result = Internal(what, why=f"{error.what}: {error.why}" if error.why else error.what)
    found[key] = (stored.revision, result)


def _secret_payload(secret: Mapping[str, Any]) -> str | None:
    """Return the payload of Helm's own type of Secret; Kubernetes wraps it in base64 once more."""
    if secret.get("type") != SECRET_TYPE:
        return None
    try:
        return binascii.a2b_base64(text_at(secret, "data", "release")).decode("ascii")
    except ValueError:
        return ""


def _config_map_payload(config_map: Mapping[str, Any]) -> str | None:
    return text_at(config_map, "data", "release")


PARSERS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "secrets": _secret_payload,
    "configmaps": _config_map_payload,
}
