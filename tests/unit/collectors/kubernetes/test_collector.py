"""What the K8s collector makes of the API server's answers, and of each kind of refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.kubernetes import collector as kubernetes_cluster
from kubectl_snapshot.collectors.kubernetes.node import (
    detect_node_name,
    parse_node,
    parse_provider,
)
from kubectl_snapshot.collectors.kubernetes.server import parse_version
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import (
    Internal,
    InvalidRequest,
    NotFound,
    SnapshotError,
    Timeout,
    Unauthorized,
)
from kubectl_snapshot.settings import CollectSettings
from tests.unit.collectors.api_answers import Api

NAMES = [spec.name for spec in kubernetes_cluster.SUBTYPES]
VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.2-eks-3025e55",
    "goVersion": "go1.24.6",
    "platform": "linux/amd64",
}
NODE = {
    "metadata": {"name": "gpu-a1"},
    "spec": {"providerID": "aws:///us-west-2a/i-0abc"},
    "status": {
        "nodeInfo": {
            "containerRuntimeVersion": "containerd://2.1.5",
            "kubeletVersion": "v1.34.2-eks-3025e55",
            "kernelVersion": "6.8.0-86-generic",
            "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04.3 LTS",
        }
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def collect(answers: Mapping[str, Any], node_name: str = "gpu-a1") -> dict[str, Subtype]:
    context = Api(answers).context(node_name=node_name)
    return {subtype.name: subtype for subtype in kubernetes_cluster.collect(context)}


def test_server_and_node_are_read() -> None:
    found = collect({"/version": VERSION, "/api/v1/nodes/gpu-a1": NODE})
    assert found["server"] == Subtype(
        "server",
        {"version": "v1.34.2-eks-3025e55", "platform": "linux/amd64", "goVersion": "go1.24.6"},
    )
    assert found["node"] == Subtype(
        "node",
        {
            "source-node": "gpu-a1",
            "provider": "eks",
            "provider-id": "aws:///us-west-2a/i-0abc",
            "container-runtime-id": "containerd://2.1.5",
            "container-runtime-name": "containerd",
            "container-runtime-version": "2.1.5",
            "kubelet-version": "v1.34.2-eks-3025e55",
            "kernel-version": "6.8.0-86-generic",
            "operating-system": "linux",
            "os-image": "Ubuntu 24.04.3 LTS",
        },
        {"distribution": "eks"},
    )


def test_every_declared_subtype_is_filled() -> None:
    found = collect({"/version": VERSION, "/api/v1/nodes/gpu-a1": NODE})
    assert sorted(found) == sorted(NAMES)


GROUPS = {
    "/apis": {
        "groups": [
            {"name": "nvidia.com", "preferredVersion": {"version": "v1"}},
            {"name": "argoproj.io", "preferredVersion": {"version": "v1alpha1"}},
        ]
    },
    "/apis/nvidia.com/v1": {
        "resources": [{"name": "clusterpolicies", "kind": "ClusterPolicy", "verbs": ["list"]}]
    },
    "/apis/argoproj.io/v1alpha1": {
        "resources": [{"name": "applications", "kind": "Application", "verbs": ["list"]}]
    },
}
LISTS = (
    ("nvidia.com", "clusterpolicies", "/apis/nvidia.com/v1/clusterpolicies"),
    ("argoproj.io", "applications", "/apis/argoproj.io/v1alpha1/applications"),
    ("", "secrets", "/api/v1/namespaces/ops/secrets"),
    ("", "configmaps", "/api/v1/namespaces/ops/configmaps"),
    ("", "pods", "/api/v1/pods"),
)


def test_each_request_is_made_once_and_only_declared_rights_are_used() -> None:
    api = Api({**GROUPS, "/version": VERSION, "/api/v1/nodes/gpu-a1": NODE})
    list(
        kubernetes_cluster.collect(
            api.context(node_name="gpu-a1", settings=CollectSettings(helm_namespaces=("ops",)))
        )
    )
    discovery = ["/apis", "/apis/nvidia.com/v1", "/apis/argoproj.io/v1alpha1"]
    lists = [path for _, _, path in LISTS]
    asked = [path for _, path in api.asked]
    assert sorted(asked) == sorted(["/version", "/api/v1/nodes/gpu-a1", *discovery, *lists])
    rights = {(r.group, r.resource, r.verbs) for r in kubernetes_cluster.RIGHTS}
    listed = {(group, resource, ("list",)) for group, resource, _ in LISTS}
    assert rights == listed | {
        ("", "nodes", ("get",)),
        ("config.openshift.io", "clusterversions", ("get",)),
    }


def test_no_request_outlasts_the_deadline() -> None:
    api = Api({**GROUPS, "/version": VERSION, "/api/v1/nodes/gpu-a1": NODE})
    context = api.context(
        node_name="gpu-a1", deadline=12.5, settings=CollectSettings(helm_namespaces=("*",))
    )
    list(kubernetes_cluster.collect(context))
    assert set(api.deadlines) == {12.5}


def test_without_rights_to_secrets_and_policies_the_facts_are_still_worth_reading() -> None:
    required = {r.resource for r in kubernetes_cluster.RIGHTS if not r.is_optional}
    assert required == {"nodes", "pods"}


REFUSED = Unauthorized(
    "cannot read node gpu-a1",
    why='nodes "gpu-a1" is forbidden: User "eve" cannot get resource "nodes" in API group ""',
    status=403,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (REFUSED, "forbidden"),
        (NotFound("cannot read node gpu-a1", why='nodes "gpu-a1" not found'), "absent"),
        (Timeout("cannot read node gpu-a1"), "timeout"),
        (Internal("cannot read node gpu-a1"), "error"),
    ],
)
def test_a_refused_node_keeps_the_servers_words_and_costs_nothing_else(
    error: SnapshotError, status: str
) -> None:
    found = collect({"/version": VERSION, "/api/v1/nodes/gpu-a1": error})
    assert found["server"].status == "ok"
    assert (found["node"].data, found["node"].status) == ({}, status)
    assert found["node"].context["reason"].startswith("cannot read node gpu-a1")
    assert error.why in found["node"].context["reason"]


def test_a_refused_version_does_not_cost_the_node() -> None:
    found = collect({"/version": REFUSED, "/api/v1/nodes/gpu-a1": NODE})
    assert (found["server"].data, found["server"].status) == ({}, "forbidden")
    assert found["node"].status == "ok"
    assert "self-managed" not in found["node"].context


def test_without_a_connection_each_subtype_says_why_there_is_none() -> None:
    error = InvalidRequest("the kubeconfig k.yaml is broken", why="line 3: no mapping")
    context = Context(
        HostPath(None),
        "gpu-a1",
        kube_error=error,
        settings=CollectSettings(helm_namespaces=("ops",)),
    )
    found = list(kubernetes_cluster.collect(context))
    assert {s.name for s in found} == set(NAMES)
    for subtype in found:
        assert (subtype.status, subtype.data) == ("unavailable", {})
        assert subtype.context["reason"].endswith(
            "the kubeconfig k.yaml is broken: line 3: no mapping"
        )


def test_an_unknown_node_name_asks_nothing_and_names_the_variables() -> None:
    found = collect({"/version": VERSION}, node_name="")
    assert found["node"].status == "error"
    assert "NODE_NAME, KUBERNETES_NODE_NAME, HOSTNAME" in found["node"].context["reason"]


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
def test_a_provider_is_told_by_the_scheme(provider_id: str, provider: str) -> None:
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


@pytest.mark.parametrize("answer", [None, [], "v1.34.2", {"gitVersion": 1}, {}])
def test_a_version_answer_without_a_version_is_an_error(answer: object) -> None:
    with pytest.raises(Internal, match="gitVersion"):
        parse_version(answer)


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


@given(JSON, st.text())
def test_any_json_is_a_reading_or_an_error(answer: object, text: str) -> None:
    parsers: tuple[Callable[[], dict[str, str]], ...] = (
        lambda: parse_version(answer),
        lambda: parse_node(answer, text),
        lambda: parse_node({"spec": {"providerID": text}, "status": answer}, "n"),
    )
    for parse in parsers:
        try:
            data = parse()
        except SnapshotError:
            continue
        assert all(isinstance(value, str) and value for value in data.values())
