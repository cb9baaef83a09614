"""The subtypes of one list each against what kubectl reads of the same objects."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.node_counts import INSTANCE_TYPE, VERSIONS
from kubectl_snapshot.collectors.run.context import Right
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, temporary_namespace
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

NOWHERE = {"snapshot-test/nowhere": "true"}
LISTED = (
    *("runtimeclasses", "deviceclasses", "resourceslices", "csidrivers", "csinodes"),
    *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    *("customresourcedefinitions", "daemonsets", "pods", "nodes"),
)


def path_of(cluster: Cluster, right: Right) -> str:
    """Return the API path of a resource, in the version that the server prefers."""
    groups = {group["name"]: group for group in cluster.client.get("/apis")["groups"]}
    version = groups[right.group]["preferredVersion"]["version"]
    return f"/apis/{right.group}/{version}/{right.resource}"


def describe_objects(name: str, node: str, namespace: str, version: str) -> Iterator[Any]:
    """Yield path and body of one object of each kind; none of them has an effect on the cluster."""
    metadata = {"name": name}
    yield (
        "/apis/node.k8s.io/v1/runtimeclasses",
        {
            "metadata": metadata,
            "handler": "nothing",
            "overhead": {"podFixed": {"cpu": "10m"}},
            "scheduling": {"nodeSelector": NOWHERE},
        },
    )
    dra = f"/apis/resource.k8s.io/{version}"
    expression = {"cel": {"expression": f'device.driver == "{name}.example.com"'}}
    yield f"{dra}/deviceclasses", {"metadata": metadata, "spec": {"selectors": [expression]}}
    devices = [
        {
            "name": f"gpu-{n}",
            "attributes": {
                "productName": {"string": "H100"},
                "uuid": {"string": f"GPU-{n}"},
                "slot": {"int": n},
            },
        }
        for n in range(2)
    ]
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": f"{name}.example.com", "nodeName": node, "pool": pool, "devices": devices}
    yield f"{dra}/resourceslices", {"metadata": metadata, "spec": spec}
    yield (
        "/apis/storage.k8s.io/v1/csidrivers",
        {"metadata": {"name": f"{name}.example.com"}, "spec": {"attachRequired": False}},
    )
    for kind in ("mutating", "validating"):
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
        webhooks = [
            {
                "name": f"{resource}.example.com",
                "rules": [{**rule, "resources": [resource]}],
                "clientConfig": {"service": {"namespace": namespace, "name": "none"}},
                "failurePolicy": "Ignore",
                "timeoutSeconds": 3,
                "namespaceSelector": {"matchLabels": NOWHERE},
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
            for resource in ("pods", "secrets")
        ]
        yield (
            f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations",
            {"metadata": metadata, "webhooks": webhooks},
        )
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "schedulingGates": [{"name": "snapshot-test/never"}],
            "priorityClassName": "system-node-critical",
            "runtimeClassName": name,
            "containers": [{"name": "c", "image": "registry.example.com/plugin:1.2"}],
            "volumes": [{"name": "v", "configMap": {"name": "plugin-config"}}],
        },
    }
    selector = {"matchLabels": {"app": name}}
    yield (
        f"/apis/apps/v1/namespaces/{namespace}/daemonsets",
        {"metadata": metadata, "spec": {"selector": selector, "template": template}},
    )


@pytest.fixture(scope="module")
def objects(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Name and namespace of the objects, while they are there."""
    name, node = f"snapshot-{secrets.token_hex(4)}", cluster.nodes[0]
    groups = {group["name"]: group for group in cluster.client.get("/apis")["groups"]}
    version = groups["resource.k8s.io"]["preferredVersion"]["version"]
    with temporary_namespace(cluster) as namespace:
        made = []
        try:
            for path, body in describe_objects(name, node, namespace, version):
                cluster.client.call("POST", path, body)
                made.append(f"{path}/{body['metadata']['name']}")
            selector = f"app={name}"
            cluster.kubectl(
                *("wait", "-n", namespace, "pod", "-l", selector),
                *("--for=create", "--timeout=60s"),
            )
            yield name, namespace
        finally:
            for path in reversed(made):
                cluster.client.call("DELETE", path)


@pytest.fixture(scope="module")
def captured(cluster: Cluster, run_snapshot: Run, objects: tuple[str, str]) -> Snapshot:
    node = cluster.nodes[0]
    words = ("--node", node, "--profile", "full", "--collect", "K8s,NodeTopology")
    ended = run_snapshot(*words, "-n", objects[1], "--cluster-scope", "client")
    assert ended.returncode == 0, ended.stderr
    return parse_valid(ended.stdout)


@pytest.fixture(scope="module")
def listed(cluster: Cluster, captured: Snapshot) -> Mapping[str, list[dict[str, Any]]]:
    """What kubectl lists of each kind."""
    assert captured
    found = {}
    for kind in LISTED:
        ended = cluster.kubectl("get", kind, "-A", "-o", "json")
        assert ended.returncode == 0, ended.stderr
        found[kind] = json.loads(ended.stdout)["items"]
    return found


def data(snapshot: Snapshot, name: str, type_: str = "K8s") -> dict[str, Any]:
    return dict(subtype(snapshot, type_, name).data)


def names(items: list[dict[str, Any]]) -> set[str]:
    return {item["metadata"]["name"] for item in items}


def test_the_groups_are_those_that_kubectl_lists(cluster: Cluster, captured: Snapshot) -> None:
    served = cluster.kubectl("api-versions").stdout.split()
    found = data(captured, "api-group")
    versions = {f"{group}/{v}" for group, text in found.items() for v in text.split(",")}
    assert versions == {version for version in served if "/" in version}


