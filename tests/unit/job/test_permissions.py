from __future__ import annotations

import pytest

from kubectl_snapshot.job.permissions import Permission, describe_permissions, is_granted

LOG = Permission("get", "", "pods", "log", "ops")


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}, True),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, False),
        ({"verbs": ["list"], "apiGroups": [""], "resources": ["pods/log"]}, False),
        ({"verbs": ["get"], "apiGroups": ["batch"], "resources": ["pods/log"]}, False),
        (
            {
                "verbs": ["get"],
                "apiGroups": [""],
                "resources": ["pods/log"],
                "resourceNames": ["one"],
            },
            False,
        ),
        ({"verbs": ["get"]}, False),
    ],
)
def test_only_a_rule_for_verb_group_and_resource_without_names_grants(
    rule: dict[str, list[str]], granted: bool
) -> None:
    assert is_granted(LOG, [rule]) is granted


def test_a_permission_is_in_kubectls_notation() -> None:
    assert str(LOG) == "get pods/log -n ops"
    assert str(Permission("create", "batch", "jobs", "", "ops")) == "create jobs.batch -n ops"


def test_permissions_are_grouped_by_place_and_resource() -> None:
    jobs = [Permission(verb, "batch", "jobs", "", "ops") for verb in ("create", "delete")]
    reported = describe_permissions([*jobs, LOG, Permission("get", "", "nodes")])
    assert (
        reported
        == "in namespace ops: create, delete jobs.batch; get pods/log; in the cluster: get nodes"
    )
