"""Lists of a cluster that changes while they are read."""

from __future__ import annotations

from typing import Any

from kubectl_snapshot.clients.kube import ConnectionOptions, connect
from tests.cluster.support import Cluster

LABEL = {"snapshot-test/churn": "true"}


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
