"""The node object: provider, runtime, missing fields; and the node's name."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.kubernetes import collector
from kubectl_snapshot.collectors.kubernetes.node import parse_node, parse_provider
from kubectl_snapshot.collectors.run.context import detect_node_name
from kubectl_snapshot.errors import Internal, InvalidRequest
from kubectl_snapshot.records import replace
from tests.unit.collectors.api_answers import Api
from tests.unit.collectors.cluster_answers import NODE, VERSION, collect


def test_an_unknown_node_name_asks_nothing_and_names_the_variables() -> None:
    found = collect({"/version": VERSION}, node_name="")
    assert found["node"].status == "error"
    assert "NODE_NAME, KUBERNETES_NODE_NAME, HOSTNAME" in found["node"].context["reason"]


def test_a_node_that_was_just_read_is_not_read_again() -> None:
    context = replace(Api({"/version": VERSION}).context(node_name="gpu-a1"), node=NODE)
    found = {subtype.name: subtype for subtype in collector.collect(context)}
    assert found["node"].data["provider"] == "eks"


def test_a_node_name_cannot_lead_to_another_path() -> None:
    found = collect({"/version": VERSION, "/api/v1/nodes/..%2Fpods%3Fx": NODE}, "../pods?x")
    assert found["node"].data["source-node"] == "../pods?x"


@pytest.mark.parametrize(
    ("version", "provider_id", "expected"),
    [
        ("v1.34.2", "aws:///us-west-2a/i-0abc", {"self-managed": "true"}),
        ("v1.34.2-eks-3025e55", "aws:///us-west-2a/i-0abc", {}),
        ("v1.34.2", "gce://p/z/n", {}),
    ],
)
def test_a_machine_of_aws_without_an_eks_server_is_noted_as_self_managed(
    version: str, provider_id: str, expected: dict[str, str]
) -> None:
    node = {"spec": {"providerID": provider_id}}
    found = collect({"/version": {"gitVersion": version}, "/api/v1/nodes/gpu-a1": node})
    assert found["node"].context == expected


def test_an_oracle_instance_id_is_oke_to_the_collector_only() -> None:
    node = {"spec": {"providerID": "ocid1.instance.oc1..aaa"}}
    found = collect({"/version": VERSION, "/api/v1/nodes/gpu-a1": node})
    assert found["node"].data["provider"] == "oke"
    assert found["node"].data["provider-id"] == "ocid1.instance.oc1..aaa"
    assert parse_node(node, "gpu-a1")["provider"] == "ocid1.instance.oc1..aaa"


@pytest.mark.parametrize(
    ("provider_id", "provider"),
    [
        ("aws:///us-west-2a/i-0abc", "eks"),
        ("gce://p/z/n", "gke"),
        ("azure:///sub", "aks"),
        ("openstack:///u", "openstack"),
        ("OpenStack:///u", "openstack"),
        ("oci://o", "oke"),
        ("kind://docker/k/n", "kind"),
        ("AWS:///x", "eks"),
        (" aws ://x", "eks"),
        ("ocid1.instance.oc1..aaa", "ocid1.instance.oc1..aaa"),
        ("", ""),
    ],
)
def test_a_provider_is_reported_by_the_scheme(provider_id: str, provider: str) -> None:
    assert parse_provider(provider_id) == provider


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("containerd://2.1.5", {"name": "containerd", "version": "2.1.5"}),
        ("cri-o://1.34://x", {"name": "cri-o", "version": "1.34://x"}),
        ("docker", {}),
        ("://1", {"version": "1"}),
    ],
)
def test_a_container_runtime_is_parted_at_the_first_separator(
    runtime: str, expected: dict[str, str]
) -> None:
    data = parse_node({"status": {"nodeInfo": {"containerRuntimeVersion": runtime}}}, "n")
    assert data.pop("container-runtime-id") == runtime
    assert data.pop("source-node") == "n"
    assert data == {f"container-runtime-{key}": value for key, value in expected.items()}


@pytest.mark.parametrize("node", [None, [], {}, {"spec": None}, {"status": {"nodeInfo": "x"}}])
def test_a_node_without_the_fields_has_its_name_only(node: object) -> None:
    assert parse_node(node, "n") == {"source-node": "n"}


def test_an_empty_node_name_is_internal_around_an_invalid_request() -> None:
    with pytest.raises(Internal) as caught:
        parse_node({}, "")
    assert isinstance(caught.value.__cause__, InvalidRequest)


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"NODE_NAME": "a", "KUBERNETES_NODE_NAME": "b", "HOSTNAME": "c"}, "a"),
        ({"NODE_NAME": "", "KUBERNETES_NODE_NAME": "b", "HOSTNAME": "c"}, "b"),
        ({"HOSTNAME": "c"}, "c"),
        ({"NODE_NAME": "", "HOSTNAME": ""}, ""),
        ({}, ""),
    ],
)
def test_the_first_variable_that_is_set_and_not_empty_names_the_node(
    env: dict[str, str], name: str
) -> None:
    assert detect_node_name(env) == name
