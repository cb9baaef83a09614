from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.commands import rbac
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.constants import MANAGED_BY_LABEL
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.golden import check_golden

HELM = ("--helm-namespace", "ops", "--helm-namespace", "team")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a kubeconfig nor a pod's account: nothing could be asked."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def printed(*words: str) -> str:
    out = io.StringIO()
    assert rbac.run(parse_flags(rbac.build_parser(), words, {}), out) == 0
    return out.getvalue()


def objects(*words: str) -> dict[str, Any]:
    """What is printed, by `Kind namespace/name`."""
    found = list(yaml.safe_load_all(printed(*words)))
    return {
        f"{o['kind']} {o['metadata'].get('namespace', '')}/{o['metadata']['name']}": o
        for o in found
    }


def rights(role: dict[str, Any]) -> dict[str, list[str]]:
    return {rule["resources"][0]: rule["verbs"] for rule in role["rules"]}


def test_the_agents_account_may_only_read() -> None:
    found = objects("-n", "ops", *HELM)
    verbs = {v for o in found.values() for rule in o.get("rules", ()) for v in rule["verbs"]}
    assert verbs == {"get", "list"}
    check_golden("rbac/agent.yaml", printed("-n", "ops", *HELM))


def test_the_user_gets_one_role_to_run_and_optional_ones_to_read() -> None:
    found = objects("-n", "ops", "--for", "user", *HELM)
    assert list(found) == [
        "Role ops/kubectl-snapshot-user-ops",
        "ClusterRole /kubectl-snapshot-reader-ops",
        "Role ops/kubectl-snapshot-reader-ops",
        "Role team/kubectl-snapshot-reader-ops",
    ]
    check_golden("rbac/user.yaml", printed("-n", "ops", "--for", "user", *HELM))


def test_who_sets_up_the_agents_account_has_to_have_its_rights_and_nothing_is_optional() -> None:
    words = ("-n", "ops", "--for", "user", "--cluster-scope", "agent", *HELM)
    found = objects(*words)
    assert rights(found["ClusterRole /kubectl-snapshot-user-ops"])["clusterroles"] == [
        "create",
        "delete",
    ]
    assert rights(found["Role team/kubectl-snapshot-user-ops"]) == {
        "configmaps": ["list"],
        "secrets": ["list"],
        "rolebindings": ["create", "delete"],
        "roles": ["create", "delete"],
    }
    check_golden("rbac/user_agent_scope.yaml", printed(*words))


@pytest.mark.parametrize(
    "words",
    [("--cluster-scope", "agent", "--service-account-name", "mine"), ("--cluster-scope", "skip")],
    ids=str,
)
def test_a_user_who_reads_nothing_of_the_cluster_needs_the_run_alone(words: list[str]) -> None:
    assert list(objects("--for", "user", "-n", "ops", *words)) == [
        "Role ops/kubectl-snapshot-user-ops"
    ]


@pytest.mark.parametrize("receiver", ["agent", "user"])
def test_each_rule_says_why(receiver: str) -> None:
    lines = printed("--for", receiver, *HELM).splitlines()
    rules = [index for index, line in enumerate(lines) if line.startswith("  - apiGroups")]
    assert rules
    assert all(lines[index - 1].startswith("  # ") and lines[index - 1][4:] for index in rules)


def test_an_account_that_is_there_is_bound_and_not_changed() -> None:
    found = objects("-n", "ops", "--service-account-name", "mine")
    assert [name.partition(" ")[0] for name in found] == ["ClusterRole", "ClusterRoleBinding"]
    (subject,) = found["ClusterRoleBinding /kubectl-snapshot-agent-ops"]["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "mine", "namespace": "ops"}


def test_rights_for_two_namespaces_do_not_replace_each_other() -> None:
    assert not objects("-n", "ops", *HELM).keys() & objects("-n", "dev", *HELM).keys()


def test_no_clean_up_takes_them_for_leftovers() -> None:
    assert MANAGED_BY_LABEL not in printed(*HELM) + printed("--for", "user", *HELM)


def test_all_namespaces_of_helm_are_a_right_in_the_cluster() -> None:
    found = objects("--helm-namespace", "*")
    assert rights(found["ClusterRole /kubectl-snapshot-agent-default"])["secrets"] == ["list"]
    assert not [name for name in found if name.startswith("Role ")]


def test_helm_flags_of_aicr_mean_the_same() -> None:
    assert objects("--helm-all-namespaces") == objects("--helm-namespace", "*")
    assert objects("--helm-namespaces", "ops,team") == objects(*HELM)
    assert objects("--helm-namespaces", "team", "--helm-namespace", "ops") == objects(*HELM)
    with pytest.raises(InvalidRequest):
        printed("--helm-all-namespaces", *HELM)


def test_an_image_with_us_in_it_needs_no_config_map() -> None:
    found = objects("--for", "user", "--agent", "image")
    assert "configmaps" not in rights(found["Role default/kubectl-snapshot-user-default"])


def test_the_namespace_is_that_of_the_context_where_there_is_one(tmp_path: Path) -> None:
    config = {
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "here"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    assert "ServiceAccount here/kubectl-snapshot" in objects("--kubeconfig", str(path))


@pytest.mark.parametrize(
    "words",
    [
        ("--local",),
        ("--cluster-scope", "client"),
        ("--cluster-scope", "skip"),
        ("-n", "a\nb"),
        ("--helm-namespace", "a b"),
    ],
    ids=str,
)
def test_what_needs_no_rights_or_can_have_none_is_refused(words: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        printed(*words)


def test_rights_shrink_with_the_collectors() -> None:
    words = ("-n", "ops", "--collect", "OS,NodeTopology")
    role = objects(*words)["ClusterRole /kubectl-snapshot-agent-ops"]
    assert rights(role) == {"nodes": ["list"]}
    user = objects("-n", "ops", "--for", "user", "--skip", "K8s,NodeTopology")
    assert list(user) == ["Role ops/kubectl-snapshot-user-ops"]


def test_an_agent_that_reads_nothing_of_the_cluster_needs_no_rights() -> None:
    with pytest.raises(InvalidRequest, match="the agent needs no rights for these collectors"):
        printed("--collect", "OS")


def test_a_fleet_needs_the_list_of_nodes_and_optionally_its_pods() -> None:
    text = printed("--for", "user", "--all-nodes", "-n", "ops")
    assert "# Optional: create and delete for a fleet's pods." in text
    role = objects("--for", "user", "--node", "a", "--node", "b", "-n", "ops")
    assert rights(role["Role ops/kubectl-snapshot-user-ops"])["pods"] == [
        "create",
        "delete",
        "list",
        "watch",
    ]
    with pytest.raises(InvalidRequest, match="agents of a fleet need no rights"):
        printed("--all-nodes")
