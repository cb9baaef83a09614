"""What the K8s collector makes of the API server's answers, and of each kind of refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.kubernetes import collector as kubernetes_cluster
from kubectl_snapshot.collectors.kubernetes.node import parse_node
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
from tests.unit.collectors.cluster_answers import NODE, VERSION, collect

NAMES = [spec.name for spec in kubernetes_cluster.SUBTYPES if spec.profile != "full"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


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


def test_the_reference_profile_requests_nothing_for_other_subtypes() -> None:
    api = Api({"/version": VERSION, "/api/v1/nodes/gpu-a1": NODE})
    context = api.context(node_name="gpu-a1", settings=CollectSettings(profile="reference"))
    names = {subtype.name for subtype in kubernetes_cluster.collect(context)}
    assert names == {"server", "image", "policy", "node"}
    asked = {path for _, path in api.asked}
    assert asked == {"/version", "/api/v1/nodes/gpu-a1", "/apis", "/api/v1/pods"}


OBJECT_GROUPS = ("node", "resource", "storage", "admissionregistration", "apiextensions")
GROUPS = {
    "/apis": {
        "groups": [
            {"name": "nvidia.com", "preferredVersion": {"version": "v1"}},
            {"name": "argoproj.io", "preferredVersion": {"version": "v1alpha1"}},
            *(
                {"name": f"{name}.k8s.io", "preferredVersion": {"version": "v1"}}
                for name in OBJECT_GROUPS
            ),
        ]
    },
    "/apis/nvidia.com/v1": {
        "resources": [{"name": "clusterpolicies", "kind": "ClusterPolicy", "verbs": ["list"]}]
    },
    "/apis/argoproj.io/v1alpha1": {
        "resources": [{"name": "applications", "kind": "Application", "verbs": ["list"]}]
    },
}
OWN = ("/api/v1/nodes/gpu-a1", "/api/v1/nodes/gpu-a1/proxy/configz")
LISTS = (
    ("nvidia.com", "clusterpolicies", "/apis/nvidia.com/v1/clusterpolicies"),
    ("argoproj.io", "applications", "/apis/argoproj.io/v1alpha1/applications"),
    ("", "secrets", "/api/v1/namespaces/ops/secrets"),
    ("", "configmaps", "/api/v1/namespaces/ops/configmaps"),
    ("", "pods", "/api/v1/pods"),
    ("storage.k8s.io", "storageclasses", "/apis/storage.k8s.io/v1/storageclasses"),
    *(
        (f"{group}.k8s.io", resource, f"/apis/{group}.k8s.io/v1/{resource}")
        for group, resource in (
            ("node", "runtimeclasses"),
            ("resource", "deviceclasses"),
            ("resource", "resourceslices"),
            ("storage", "csinodes"),
            ("storage", "csidrivers"),
            ("admissionregistration", "mutatingwebhookconfigurations"),
            ("admissionregistration", "validatingwebhookconfigurations"),
            ("apiextensions", "customresourcedefinitions"),
        )
    ),
)
# Kinds that this server does not serve.
OTHER_LISTS = (
    ("nvidia.com", "nvidiadrivers"),
    ("nvidia.com", "gpuclusters"),
    ("slinky.slurm.net", "controllers"),
    ("k8s.mariadb.com", "mariadbs"),
    ("psmdb.percona.com", "perconaservermongodbs"),
)


def test_each_request_is_made_once_and_only_declared_rights_are_used() -> None:
    api = Api({**GROUPS, "/version": VERSION, "/api/v1/nodes/gpu-a1": NODE})
    list(
        kubernetes_cluster.collect(
            api.context(
                node_name="gpu-a1",
                settings=CollectSettings(helm_namespaces=("ops",), profile="full"),
            )
        )
    )
    discovery = ["/apis", "/apis/nvidia.com/v1", "/apis/argoproj.io/v1alpha1"]
    lists = [path for _, _, path in LISTS]
    asked = [path for _, path in api.asked]
    assert sorted(asked) == sorted(["/version", *OWN, *discovery, *lists])
    rights = {(r.group, r.resource, r.verbs) for r in kubernetes_cluster.RIGHTS}
    kinds = [*OTHER_LISTS, *((group, resource) for group, resource, _ in LISTS)]
    listed = {(group, resource, ("list",)) for group, resource in kinds}
    assert rights == listed | {
        ("", "nodes", ("get",)),
        ("", "nodes/proxy", ("get",)),
        ("", "configmaps", ("get",)),
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
