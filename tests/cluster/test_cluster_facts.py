"""The cluster-wide facts of a capture, beside what kubectl and helm say of the same objects."""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.objects import OBJECT_LISTS
from kubectl_snapshot.constants import (
    EXPIRES_ANNOTATION,
    MANAGED_BY_LABEL,
    NAME,
    NAME_LABEL,
    RUN_LABEL,
    STANDARD,
)
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.support import (
    Cluster,
    assert_nothing_left,
    exists,
)
from tests.cluster.test_cluster_objects import path_of
from tests.cluster.world import (
    DIGEST,
    DRIVERS,
    GPU_CLUSTERS,
    OPERATORS,
    POLICIES,
    RBAC,
    STORAGE_CLASSES,
    Run,
    World,
    capture,
    temporary_world,
)
from tests.validation import parse_valid, subtype


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with temporary_world(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def captured(world: World, run_snapshot: Run) -> Snapshot:
    """What the user's own client reads."""
    return capture(run_snapshot, world, "--cluster-scope", "client")


def data(snapshot: Snapshot, name: str) -> dict[str, Any]:
    return dict(subtype(snapshot, "K8s", name).data)


def test_releases_are_those_that_helm_lists(world: World, captured: Snapshot) -> None:
    found = data(captured, "helm")
    listed = [
        *json.loads(world.helm("list", "-A", "-o", "json", "--deployed")),
        *json.loads(world.helm("list", "-A", "-o", "json", "--deployed", driver="configmap")),
    ]
    ours = [release for release in listed if release["namespace"] in (world.first, world.second)]
    assert len(ours) == 2
    for release in ours:
        is_second = release["name"] == "cache" and release["namespace"] == world.second
        name = f"{world.second}/cache" if is_second else release["name"]
        assert found[f"{name}.namespace"] == release["namespace"]
        assert found[f"{name}.revision"] == release["revision"]
        assert found[f"{name}.status"] == release["status"] == "deployed"
        chart = f"{found[f'{name}.chart']}-{found[f'{name}.version']}"
        assert (chart, found[f"{name}.appVersion"]) == (release["chart"], release["app_version"])
    names = {key.partition(".")[0] for key in found}
    assert names == {"cache", "worker", f"{world.second}/cache"}


def test_values_are_the_users_own_as_helm_tells_them(world: World, captured: Snapshot) -> None:
    reported = json.loads(world.helm("get", "values", "cache", "-n", world.first, "-o", "json"))
    assert reported["auth"]["enabled"] is True
    found = data(captured, "helm")
    values = {k: v for k, v in found.items() if k.startswith("cache.values.")}
    assert reported["auth"]["password"] not in str(captured)
    assert str(values.pop("cache.values.auth.password")).startswith("redacted:")
    assert values == {
        "cache.values.auth.enabled": "true",
        "cache.values.limit": str(reported["limit"]),
        "cache.values.ratio": str(reported["ratio"]),
        "cache.values.zones": json.dumps(reported["zones"], separators=(",", ":")),
    }
    assert not [key for key in found if key.startswith(f"{world.second}/cache.values.")]


def test_after_a_failed_upgrade_the_deployed_revision_is_reported(
    world: World, captured: Snapshot
) -> None:
    history = json.loads(world.helm("history", "worker", "-n", world.second, "-o", "json"))
    statuses = {str(entry["revision"]): entry["status"] for entry in history}
    assert statuses == {"1": "deployed", "2": "failed"}
    found = data(captured, "helm")
    assert (found["worker.revision"], found["worker.status"]) == ("1", "deployed")
    assert found["worker.values.replicas"] == "2"


def test_a_corrupt_release_is_named_and_costs_no_other(world: World, run_snapshot: Run) -> None:
    labels = {"owner": "helm", "status": "deployed", "name": "torn", "version": "4"}
    payload = base64.b64encode(base64.b64encode(b"\x1f\x8b\x08 torn")).decode()
    path = f"/api/v1/namespaces/{world.first}/secrets"
    body = {"metadata": {"name": "sh.helm.release.v1.torn.v4", "labels": labels}}
    world.create(path, {**body, "type": "helm.sh/release.v1", "data": {"release": payload}})
    try:
        snapshot = capture(run_snapshot, world)
    finally:
        world.cluster.client.call("DELETE", f"{path}/sh.helm.release.v1.torn.v4")
    helm = subtype(snapshot, "K8s", "helm")
    assert helm.status == "partial"
    assert f"release {world.first}/torn is corrupt" in helm.context["reason"]
    assert helm.data["cache.revision"] == "2"
    assert "K8s.helm=partial" in snapshot.metadata["gaps"]


def test_releases_of_namespaces_that_nobody_named_are_not_read(
    world: World, run_snapshot: Run
) -> None:
    before = world.cluster.audit_size()
    helm = subtype(capture(run_snapshot, world, namespaces=False), "K8s", "helm")
    assert (helm.data, helm.status) == ({}, "ok")
    assert "--helm-namespace" in helm.context["reason"]
    listed = [path for verb, path in asked(world.cluster, before, "admin") if verb == "list"]
    assert not [path for path in listed if path.endswith(("/secrets", "/configmaps"))]


def test_all_namespaces_and_the_environment_name_the_same_releases(
    world: World, run_snapshot: Run, captured: Snapshot
) -> None:
    everywhere = capture(run_snapshot, world, "--helm-namespace", "*")
    assert data(everywhere, "helm").items() >= without_secret(data(captured, "helm")).items()
    ended = run_snapshot("--local", env={"AICR_HELM_NAMESPACES": f"{world.first},{world.second}"})
    local = data(parse_valid(ended.stdout), "helm")
    assert without_secret(local) == without_secret(data(captured, "helm"))


def without_secret(found: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the value that is redacted with a key of each run's own."""
    return {key: value for key, value in found.items() if not key.endswith("password")}


def test_applications_are_those_that_kubectl_lists(world: World, captured: Snapshot) -> None:
    found = data(captured, "argocd")
    first = world.kubectl("get", "applications.argoproj.io", "web", "-n", world.first)
    source = first["spec"]["source"]
    assert found["web.namespace"] == world.first
    assert found["web.source.repoURL"] == source["repoURL"]
    assert found["web.source.chart"] == source["chart"]
    assert found["web.source.helm.values"] == source["helm"]["values"]
    assert found["web.source.helm.valueFiles"] == "base.yaml,prod.yaml"
    assert found["web.source.helm.parameters.tier"] == "gold"
    assert found["web.source.helm.parameters.suffix"] == ""
    assert (found["web.syncStatus"], found["web.healthStatus"]) == ("Synced", "Healthy")
    other = f"{world.second}/web"
    assert found[f"{other}.sources.0.path"] == "deploy"
    assert found[f"{other}.sources.1.repoURL"] == "https://git.example.org/b"
    assert found[f"{other}.targetNamespace"] == "web"


def test_the_release_of_openshift_is_reported_beside_the_node(
    world: World, run_snapshot: Run
) -> None:
    versions = "/apis/config.openshift.io/v1/clusterversions"
    node = f"/api/v1/nodes/{world.cluster.nodes[0]}"
    label = {"node.openshift.io/os_id": "rhel"}
    status = {"desired": {"version": "4.20.3", "image": "quay.io/release@sha256:0"}}
    body = {"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "status": status}
    world.create(versions, {**body, "metadata": {"name": "version"}})
    world.cluster.client.patch(node, {"metadata": {"labels": label}})
    try:
        found = [
            capture(run_snapshot, world, "--cluster-scope", scope, namespaces=False)
            for scope in ("client", "agent")
        ]
    finally:
        world.cluster.client.patch(node, {"metadata": {"labels": dict.fromkeys(label)}})
        world.cluster.client.call("DELETE", f"{versions}/version")
    for snapshot in found:
        context = subtype(snapshot, "K8s", "node").context
        assert (context["distribution"], context["openshift-version"]) == ("openshift", "4.20.3")


def test_every_policy_is_reported(world: World, captured: Snapshot) -> None:
    policy = subtype(captured, "K8s", "policy")
    items = world.kubectl("get", "clusterpolicies.nvidia.com")["items"]
    names = sorted(item["metadata"]["name"] for item in items)
    others = "NVIDIADriver/h100,GPUCluster/gpu-cluster"
    assert policy.context["objects"] == f"{','.join(names)},{others}"
    assert names == ["cluster-policy", "older"]
    plain = {
        "daemonsets.tolerations": '[{"key":"nvidia.com/gpu","operator":"Exists"}]',
        "driver.enabled": "true",
        "driver.version": "580.105.08",
        "ratio": "1.5",
    }
    older = {f"older/{key}": value for key, value in plain.items()}
    newer = {
        "NVIDIADriver/h100/version": "580.105.08",
        "NVIDIADriver/h100/usePrecompiled": "false",
        "GPUCluster/gpu-cluster/draDriver.version": "v25.12",
    }
    assert policy.data == {**plain, **older, "older/driver.version": "570.1", **newer}


def test_status_and_kubelet_are_what_kubectl_reads(world: World, captured: Snapshot) -> None:
    node = captured.metadata["source-node"]
    status = world.kubectl("get", "node", node)["status"]
    found = data(captured, "node-status")
    assert found.pop("unschedulable") is False
    expected = {
        f"{kind}.{name}": amount
        for kind in ("capacity", "allocatable")
        for name, amount in status[kind].items()
    }
    for condition in status["conditions"]:
        fields = {"status": "status", "reason": "reason", "since": "lastTransitionTime"}
        expected.update(
            {f"condition.{condition['type']}.{k}": condition[f] for k, f in fields.items()}
        )
    annotations = {k: v for k, v in found.items() if k.startswith("annotation.")}
    assert annotations
    assert found == {**expected, **annotations}
    raw = world.cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/configz").stdout
    config = json.loads(raw)["kubeletconfig"]
    kubelet = data(captured, "kubelet")
    for key in ("cgroupDriver", "topologyManagerPolicy", "maxPods", "failSwapOn"):
        assert kubelet[key] == json.dumps(config[key]).strip('"')
    left = {key for key, value in config.items() if value not in ({}, [])} - {"kind", "apiVersion"}
    assert {key.partition(".")[0] for key in kubelet} == left - {"staticPodURLHeader"}


def test_operators_and_the_default_storage_class_are_reported(
    world: World, captured: Snapshot
) -> None:
    versions = {
        "slinky-slurm": ("v1beta1", "detected"),
        "mariadb-operator": ("v1alpha1", "crs-detected"),
        "percona-server-mongodb": ("v1", "crs-detected"),
    }
    for name, found in versions.items():
        read = data(captured, name)
        assert (read["api-version"], read["collection-state"]) == found
    assert data(captured, "slinky-slurm")["controller-count"] == 1
    listed = world.kubectl("get", "storageclasses")["items"]
    key = "storageclass.kubernetes.io/is-default-class"
    default = [c["metadata"]["name"] for c in listed if c["metadata"]["annotations"][key] == "true"]
    storage = data(captured, "default-storage-class")
    assert storage["default-classes"] == ",".join(sorted(default))
    assert "snapshot-test" in default


def test_images_are_those_of_all_pods_but_our_own(world: World, captured: Snapshot) -> None:
    image = subtype(captured, "K8s", "image")
    assert image.data["init"] == "latest"
    assert image.data["web"] == "2.0"
    both = f"registry.example/a/web:1.0,registry.example/b/web:2.0@{DIGEST}"
    assert image.context["image.web"] == both
    reported = set()
    for pod in world.kubectl("get", "pods", "-A")["items"]:
        if pod["metadata"].get("labels", {}).get(MANAGED_BY_LABEL) != NAME:
            spec = pod["spec"]
            containers = [*spec["containers"], *spec.get("initContainers", [])]
            reported |= {container["image"] for container in containers}
    assert {reference.rpartition("/")[2].partition(":")[0] for reference in reported} == set(
        image.data
    )


def test_topology_is_that_of_all_nodes(world: World, captured: Snapshot) -> None:
    items = world.kubectl("get", "nodes")["items"]
    summary, label = (subtype(captured, "NodeTopology", name) for name in ("summary", "label"))
    assert summary.data["node-count"] == len(items)
    assert summary.data["label-count"] == len(label.data)
    reported = Counter(
        (key, value) for item in items for key, value in item["metadata"]["labels"].items()
    )
    values = Counter(key for key, _ in reported)
    for (key, value), count in reported.items():
        entry = label.data[f"{key}.{value}" if values[key] > 1 else key]
        assert str(entry).startswith(f"{value}|")
        assert len(str(entry).split("|")[1].split(",")) == count


def test_taints_are_reported_and_names_are_shortened(world: World, run_snapshot: Run) -> None:
    nodes = world.cluster.nodes
    taint = {"key": "snapshot-test/taint", "value": "x", "effect": "PreferNoSchedule"}
    before = {n: world.kubectl("get", "node", n)["spec"].get("taints") for n in nodes}
    try:
        for node in nodes:
            taints = [*(before[node] or []), taint]
            world.cluster.client.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": taints}})
        snapshot = capture(run_snapshot, world, "--max-nodes-per-entry", "1")
        agents = capture(run_snapshot, world, "--max-nodes-per-entry=1", "--cluster-scope", "agent")
    finally:
        for node in nodes:
            patch = {"spec": {"taints": before[node]}}
            world.cluster.client.patch(f"/api/v1/nodes/{node}", patch)
    names = f"{nodes[0]} (+{len(nodes) - 1} more)" if len(nodes) > 1 else nodes[0]
    for found in (snapshot, agents):
        entries = subtype(found, "NodeTopology", "taint").data
        assert entries["snapshot-test/taint"] == f"PreferNoSchedule|x|{names}"


def asked(cluster: Cluster, since: int, user: str) -> Counter[tuple[str, str]]:
    """Return each request that kubectl-snapshot made as a user, verb and path, with its number."""
    return Counter(
        (event["verb"], event["requestURI"].partition("?")[0])
        for event in cluster.audit(since)
        if event.get("userAgent", "").startswith(f"{NAME}/") and event["user"]["username"] == user
        # A proxied request has an event when it starts, too.
        if event["stage"] == "ResponseComplete" or not event["requestURI"].endswith("/configz")
    )


def expected_requests(world: World) -> Counter[tuple[str, str]]:
    """Nodes are listed once, pods are, and each kind that is looked for is."""
    lists = [
        f"/api/v1/namespaces/{namespace}/{kind}"
        for namespace in (world.first, world.second)
        for kind in ("secrets", "configmaps")
    ]
    lists += ["/api/v1/pods", "/api/v1/nodes", POLICIES]
    lists += ["/apis/argoproj.io/v1alpha1/applications", DRIVERS, GPU_CLUSTERS, STORAGE_CLASSES]
    lists += [f"{path}/{resource}" for path, (resource, _) in OPERATORS.items()]
    standard = [found for found in OBJECT_LISTS if found.SPEC.profile == STANDARD]
    lists += [path_of(world.cluster, found.RIGHTS[0]) for found in standard]
    reads = ["/version", f"/api/v1/nodes/{world.cluster.nodes[0]}", "/apis", "/apis/nvidia.com/v1"]
    reads += [f"/api/v1/nodes/{world.cluster.nodes[0]}/proxy/configz"]
    reads += ["/apis/argoproj.io/v1alpha1", "/apis/nvidia.com/v1alpha1", *OPERATORS]
    return Counter([*(("list", path) for path in lists), *(("get", path) for path in reads)])


def test_the_agent_asks_each_thing_once_and_only_reads(world: World, run_snapshot: Run) -> None:
    before = world.cluster.audit_size()
    run_id = capture(run_snapshot, world, "--cluster-scope", "agent").metadata["run-id"]
    account = f"system:serviceaccount:{world.first}:{NAME}-{run_id}"
    assert asked(world.cluster, before, account) == expected_requests(world)
    assert_nothing_left(world.cluster, run_id)


def test_the_client_asks_each_thing_once(world: World, run_snapshot: Run) -> None:
    before = world.cluster.audit_size()
    capture(run_snapshot, world, "--cluster-scope", "client")
    found = asked(world.cluster, before, "admin")
    # The gate has read the named node before anything is created: the facts take it from there.
    expected = expected_requests(world)
    assert {request: found[request] for request in expected} == expected


def test_the_agent_reads_what_the_client_reads(
    world: World, run_snapshot: Run, captured: Snapshot
) -> None:
    snapshot = capture(run_snapshot, world, "--cluster-scope", "agent")
    assert "gaps" not in {key for key in snapshot.metadata if "K8s" in snapshot.metadata[key]}
    operators = ("slinky-slurm", "mariadb-operator", "percona-server-mongodb")
    others = ("default-storage-class", *operators, "api-group", "runtime-class", "device-class")
    for name in ("server", "image", "policy", "node", "node-status", "argocd", *others):
        assert data(snapshot, name) == data(captured, name), name
    assert without_secret(data(snapshot, "helm")) == without_secret(data(captured, "helm"))
    for name in ("summary", "taint", "label", "version", "pool"):
        topology = subtype(snapshot, "NodeTopology", name)
        assert topology.data == subtype(captured, "NodeTopology", name).data
    assert_nothing_left(world.cluster, snapshot.metadata["run-id"])


def test_rights_to_secrets_are_given_in_the_named_namespaces_only(
    world: World, run_snapshot: Run
) -> None:
    before = world.cluster.audit_size()
    capture(run_snapshot, world, "--cluster-scope", "agent")
    made = {
        (event["objectRef"]["resource"], event["objectRef"].get("namespace", ""))
        for event in world.cluster.audit(before)
        if event["verb"] == "create"
        and event["objectRef"].get("apiGroup") == "rbac.authorization.k8s.io"
        and event["user"]["username"] == "admin"
        and "dryRun" not in event["requestURI"]
    }
    roles = {(kind, ns) for kind in ("roles", "rolebindings") for ns in (world.first, world.second)}
    assert made == {("clusterroles", ""), ("clusterrolebindings", ""), *roles}


def test_a_role_that_a_killed_run_left_elsewhere_is_removed_by_the_next(
    world: World, run_snapshot: Run
) -> None:
    path = f"{RBAC}/namespaces/{world.second}/roles"
    for name, expires in (("dead", "2020-01-01T00:00:00Z"), ("alive", "2999-01-01T00:00:00Z")):
        labels = {MANAGED_BY_LABEL: NAME, NAME_LABEL: NAME, RUN_LABEL: name}
        annotations = {EXPIRES_ANNOTATION: expires}
        metadata = {"name": name, "labels": labels, "annotations": annotations}
        world.create(path, {"metadata": metadata, "rules": []})
    try:
        capture(run_snapshot, world, "--cluster-scope", "agent", namespaces=False)
        assert not exists(world.cluster, f"{path}/dead")
        assert exists(world.cluster, f"{path}/alive")
    finally:
        world.cluster.client.call("DELETE", f"{path}/alive")


def test_a_namespace_that_is_not_there_is_reported_before_anything_is_made(
    world: World, run_snapshot: Run
) -> None:
    before = world.cluster.audit_size()
    words = ["--cluster-scope", "agent", "--helm-namespace", "snapshot-test-missing"]
    ended = run_snapshot("-n", world.first, *words)
    assert ended.returncode == 3, ended.stderr
    assert 'namespaces "snapshot-test-missing" not found' in ended.stderr
    writes = [
        event
        for event in world.cluster.audit(before)
        if event["verb"] == "create"
        and event.get("userAgent", "").startswith(f"{NAME}/")
        and "dryRun" not in event["requestURI"]
        and "review" not in event["objectRef"]["resource"]
    ]
    assert writes == []


@pytest.mark.parametrize("name", ["Ops", "a b", "../pods"])
def test_a_name_that_no_namespace_can_have_is_refused(run_snapshot: Run, name: str) -> None:
    ended = run_snapshot("--helm-namespace", name)
    assert (ended.returncode, "invalid namespace" in ended.stderr) == (2, True)


@contextmanager
def limited_user(world: World, *rules: dict[str, list[str]]) -> Iterator[str]:
    """A user who may run a capture in the first namespace, and what the rules add."""
    name = f"snapshot-test-{secrets.token_hex(4)}"
    run_rules = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "patch", "delete"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    subjects = [{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}]
    made = []
    for prefix, kind, granted in (
        (f"{RBAC}/namespaces/{world.first}/", "Role", run_rules),
        (f"{RBAC}/", "ClusterRole", list(rules)),
    ):
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        metadata = {"name": name}
        world.create(f"{prefix}{kind.lower()}s", {"metadata": metadata, "rules": granted})
        binding = {"metadata": metadata, "roleRef": reference, "subjects": subjects}
        world.create(f"{prefix}{kind.lower()}bindings", binding)
        made += [f"{prefix}{kind.lower()}{end}/{name}" for end in ("s", "bindings")]
    try:
        yield name
    finally:
        for path in made:
            world.cluster.client.call("DELETE", path)


def test_who_may_list_nodes_and_pods_reads_for_themselves_and_the_rest_is_forbidden(
    world: World, run_snapshot: Run
) -> None:
    reader = {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]}
    with limited_user(world, reader) as user:
        snapshot = capture(run_snapshot, world, "--as", user)
    assert snapshot.metadata["cluster-scope"] == "client"
    statuses = {
        name: subtype(snapshot, "K8s", name).status
        for name in ("server", "image", "policy", "node", "helm", "argocd")
    }
    assert statuses == {
        **dict.fromkeys(("server", "image", "node"), "ok"),
        **dict.fromkeys(("policy", "helm", "argocd"), "forbidden"),
    }
    reasons = {n: subtype(snapshot, "K8s", n).context["reason"] for n in ("policy", "helm")}
    wanted = 'cannot list resource "clusterpolicies" in API group "nvidia.com"'
    assert wanted in reasons["policy"]
    for name in ("default-storage-class", "slinky-slurm", "mariadb-operator"):
        assert subtype(snapshot, "K8s", name).status == "forbidden"
    for namespace in (world.first, world.second):
        assert (
            f'cannot list resource "secrets" in API group "" in the namespace "{namespace}"'
            in (reasons["helm"])
        )
    assert subtype(snapshot, "NodeTopology", "summary").status == "ok"


def test_a_node_that_may_be_read_is_reported_where_nodes_may_not_be_listed(
    world: World, run_snapshot: Run
) -> None:
    reader = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    with limited_user(world, reader) as user:
        snapshot = capture(run_snapshot, world, "--as", user, namespaces=False)
    assert subtype(snapshot, "K8s", "node").status == "ok"
    for name in ("summary", "taint", "label"):
        topology = subtype(snapshot, "NodeTopology", name)
        assert (topology.data, topology.status) == ({}, "forbidden")
        assert 'cannot list resource "nodes"' in topology.context["reason"]
