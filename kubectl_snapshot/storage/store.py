"""Documents kept in the cluster: written into a ConfigMap that the user names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.configmap import apply_configmap
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.render.all_renderers import RENDERERS
from kubectl_snapshot.storage.configmap import build_configmap, build_data, find_foreign_key

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.destination import ConfigMapName
    from kubectl_snapshot.document.snapshot import Snapshot


def check_configmap(place: ConfigMapName, kube: Kube) -> None:
    """Raise where a document could not be written, and for a ConfigMap of something else."""
    # Without our keys the answer has those of others: no right to read is needed to see them.
    found = apply_configmap(kube, build_configmap(place, {}, ""), is_dry_run=True)
    foreign = find_foreign_key(found)
    if foreign:
        raise InvalidRequest(
            f"ConfigMap {place.namespace}/{place.name} is not a snapshot's",
            why=f"it holds {foreign}",
            hint="give a name that is free, or that of an earlier snapshot",
        )


def write_configmap(snapshot: Snapshot, place: ConfigMapName, format_name: str, kube: Kube) -> None:
    """Create or update the ConfigMap of a document; InvalidRequest names the size of one too big.

    Keys and labels are the reference's, so that its programs read it as `cm://namespace/name`.
    """
    data = build_data(RENDERERS[format_name](snapshot), format_name, render_time(time.time()))
    check_configmap(place, kube)
    apply_configmap(kube, build_configmap(place, data, snapshot.metadata.get("version", "")))
