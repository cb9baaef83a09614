"""Lists of a cluster that changes while they are read."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from tests.cluster.support import PYTHON, Cluster
from tests.lab.control_plane import CONTROL_PLANE
from tests.lab.kube import ApiError

LABEL = {"snapshot-test/churn": "true"}
# etcd's gRPC gateway, which only the control plane reaches.
COMPACT = (
    "import sys, urllib.request as r; "
    "r.urlopen('http://127.0.0.1:2379/v3/kv/compaction', sys.argv[1].encode()).read()"
)


def test_what_stays_is_listed_once_while_other_objects_come_and_go(
    cluster: Cluster, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"

    def create(name: str) -> None:
        metadata = {"name": name, "labels": LABEL}
        cluster.client.call("POST", path, {"metadata": metadata, "data": {"x": "y"}})

    names = [f"object-{number:02d}" for number in range(12)]
    for name in names:
        create(name)
    kube = connect(ConnectionOptions(kubeconfig=cluster.kubeconfig), {})
    query = {"labelSelector": ",".join(f"{k}={v}" for k, v in LABEL.items())}
    items = kube.list_items(path, doing="list objects", query=query, page_size=3)
    found: list[Any] = []
    for item in items:
        found.append(item["metadata"]["name"])
        if len(found) == 4:
            # One that was read, one that is in a page to come; new ones before and behind.
            for gone in (names[0], names[9]):
                cluster.client.call("DELETE", f"{path}/{gone}")
            create("object-00-new")
            create("object-08-new")
    assert len(found) == len(set(found))
    assert set(found) >= set(names) - {names[0], names[9]}
    assert set(found) <= {*names, "object-00-new", "object-08-new"}


def test_a_list_whose_version_the_server_has_forgotten_is_read_to_its_end(
    cluster: Cluster, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(6):
        cluster.client.call("POST", path, {"metadata": {"name": f"object-{number}"}})
    forget_versions(cluster, cluster.client.get(path)["metadata"]["resourceVersion"])
    # The token of a page that ended with the third, of the cluster's first days.
    place = {"v": "meta.k8s.io/v1", "rv": 2, "start": "object-2\0"}
    token = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
    with pytest.raises(ApiError) as caught:
        cluster.client.get(f"{path}?limit=2&continue={token}")
    assert caught.value.status == 410

    kube = connect(ConnectionOptions(kubeconfig=cluster.kubeconfig), {})
    query = {"continue": token}
    items = kube.list_items(path, doing="list objects", query=query, page_size=2)
    assert [item["metadata"]["name"] for item in items] == ["object-3", "object-4", "object-5"]


def forget_versions(cluster: Cluster, before: str) -> None:
    """Compact etcd's history, as the API server does every five minutes."""
    inside = cluster.require_lab().inside(CONTROL_PLANE)
    subprocess.run([*inside, PYTHON, "-c", COMPACT, json.dumps({"revision": before})], check=True)
