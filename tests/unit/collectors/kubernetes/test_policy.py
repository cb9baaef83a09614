from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.policy import RIGHTS, SPEC, build_policies, read
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.errors import Absent, Unauthorized
from tests.unit.collectors.api_answers import Api

OBJECTS = "/apis/nvidia.com/v1/clusterpolicies"
GROUPS = [
    {"name": "kyverno.io", "preferredVersion": {"version": "v1"}},
    {
        "name": "nvidia.com",
        "preferredVersion": {"version": "v1"},
        "versions": [{"version": "v1"}, {"version": "v1alpha1"}],
    },
]
SERVED = {
    "/apis/nvidia.com/v1": {
        "resources": [{"name": "clusterpolicies", "kind": "ClusterPolicy", "verbs": ["list"]}]
    }
}


def policy(name: str, spec: object) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


def test_the_spec_of_nvidias_kind_alone_is_read() -> None:
    spec = {"driver": {"version": "580.105.08", "enabled": True}}
    api = Api({**SERVED, OBJECTS: [policy("cluster-policy", spec)]})
    found = read(api.context(), Shared(lambda: GROUPS, dict, {}))
    assert found.data == {"driver.version": "580.105.08", "driver.enabled": "true"}
    assert found.context == {"objects": "cluster-policy"}
    assert OBJECTS in [path for _, path in api.asked]


def test_the_first_by_name_has_plain_keys_and_every_other_its_name_before_them() -> None:
    policies = [policy("b", {"x": 2}), policy("a", {"x": 1}), policy("c", {"x": 2})]
    found = build_policies({"ClusterPolicy": policies})
    assert found.data == {"x": "1", "b/x": "2", "c/x": "2"}
    assert found.context == {"objects": "a,b,c"}


def test_a_policy_without_a_spec_is_named_and_costs_no_other() -> None:
    found = build_policies({"ClusterPolicy": [policy("a", None), policy("b", {"x": 1})]})
    assert found.data == {"b/x": "1"}
    assert found.status == "partial"
    assert found.context["reason"] == "ClusterPolicy a has no spec"


@pytest.mark.parametrize(
    ("groups", "answers", "reason"),
    [
        ([], {}, "does not serve ClusterPolicy of nvidia.com"),
        (GROUPS, {}, "does not serve ClusterPolicy of nvidia.com"),
        (GROUPS, {**SERVED, OBJECTS: []}, "the cluster has no ClusterPolicy"),
    ],
)
def test_where_there_is_none_it_is_absent(
    groups: list[Any], answers: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Absent, match=reason):
        read(Api(answers).context(), Shared(lambda: groups, dict, {}))


NEWER = "/apis/nvidia.com/v1alpha1"
BOTH = {
    **SERVED,
    NEWER: {
        "resources": [
            {"name": "nvidiadrivers", "kind": "NVIDIADriver", "verbs": ["list"]},
            {"name": "nvidiadrivers/status", "kind": "NVIDIADriver", "verbs": ["get"]},
            {"name": "gpuclusters", "kind": "GPUCluster", "verbs": ["list"]},
        ]
    },
    OBJECTS: [policy("cluster-policy", {"driver": {"enabled": True}})],
    f"{NEWER}/nvidiadrivers": [policy("b", {"version": "2"}), policy("a", {"version": "1"})],
    f"{NEWER}/gpuclusters": [policy("gpu-cluster", {"dcgm": {"enabled": False}})],
}


def test_drivers_and_the_gpu_cluster_have_their_kind_and_name_before_their_keys() -> None:
    found = read(Api(BOTH).context(), Shared(lambda: GROUPS, dict, {}))
    assert found.data == {
        "driver.enabled": "true",
        "NVIDIADriver/a/version": "1",
        "NVIDIADriver/b/version": "2",
        "GPUCluster/gpu-cluster/dcgm.enabled": "false",
    }
    names = "cluster-policy,NVIDIADriver/a,NVIDIADriver/b,GPUCluster/gpu-cluster"
    assert found.context == {"objects": names}


def test_a_driver_alone_never_has_the_plain_keys_of_a_cluster_policy() -> None:
    found = read(Api({**BOTH, OBJECTS: []}).context(), Shared(lambda: GROUPS, dict, {}))
    assert next(iter(found.data)) == "NVIDIADriver/a/version"
    assert found.status == "ok"


def test_every_kind_has_an_optional_right_to_list_it() -> None:
    assert [(right.resource, right.verbs, right.is_optional) for right in RIGHTS] == [
        ("clusterpolicies", ("list",), True),
        ("nvidiadrivers", ("list",), True),
        ("gpuclusters", ("list",), True),
    ]
    assert build_policies({"GPUCluster": [policy("a", {})]}).name == SPEC.name == "policy"


def test_a_refusal_of_one_kind_costs_no_other() -> None:
    refusal = Unauthorized("cannot list nvidiadrivers.nvidia.com", why="forbidden", status=403)
    answers = {**BOTH, f"{NEWER}/nvidiadrivers": refusal}
    found = read(Api(answers).context(), Shared(lambda: GROUPS, dict, {}))
    assert (found.status, len(found.data)) == ("partial", 2)
    assert found.context["reason"] == "cannot list nvidiadrivers.nvidia.com: forbidden"


def test_a_refusal_names_the_resource() -> None:
    refusal = Unauthorized("cannot list clusterpolicies.nvidia.com", why="forbidden", status=403)
    found = read(Api({**SERVED, OBJECTS: refusal}).context(), Shared(lambda: GROUPS, dict, {}))
    assert (found.data, found.status) == ({}, "forbidden")
    assert found.context["reason"] == "cannot list clusterpolicies.nvidia.com: forbidden"
