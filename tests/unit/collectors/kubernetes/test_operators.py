"""Slurm and databases by the APIs that their operators serve; states and keys are AICR's."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.operators import OPERATORS
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Unauthorized
from tests.unit.collectors.api_answers import Api

SLURM, MARIADB, PERCONA = OPERATORS
PODS = "/api/v1/pods"
SERVED = {
    operator.SPEC.name: (
        f"/apis/{operator.RIGHTS[0].group}/v1",
        {"name": operator.RIGHTS[0].resource, "kind": operator.kind, "verbs": ["list"]},
    )
    for operator in OPERATORS
}


def collect(operator: Any, objects: Any = (), serves: bool = True, **answers: Any) -> Subtype:
    """Return the subtype on a server that has the operator's API group."""
    path, resource = SERVED[operator.SPEC.name]
    other = {**resource, "kind": "Backup"}
    lists = {path: {"resources": [resource if serves else other]}}
    listed = {f"{path}/{resource['name']}": objects, **answers.pop("pods", {})}
    group = {"name": operator.RIGHTS[0].group, "preferredVersion": {"version": "v1"}}
    found: Subtype = operator.read(
        Api({**lists, **listed}).context(), Shared(lambda: [{"name": "apps"}, group], dict, {})
    )
    return found


def named(namespace: str, name: str, release: str = "") -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": release} if release else {}
    return {"metadata": {"namespace": namespace, "name": name, "labels": labels}}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda o: o.SPEC.name)
def test_without_the_api_group_it_is_absent_and_no_gap(operator: Any) -> None:
    found = operator.read(Api({}).context(), Shared(lambda: [{"name": "apps"}], dict, {}))
    assert found.name == operator.SPEC.name
    assert found.data["collection-state"] == "absent"
    assert found.data["api-available"] is False
    assert found.status == "absent"
    assert found.context["reason"] == (
        f"the API server does not serve {operator.kind} of {operator.RIGHTS[0].group}"
    )
    assert set(found.data) <= set(operator.SPEC.keys)


@pytest.mark.parametrize(
    ("count", "state"),
    [(0, "absent"), (1, "detected"), *((n, "unsupported-multicluster") for n in (2, 3))],
)
def test_a_controller_is_a_slurm_cluster(count: int, state: str) -> None:
    found = collect(SLURM, [named("slurm", f"c{i}") for i in range(count)])
    assert found.data == {
        "api-available": True,
        "api-version": "v1",
        "collection-state": state,
        "controller-count": count,
        "detected": count > 0,
    }
    assert found.context == {}


def test_slinkys_group_without_its_kind_is_no_slurm() -> None:
    found = collect(SLURM, serves=False)
    assert found.data == {"api-available": False, "collection-state": "absent", "detected": False}
    assert found.status == "absent"


def test_a_database_operator_is_told_by_its_api_and_by_its_objects() -> None:
    assert collect(MARIADB).data == {
        "api-available": True,
        "api-version": "v1",
        "collection-state": "api-detected",
    }
    assert collect(MARIADB, [named("a", "b")]).data["collection-state"] == "crs-detected"
    found = collect(MARIADB, serves=False)
    assert found.data == {"api-available": False, "collection-state": "api-detected"}
    assert found.context == {}


OWN = named("nvsentinel", "nvsentinel-mongodb")
OWN_POD = named("nvsentinel", "p", "aicr-psmdb-operator")


@pytest.mark.parametrize(
    ("objects", "pods", "state"),
    [
        ([], [], "api-detected"),
        ([OWN], [], "aicr-owned"),
        ([OWN], [OWN_POD], "aicr-owned"),
        ([], [OWN_POD], "api-detected"),
        ([OWN], [OWN_POD, named("db", "p", "psmdb-operator")], "operator-detected"),
        ([], [named("nvsentinel", "p", "another")], "operator-detected"),
        ([], [named("nvsentinel", "p")], "operator-detected"),
        ([OWN, named("db", "m")], [], "crs-detected"),
        ([named("nvsentinel", "m")], [], "crs-detected"),
        ([named("db", "nvsentinel-mongodb")], [], "crs-detected"),
    ],
)
def test_perconas_operator_is_told_apart_from_aicrs_own(
    objects: list[Any], pods: list[Any], state: str
) -> None:
    assert collect(PERCONA, objects, pods={PODS: pods}).data["collection-state"] == state


def test_perconas_group_without_its_kind_is_evidence_of_its_operator() -> None:
    found = collect(PERCONA, serves=False)
    assert found.data == {"api-available": False, "collection-state": "api-detected"}
    names = ["slinky-slurm", "mariadb-operator", "percona-server-mongodb"]
    assert [operator.SPEC.name for operator in OPERATORS] == names


def test_only_the_operators_pods_are_asked_for() -> None:
    path, resource = SERVED[PERCONA.SPEC.name]
    api = Api({path: {"resources": [resource]}})
    group = {"name": PERCONA.RIGHTS[0].group, "preferredVersion": {"version": "v1"}}
    PERCONA.read(api.context(), Shared(lambda: [group], dict, {}))
    wanted = "app.kubernetes.io/name in (psmdb-operator,percona-server-mongodb-operator)"
    assert api.queries[PODS] == {"labelSelector": wanted}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda o: o.SPEC.name)
def test_a_refusal_is_no_absence(operator: Any) -> None:
    with pytest.raises(Unauthorized):
        collect(operator, Unauthorized("cannot list it"))


def test_every_right_is_optional_and_lists_one_resource() -> None:
    for operator in OPERATORS:
        (right,) = operator.RIGHTS
        assert right.purpose.startswith(f"K8s.{operator.SPEC.name}: whether ")
        assert not operator.SPEC.keys_are_names
        assert (right.verbs, right.is_optional) == (("list",), True)
    rights = [f"{operator.RIGHTS[0].resource}.{operator.RIGHTS[0].group}" for operator in OPERATORS]
    assert rights == [
        "controllers.slinky.slurm.net",
        "mariadbs.k8s.mariadb.com",
        "perconaservermongodbs.psmdb.percona.com",
    ]
