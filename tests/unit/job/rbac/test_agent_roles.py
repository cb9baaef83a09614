from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubectl_snapshot.agent.capture import build_reads
from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.job.manifest import build_owner
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.permissions import Permission
from kubectl_snapshot.job.rbac import agent_roles
from kubectl_snapshot.settings import CollectSettings
from tests.unit.golden import check_golden

OPTIONS = JobOptions(
    run_id="abcdefghij",
    namespace="ops",
    job_name="mine",
    cluster_scope="agent",
)
EXPIRES = "2026-03-09T18:42:07Z"


def reading(*helm_namespaces: str) -> JobOptions:
    """The options of a run whose agent reads all facts, and releases of these namespaces."""
    collectors = tuple(ALL_COLLECTORS.values())
    settings = CollectSettings(helm_namespaces=helm_namespaces)
    parts = (build_reads(collectors, settings, optional) for optional in (False, True))
    return replace(OPTIONS, reads=tuple(read for part in parts for read in part))


def test_the_reference_needs_no_right_of_what_it_leaves_out() -> None:
    collectors = tuple(ALL_COLLECTORS.values())
    settings = CollectSettings(profile="reference")
    required, optional = (build_reads(collectors, settings, kind) for kind in (False, True))
    assert [(p.verb, p.resource) for p in required] == [
        ("list", "pods"),
        ("get", "nodes"),
        ("list", "nodes"),
    ]
    assert {p.resource for p in optional} == {
        *("clusterpolicies", "nvidiadrivers", "gpuclusters", "clusterversions"),
    }


def build_roles(options: JobOptions) -> dict[str, dict[str, Any]]:
    """All roles and bindings by API path and name."""
    owner = build_owner(options, "uid-1")
    return {
        f"{path.removeprefix(agent_roles.GROUP_PATH)}/{body['metadata']['name']}": body
        for path, body in agent_roles.build_roles(options, EXPIRES, owner)
    }


def test_the_cluster_role_has_the_collectors_rights_and_only_reads() -> None:
    role = agent_roles.build_cluster_role(reading(), EXPIRES)
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    assert verbs <= {"get", "list"}
    check_golden("job/cluster_role.json", role)


def test_without_a_helm_namespace_no_rule_reads_secrets() -> None:
    assert "secrets" not in str(build_roles(reading()))
    assert list(build_roles(reading())) == [
        "/clusterroles/kubectl-snapshot-abcdefghij",
        "/clusterrolebindings/kubectl-snapshot-abcdefghij",
    ]


def test_named_namespaces_have_a_role_each_and_the_cluster_none_for_secrets() -> None:
    roles = build_roles(reading("ops", "team"))
    cluster_role, _, *namespaced = roles
    assert namespaced == [
        "/namespaces/ops/roles/mine",
        "/namespaces/ops/rolebindings/mine",
        "/namespaces/team/roles/kubectl-snapshot-abcdefghij",
        "/namespaces/team/rolebindings/kubectl-snapshot-abcdefghij",
    ]
    assert "secrets" not in str(roles[cluster_role]["rules"])
    *_, role, binding = roles.values()
    check_golden("job/role.json", role)
    check_golden("job/role_binding.json", binding)


def test_a_role_in_the_jobs_namespace_is_owned_and_others_expire() -> None:
    roles = build_roles(reading("ops", "team"))
    beside = roles["/namespaces/ops/roles/mine"]["metadata"]
    assert [owner["uid"] for owner in beside["ownerReferences"]] == ["uid-1"]
    elsewhere = roles["/namespaces/team/roles/kubectl-snapshot-abcdefghij"]["metadata"]
    assert "ownerReferences" not in elsewhere
    assert elsewhere["annotations"] == {"kubectl-snapshot/expires": EXPIRES}


def test_all_namespaces_are_the_clusters() -> None:
    roles = build_roles(reading("*"))
    assert len(roles) == 2
    rules = roles["/clusterroles/kubectl-snapshot-abcdefghij"]["rules"]
    assert {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]} in rules


def test_unowned_objects_have_an_expiry() -> None:
    binding = agent_roles.build_cluster_role_binding(OPTIONS, EXPIRES)
    assert binding["metadata"]["annotations"] == {"kubectl-snapshot/expires": EXPIRES}
    check_golden("job/cluster_role_binding.json", binding)


def test_cluster_wide_names_carry_the_run_and_not_the_job_name() -> None:
    role = agent_roles.build_cluster_role(OPTIONS, EXPIRES)
    binding = agent_roles.build_cluster_role_binding(OPTIONS, EXPIRES)
    assert role["metadata"]["name"] == binding["roleRef"]["name"] == "kubectl-snapshot-abcdefghij"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "mine", "namespace": "ops"}]


def test_the_service_account_is_owned_by_the_job() -> None:
    account = agent_roles.build_service_account(OPTIONS, build_owner(OPTIONS, "uid-1"))
    assert account["metadata"]["ownerReferences"][0]["uid"] == "uid-1"


def test_rules_of_one_resource_are_joined() -> None:
    rules = agent_roles.build_policy_rules(
        [
            Permission("list", "", "nodes"),
            Permission("get", "", "nodes"),
            Permission("get", "a", "b"),
        ]
    )
    assert rules == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]},
        {"apiGroups": ["a"], "resources": ["b"], "verbs": ["get"]},
    ]
