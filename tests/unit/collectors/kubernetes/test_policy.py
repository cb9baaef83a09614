from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.policy import build_policies, read
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
    found = read(api.context(), Shared(lambda: GROUPS, {}))
    assert found.data == {"driver.version": "580.105.08", "driver.enabled": "true"}
    assert found.context == {"objects": "cluster-policy"}
    assert [path for _, path in api.asked] == ["/apis/nvidia.com/v1", OBJECTS]


def test_the_first_by_name_has_plain_keys_and_every_other_its_name_before_them() -> None:
    found = build_policies([policy("b", {"x": 2}), policy("a", {"x": 1}), policy("c", {"x": 2})])
    assert found.data == {"x": "1", "b/x": "2", "c/x": "2"}
    assert found.context == {"objects": "a,b,c"}


def test_a_policy_without_a_spec_is_named_and_costs_no_other() -> None:
    found = build_policies([policy("a", None), policy("b", {"x": 1})])
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
        read(Api(answers).context(), Shared(lambda: groups, {}))


def test_a_refusal_names_the_resource() -> None:
    refusal = Unauthorized("cannot list clusterpolicies.nvidia.com", why="forbidden", status=403)
    with pytest.raises(Unauthorized, match=r"clusterpolicies\.nvidia\.com"):
        read(Api({**SERVED, OBJECTS: refusal}).context(), Shared(lambda: GROUPS, {}))
