"""What is kept of the nodes that a fleet selects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import pytest

from kubectl_snapshot.agent.config import AgentConfig
from kubectl_snapshot.fleet.planning.nodes import read_nodes
from kubectl_snapshot.fleet.planning.selection import FleetSelection
from kubectl_snapshot.settings import CollectSettings
from tests.unit.collectors.api_answers import Api

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube

NODE = {"metadata": {"name": "a", "uid": "u"}, "spec": {}, "status": {"nodeInfo": {}}}


@pytest.mark.parametrize(
    ("profile", "names"), [("standard", ["node", "node-status"]), ("reference", ["node"])]
)
def test_the_subtypes_of_a_node_are_those_of_the_profile(profile: str, names: list[str]) -> None:
    api = Api({"/version": {"gitVersion": "v1"}, "/api/v1/nodes": [NODE]})
    agent = AgentConfig(collect=CollectSettings(profile=profile))
    found = read_nodes(cast("Kube", api), FleetSelection(all_nodes=True), agent, math.inf)
    assert [subtype.name for subtype in found["a"].subtypes] == names


@pytest.mark.parametrize(
    ("runtime", "expected"), [("containerd://2.1.4", True), ("cri-o://1.34.0", False)]
)
def test_which_mount_a_node_takes_is_kept(runtime: str, expected: bool) -> None:
    node = {**NODE, "status": {"nodeInfo": {"containerRuntimeVersion": runtime}}}
    api = Api({"/version": {"gitVersion": "v1"}, "/api/v1/nodes": [node]})
    selection = FleetSelection(all_nodes=True)
    found = read_nodes(cast("Kube", api), selection, AgentConfig(), math.inf)
    assert found["a"].takes_recursive_read_only is expected
