"""A cluster with releases, applications, policies and pods: all that cluster-wide facts tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import ROOT, Cluster, exists, temporary_namespace
from tests.validation import parse_valid

Run = Callable[..., Finished]

FIXTURES = ROOT / "tests" / "fixtures"
CHARTS = FIXTURES / "charts"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
POLICIES = "/apis/nvidia.com/v1/clusterpolicies"
DRIVERS, GPU_CLUSTERS = (
    f"/apis/nvidia.com/v1alpha1/{name}" for name in ("nvidiadrivers", "gpuclusters")
)
STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
OPERATORS = {
    "/apis/slinky.slurm.net/v1beta1": ("controllers", "Controller"),
    "/apis/k8s.mariadb.com/v1alpha1": ("mariadbs", "MariaDB"),
    "/apis/psmdb.percona.com/v1": ("perconaservermongodbs", "PerconaServerMongoDB"),
}
# A Pod that is never scheduled: its images are reported, and nothing is pulled.
NOWHERE = {"snapshot-test/nowhere": "true"}
DIGEST = f"sha256:{'ab' * 32}"


@dataclass(frozen=True)
class World:
    """Two namespaces, in this order by name, with releases, applications, policies and pods."""

    cluster: Cluster
    first: str
    second: str

    def helm(self, *argv: str, code: int = 0, driver: str = "secret") -> str:
        """Return what helm prints, by its storage driver."""
        ended = self.cluster.helm(*argv, env={"HELM_DRIVER": driver})
        assert ended.returncode == code, ended.stderr
        return ended.stdout

    def kubectl(self, *argv: str) -> Any:
        ended = self.cluster.kubectl(*argv, "-o", "json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        self.cluster.client.call("POST", path, body)


@contextmanager
def temporary_world(cluster: Cluster) -> Iterator[World]:
    with ExitStack() as stack:
        stack.enter_context(custom_resources(cluster))
        names = sorted(stack.enter_context(temporary_namespace(cluster)) for _ in range(2))
        world = World(cluster, *names)
        install_releases(world)
        create_applications(world)
        for name, version in (("cluster-policy", "580.105.08"), ("older", "570.1")):
            stack.callback(cluster.client.call, "DELETE", f"{POLICIES}/{name}")
            create_policy(world, name, version)
        create_drivers(world)
        create_operators(world)
        stack.callback(cluster.client.call, "DELETE", f"{STORAGE_CLASSES}/snapshot-test")
        create_storage_class(world)
        create_pods(world)
        yield world


@contextmanager
def custom_resources(cluster: Cluster) -> Iterator[None]:
    """The kinds of the GPU operator, Argo CD and OpenShift, while nobody else brought them."""
    files = sorted((FIXTURES / "crds").iterdir())
    for file in files:
        if exists(cluster, f"{CRDS}/{file.stem}"):
            pytest.skip(f"the cluster has {file.stem}, which is not the tests' to replace")
    names = [f"crd/{file.stem}" for file in files]
    try:
        assert cluster.kubectl("apply", "-f", str(FIXTURES / "crds")).returncode == 0
        ended = cluster.kubectl("wait", "--for=condition=Established", *names)
        assert ended.returncode == 0, ended.stderr
        yield
    finally:
        cluster.kubectl("delete", "--ignore-not-found", *names)


def install_releases(world: World) -> None:
    """A release upgraded once, one of the same name elsewhere, a failed upgrade, a failed install.

    One of them is kept by Helm's ConfigMap driver.
    """
    chart, worker = str(CHARTS / "cache"), str(CHARTS / "worker")
    first, second = ("-n", world.first), ("-n", world.second)
    secret = ("--set", "auth.enabled=true,auth.password=hunter2-hunter2")
    world.helm("install", "cache", chart, *first, *secret)
    sizes = ("--set", "limit=2000000,ratio=0.25", "--set-json", 'zones=["a","b"]')
    world.helm("upgrade", "cache", chart, *first, *secret, *sizes)
    world.helm("install", "cache", chart, *second, driver="configmap")
    world.helm("install", "worker", worker, *second, "--set", "replicas=2")
    world.helm("upgrade", "worker", worker, *second, "--set", "refused=true", code=1)
    world.helm("install", "broken", worker, *second, "--set", "refused=true", code=1)


def create_applications(world: World) -> None:
    helm = {
        "valueFiles": ["base.yaml", "prod.yaml"],
        "values": "replicas: 3\n",
        "parameters": [{"name": "tier", "value": "gold"}, {"name": "suffix", "value": ""}],
    }
    single = {"repoURL": "https://charts.example.org", "chart": "web", "targetRevision": "1.2.3"}
    several = [
        {"repoURL": "https://git.example.org/a", "path": "deploy", "targetRevision": "main"},
        {"repoURL": "https://git.example.org/b", "path": "values"},
    ]
    target = {"namespace": "web", "server": "https://kubernetes.default.svc"}
    for namespace, source in (
        (world.first, {"source": {**single, "helm": helm}}),
        (world.second, {"sources": several}),
    ):
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "web"},
            "spec": {"project": "default", "destination": target, **source},
            "status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}},
        }
        world.create(f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications", body)


def create_policy(world: World, name: str, version: str) -> None:
    spec = {
        "driver": {"enabled": True, "version": version, "manager": {}},
        "daemonsets": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]},
        "validator": {"plugin": {"env": []}},
        "ratio": 1.5,
    }
    body = {"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy", "spec": spec}
    world.create(POLICIES, {**body, "metadata": {"name": name}})


def create_drivers(world: World) -> None:
    """A driver for some nodes, and the cluster of the GPU operator 26.x; gone with their CRDs."""
    for path, kind, name, spec in (
        (DRIVERS, "NVIDIADriver", "h100", {"version": "580.105.08", "usePrecompiled": False}),
        (GPU_CLUSTERS, "GPUCluster", "gpu-cluster", {"draDriver": {"version": "v25.12"}}),
    ):
        body = {"apiVersion": "nvidia.com/v1alpha1", "kind": kind, "spec": spec}
        world.create(path, {**body, "metadata": {"name": name}})


def create_operators(world: World) -> None:
    """One object of each operator's kind."""
    for path, (resource, kind) in OPERATORS.items():
        body = {"apiVersion": path.partition("/apis/")[2], "kind": kind, "spec": {}}
        where = f"{path}/namespaces/{world.first}/{resource}"
        world.create(where, {**body, "metadata": {"name": "one"}})


def create_storage_class(world: World) -> None:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    metadata = {"name": "snapshot-test", "annotations": annotations}
    world.create(STORAGE_CLASSES, {"metadata": metadata, "provisioner": "snapshot-test/none"})


def create_pods(world: World) -> None:
    """Pods with two images of one name, one of them by its digest."""
    for namespace, image in (
        (world.first, "registry.example/a/web:1.0"),
        (world.second, f"registry.example/b/web:2.0@{DIGEST}"),
    ):
        spec = {
            "nodeSelector": NOWHERE,
            "initContainers": [{"name": "init", "image": "registry.example/init"}],
            "containers": [{"name": "main", "image": image}],
        }
        body = {"metadata": {"name": "web"}, "spec": spec}
        world.create(f"/api/v1/namespaces/{namespace}/pods", body)


def capture(run: Run, world: World, *words: str, namespaces: bool = True) -> Snapshot:
    named = ["--helm-namespace", world.first, "--helm-namespace", world.second]
    where = ["-n", world.first, "--node", world.cluster.nodes[0]]
    ended = run(*where, *words, *(named if namespaces else []))
    assert ended.returncode == 0, ended.stderr
    return parse_valid(ended.stdout)
