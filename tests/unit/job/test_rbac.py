from __future__ import annotations

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.fleet.capture import build_reads
from kubectl_snapshot.job import rbac
from kubectl_snapshot.job.manifest import build_owner
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.permissions import Permission
from tests.unit.golden import check_golden

OPTIONS = JobOptions(
    run_id="abcdefghij",
    namespace="ops",
    job_name="mine",
    cluster_scope="agent",
    reads=build_reads(tuple(ALL_COLLECTORS.values())),
)
EXPIRES = "2026-03-09T18:42:07Z"


def test_the_cluster_role_is_what_the_collectors_declare_and_only_reads() -> None:
    role = rbac.build_cluster_role(OPTIONS, EXPIRES)
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    assert verbs <= {"get", "list"}
    check_golden("job/cluster_role.json", role)


def test_what_no_job_can_own_says_when_it_expires() -> None:
    binding = rbac.build_cluster_role_binding(OPTIONS, EXPIRES)
    assert binding["metadata"]["annotations"] == {"kubectl-snapshot/expires": EXPIRES}
    check_golden("job/cluster_role_binding.json", binding)


def test_cluster_wide_names_carry_the_run_and_not_the_job_name() -> None:
    role = rbac.build_cluster_role(OPTIONS, EXPIRES)
    binding = rbac.build_cluster_role_binding(OPTIONS, EXPIRES)
    assert role["metadata"]["name"] == binding["roleRef"]["name"] == "kubectl-snapshot-abcdefghij"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "mine", "namespace": "ops"}]


def test_the_service_account_goes_when_the_job_goes() -> None:
    account = rbac.build_service_account(OPTIONS, build_owner(OPTIONS, "uid-1"))
    assert account["metadata"]["ownerReferences"][0]["uid"] == "uid-1"


def test_rules_of_one_resource_are_joined() -> None:
    rules = rbac.build_policy_rules(
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
