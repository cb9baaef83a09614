"""Provider and distribution of nodes as each kind of cluster registers them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.collectors.kubernetes.distribution import SIGNS, detect_distribution
from kubectl_snapshot.collectors.kubernetes.node import read, read_object
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Unauthorized
from tests.unit.collectors.api_answers import Api

NODES = {path.stem: path for path in (Path(__file__).parents[3] / "fixtures/api/nodes").iterdir()}
PROVIDERS = {
    "eks": "eks",
    "gke": "gke",
    "aks": "aks",
    "oke": "oke",
    "openshift": "eks",
    "k3s": "k3s",
    "rke2": "rke2",
    "talos": None,
    "kind": "kind",
}


def shared(version: str, context: Context) -> Shared:
    """Return a collection that has read the server's version."""
    read_node = partial(read_object, context)
    return Shared(tuple, read_node, {"server": Subtype("server", {"version": version})})


def read_fixture(name: str) -> dict[str, Any]:
    node: dict[str, Any] = yaml.safe_load(NODES[name].read_text(encoding="utf-8"))
    return node


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_node_tells_who_runs_the_machine_and_which_kubernetes_it_is_of(name: str) -> None:
    node = read_fixture(name)
    node_name = node["metadata"]["name"]
    version = node["status"]["nodeInfo"]["kubeletVersion"]
    context = Api({f"/api/v1/nodes/{node_name}": node}).context(node_name=node_name)
    found = read(context, shared(version, context))
    assert found.data.get("provider") == PROVIDERS[name]
    assert found.context["distribution"] == name


def test_a_cloud_machine_of_another_distribution_is_noted_as_self_managed() -> None:
    node = read_fixture("openshift")
    node_name = node["metadata"]["name"]
    context = Api({f"/api/v1/nodes/{node_name}": node}).context(node_name=node_name)
    assert read(context, shared("v1.33.4", context)).context["self-managed"] == "true"


CLUSTER_VERSION = "/apis/config.openshift.io/v1/clusterversions/version"


@pytest.mark.parametrize(
    ("answer", "notes"),
    [
        (
            {"status": {"desired": {"version": "4.20.3"}}},
            {"openshift-version": "4.20.3"},
        ),
        (
            Unauthorized("cannot read the version of OpenShift", why="forbidden", status=403),
            {"openshift-version.reason": "cannot read the version of OpenShift: forbidden"},
        ),
        ({}, {}),
    ],
)
def test_the_release_of_openshift_is_reported_or_why_it_is_not(
    answer: object, notes: dict[str, str]
) -> None:
    node = read_fixture("openshift")
    path = f"/api/v1/nodes/{node['metadata']['name']}"
    context = Api({path: node, CLUSTER_VERSION: answer}).context(node_name=node["metadata"]["name"])
    found = read(context, shared("v1.33.4", context))
    assert {k: v for k, v in found.context.items() if k.startswith("openshift")} == notes
    assert found.status == "ok"


def test_no_other_cluster_is_asked_for_its_release_of_openshift() -> None:
    node = read_fixture("rke2")
    api = Api({f"/api/v1/nodes/{node['metadata']['name']}": node})
    context = api.context(node_name=node["metadata"]["name"])
    read(context, shared("", context))
    assert len(api.asked) == 1


def test_every_distribution_is_tested_with_a_node_that_names_its_source() -> None:
    assert {sign.distribution for sign in SIGNS} == set(NODES) == set(PROVIDERS)
    for path in NODES.values():
        assert "https://" in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("node", [None, {}, {"metadata": {"labels": None}, "status": []}])
def test_a_node_without_signs_is_of_no_known_distribution(node: object) -> None:
    assert detect_distribution(node) == ""
