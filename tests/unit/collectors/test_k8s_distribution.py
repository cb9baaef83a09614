"""Provider and distribution of nodes as each kind of cluster registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.collectors.k8s_distribution import SIGNS, detect_distribution
from kubectl_snapshot.collectors.kubernetes_cluster import read_node
from tests.unit.collectors.api_answers import Api

NODES = {path.stem: path for path in (Path(__file__).parents[2] / "fixtures/api/nodes").iterdir()}
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


def read_fixture(name: str) -> dict[str, Any]:
    node: dict[str, Any] = yaml.safe_load(NODES[name].read_text(encoding="utf-8"))
    return node


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_node_tells_who_runs_the_machine_and_which_kubernetes_it_is_of(name: str) -> None:
    node = read_fixture(name)
    node_name = node["metadata"]["name"]
    version = node["status"]["nodeInfo"]["kubeletVersion"]
    context = Api({f"/api/v1/nodes/{node_name}": node}).context(node_name=node_name)
    found = read_node(context, version)
    assert found.data.get("provider") == PROVIDERS[name]
    assert found.context["distribution"] == name


def test_a_cloud_machine_of_another_distribution_is_noted_as_self_managed() -> None:
    node = read_fixture("openshift")
    node_name = node["metadata"]["name"]
    context = Api({f"/api/v1/nodes/{node_name}": node}).context(node_name=node_name)
    assert read_node(context, "v1.33.4").context["self-managed"] == "true"


def test_every_distribution_is_tested_with_a_node_that_names_its_source() -> None:
    assert {sign.distribution for sign in SIGNS} == set(NODES) == set(PROVIDERS)
    for path in NODES.values():
        assert "https://" in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("node", [None, {}, {"metadata": {"labels": None}, "status": []}])
def test_a_node_without_signs_is_of_no_known_distribution(node: object) -> None:
    assert detect_distribution(node) == ""