def test_classes_and_drivers_are_those_that_kubectl_lists(
    captured: Snapshot, listed: Mapping[str, list[dict[str, Any]]], objects: tuple[str, str]
) -> None:
    name, _ = objects
    handlers = {f"{c['metadata']['name']}.handler": c["handler"] for c in listed["runtimeclasses"]}
    found = data(captured, "runtime-class")
    assert {key: v for key, v in found.items() if key.endswith(".handler")} == handlers
    assert found[f"{name}.overhead.podFixed.cpu"] == "10m"
    assert found[f"{name}.scheduling.nodeSelector.snapshot-test/nowhere"] == "true"
    assert data(captured, "device-class") == {
        f"{c['metadata']['name']}.selectors": c["spec"]["selectors"][0]["cel"]["expression"]
        for c in listed["deviceclasses"]
    }
    attach = {
        f"{d['metadata']['name']}.attachRequired": str(d["spec"]["attachRequired"]).lower()
        for d in listed["csidrivers"]
    }
    drivers = data(captured, "csi-driver")
    assert {k: v for k, v in drivers.items() if k.endswith(".attachRequired")} == attach
    node = captured.metadata["source-node"]
    own = [item["spec"] for item in listed["csinodes"] if item["metadata"]["name"] == node]
    ids = {f"{d['name']}.node-id": d["nodeID"] for spec in own for d in spec["drivers"] or ()}
    registered = subtype(captured, "K8s", "csi-node")
    assert {k: v for k, v in registered.data.items() if k.endswith(".node-id")} == ids
    assert registered.status == ("ok" if ids else "absent")


def test_the_devices_of_the_node_are_summed_up(
    captured: Snapshot, listed: Mapping[str, list[dict[str, Any]]]
) -> None:
    node = captured.metadata["source-node"]
    slices = [s["spec"] for s in listed["resourceslices"] if s["spec"].get("nodeName") == node]
    found = data(captured, "resource-slice")
    assert slices
    for driver, count in Counter(spec["driver"] for spec in slices).items():
        devices = [d for spec in slices if spec["driver"] == driver for d in spec["devices"]]
        assert found[f"{driver}.slices"] == str(count)
        assert found[f"{driver}.devices"] == str(len(devices))
        assert found[f"{driver}.attribute.productName"] == "H100"
        assert found[f"{driver}.attribute.slot"] == "0,1"
        assert f"{driver}.attribute.uuid" not in found


@pytest.mark.parametrize("kind", ["mutating", "validating"])
def test_webhooks_for_pods_are_those_of_kubectl(
    kind: str,
    captured: Snapshot,
    listed: Mapping[str, list[dict[str, Any]]],
    objects: tuple[str, str],
) -> None:
    name, namespace = objects
    found = data(captured, f"{kind}-webhook")
    hooks = {
        f"{item['metadata']['name']}/{hook['name']}": hook
        for item in listed[f"{kind}webhookconfigurations"]
        for hook in item["webhooks"]
    }
    described = {key.removesuffix(".target") for key in found if key.endswith(".target")}
    assert f"{name}/pods.example.com" in described
    assert f"{name}/secrets.example.com" not in described
    for hook in described:
        assert found[f"{hook}.failurePolicy"] == hooks[hook]["failurePolicy"]
        assert found[f"{hook}.timeoutSeconds"] == str(hooks[hook]["timeoutSeconds"])
    own = f"{name}/pods.example.com"
    assert found[f"{own}.target"] == f"{namespace}/none"
    assert found[f"{own}.selects.namespace.matchLabels.snapshot-test/nowhere"] == "true"


def test_custom_resources_are_those_of_kubectl(
    captured: Snapshot, listed: Mapping[str, list[dict[str, Any]]]
) -> None:
    found = subtype(captured, "K8s", "custom-resource")
    assert set(found.data) == names(listed["customresourcedefinitions"])


def test_daemon_sets_are_those_of_their_pods(
    captured: Snapshot, listed: Mapping[str, list[dict[str, Any]]], objects: tuple[str, str]
) -> None:
    name, namespace = objects
    owner = f"{namespace}/{name}"
    found = data(captured, "daemon-set")
    assert {key: value for key, value in found.items() if key.startswith(owner)} == {
        f"{owner}.images": "registry.example.com/plugin:1.2",
        f"{owner}.config-maps": "plugin-config",
        f"{owner}.priority-class": "system-node-critical",
        f"{owner}.runtime-class": name,
    }
    with_pods = {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in listed["daemonsets"]
        if item["status"]["currentNumberScheduled"] or item["metadata"]["name"] == name
    }
    assert {key.removesuffix(".images") for key in found if key.endswith(".images")} == with_pods
    assert data(captured, "priority-class")["system-node-critical"] == 2000001000


def test_versions_and_pools_are_counted_as_kubectl_lists_them(
    captured: Snapshot, listed: Mapping[str, list[dict[str, Any]]]
) -> None:
    infos = [node["status"]["nodeInfo"] for node in listed["nodes"]]
    assert data(captured, "version", "NodeTopology") == Counter(
        f"{key}.{info[field]}" for info in infos for key, field in VERSIONS.items()
    )
    typed = [node for node in listed["nodes"] if INSTANCE_TYPE in node["metadata"]["labels"]]
    pools = data(captured, "pool", "NodeTopology")
    assert sum(pools.values()) >= len(typed)
