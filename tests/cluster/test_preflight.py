"""`preflight` foretells what the capture ends with, makes nothing, and the gate stays cheap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left

Run = Callable[..., Finished]

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MAKING_JOBS = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


def check_both(run_snapshot: Run, code: int, *words: str, **settings: Any) -> dict[str, Any]:
    """Fail unless preflight and capture end with this code; return what preflight tells."""
    foretold = run_snapshot("preflight", *words, "-o", "json", **settings)
    ended = run_snapshot(*words, **settings)
    assert (foretold.returncode, ended.returncode) == (code, code), foretold.stdout + ended.stderr
    reported: dict[str, Any] = json.loads(foretold.stdout)
    assert reported["exitCode"] == code
    return reported


def failing(reported: dict[str, Any]) -> list[str]:
    return [fact["check"] for fact in reported["facts"] if fact["status"] == "fail"]


def reason(reported: dict[str, Any], check: str) -> str:
    return next(str(fact["reason"]) for fact in reported["facts"] if fact["check"] == check)


def grant(cluster: Cluster, namespace: str, rules: list[dict[str, Any]]) -> None:
    """Let the user nobody do this in the namespace."""
    role = {"metadata": {"name": "granted"}, "rules": rules}
    cluster.client.call("POST", f"{RBAC}/namespaces/{namespace}/roles", role)
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "granted"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "granted"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "nobody"}],
    }
    cluster.client.call("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", binding)


@contextmanager
def denying_policy(cluster: Cluster, namespace: str) -> Iterator[None]:
    """Pods of this namespace are refused by a policy, as by an admission webhook."""
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
    }
    name = f"no-pods-{namespace}"
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "false", "message": "no pods on a Monday"}],
        },
    }
    chosen = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": chosen},
        },
    }
    paths = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    for path, body in zip(paths, (policy, binding)):
        cluster.client.call("POST", f"{ADMISSION}/{path}", body)
    try:
        yield
    finally:
        for path in reversed(paths):
            cluster.client.call("DELETE", f"{ADMISSION}/{path}/{name}")


def test_where_a_capture_works_every_fact_is_ok_and_nothing_is_made(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    ended = run_snapshot("preflight", "-n", namespace)
    assert ended.returncode == 0, ended.stdout
    *facts, verdict = ended.stdout.splitlines()
    assert [line for line in facts if not line.startswith("ok ")] == []
    assert verdict == "a capture with these flags would work"
    writes = [
        event["requestURI"]
        for event in cluster.audit(before)
        if event["userAgent"].startswith("kubectl-snapshot/")
        and event["verb"] not in ("get", "list", "watch")
        and "selfsubject" not in event["requestURI"]
        and "dryRun=All" not in event["requestURI"]
    ]
    assert writes == []
    assert run_snapshot("-n", namespace, "-o", "name").returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "check"),
    [
        (["--service-account-name", "missing"], 3, "pod"),
        (["--runtime-class", "missing"], 3, "pod"),
        (["--node", "node99"], 3, "nodes"),
        (["--node-selector", "never=there"], 3, "nodes"),
        (["--image", "Not An Image"], 2, "image"),
        (["--server", "https://127.0.0.1:1"], 6, "API server"),
        (["--token", "wrong"], 4, "API server"),
    ],
)
def test_what_the_flags_ask_for_and_is_not_there_is_foretold(
    run_snapshot: Run, namespace: str, words: list[str], code: int, check: str
) -> None:
    assert failing(check_both(run_snapshot, code, "-n", namespace, *words)) == [check]


def test_a_node_that_is_waited_for_is_no_failure(run_snapshot: Run, namespace: str) -> None:
    words = ["-n", namespace, "--node", "node99", "--wait-for-schedule", "-o", "json"]
    ended = run_snapshot("preflight", *words)
    assert ended.returncode == 0
    assert reason(json.loads(ended.stdout), "nodes").startswith("a capture would wait")


def test_a_missing_namespace_is_foretold(run_snapshot: Run) -> None:
    reported = check_both(run_snapshot, 3, "-n", "no-such-namespace")
    assert failing(reported) == ["namespace"]


def test_pod_security_is_foretold(run_snapshot: Run, restricted_namespace: str) -> None:
    reported = check_both(run_snapshot, 4, "-n", restricted_namespace)
    assert failing(reported) == ["pod"]
    assert "violates PodSecurity" in reason(reported, "pod")


def test_a_restricted_pod_is_foretold_to_leave_gaps(
    run_snapshot: Run, restricted_namespace: str
) -> None:
    words = ["-n", restricted_namespace, "--privileged=false"]
    check_both(run_snapshot, 0, *words)
    check_both(run_snapshot, 10, *words, "--strict")


@pytest.mark.parametrize(
    ("resource", "spec", "words"),
    [
        ("resourcequotas", {"hard": {"pods": "0"}}, "exceeds the quota of namespace"),
        ("resourcequotas", {"hard": {"limits.cpu": "500m"}}, "exceeds the quota of namespace"),
        (
            "limitranges",
            {"limits": [{"type": "Container", "max": {"memory": "128Mi"}}]},
            "violates a LimitRange of namespace",
        ),
    ],
)
def test_what_limits_the_namespace_is_foretold(
    cluster: Cluster,
    run_snapshot: Run,
    namespace: str,
    resource: str,
    spec: dict[str, Any],
    words: str,
) -> None:
    limit = {"metadata": {"name": "tight"}, "spec": spec}
    cluster.client.call("POST", f"/api/v1/namespaces/{namespace}/{resource}", limit)
    assert words in reason(check_both(run_snapshot, 4, "-n", namespace), "pod")


def test_a_policys_refusal_is_foretold_with_its_words(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["-n", namespace, "-o", "json"]
    with denying_policy(cluster, namespace):
        # The policy takes effect a moment after it was made.
        for _ in range(20):
            reported = json.loads(run_snapshot("preflight", *words).stdout)
            if failing(reported):
                break
        assert "no pods on a Monday" in reason(reported, "pod")
        check_both(run_snapshot, 4, "-n", namespace)
    assert_nothing_left(cluster)


def test_a_namespace_that_is_going_is_foretold(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    held = {"metadata": {"name": "held", "finalizers": ["example.org/held"]}}
    cluster.client.call("POST", path, held)
    cluster.client.call("DELETE", f"/api/v1/namespaces/{namespace}")
    try:
        reported = check_both(run_snapshot, 4, "-n", namespace)
        assert failing(reported)[0] == "namespace"
        assert "is terminating" in reason(reported, "namespace")
    finally:
        cluster.client.patch(f"{path}/held", {"metadata": {"finalizers": None}})


def test_a_taken_job_name_is_foretold(cluster: Cluster, run_snapshot: Run, namespace: str) -> None:
    container = {"name": "c", "image": "registry.k8s.io/pause:3.10"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    job = {"metadata": {"name": "taken"}, "spec": {"parallelism": 0, "template": template}}
    cluster.client.call("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", job)
    reported = check_both(run_snapshot, 2, "-n", namespace, "--job-name", "taken")
    assert failing(reported) == ["Job"]


def test_every_missing_right_has_a_line_of_its_own(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    reported = check_both(run_snapshot, 4, "-n", namespace, kubeconfig=cluster.nobody_kubeconfig)
    resources = ("jobs.batch", "configmaps", "pods", "pods/log")
    assert failing(reported) == [f"permissions on {resource}" for resource in resources]
    assert (
        reason(reported, "permissions on pods") == f"missing in namespace {namespace}: list, watch"
    )


def test_who_may_make_jobs_but_no_pods_is_reported_what_can_be_read(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    accounts = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]}
    grant(cluster, namespace, [*MAKING_JOBS, accounts])
    user = {"kubeconfig": cluster.nobody_kubeconfig}
    words = ["-n", namespace, "--service-account-name", "missing", "--timeout", "10s"]
    reported = json.loads(run_snapshot("preflight", *words, "-o", "json", **user).stdout)
    assert (reported["exitCode"], failing(reported)) == (3, ["service account missing"])
    assert "missing permissions list, watch" in reason(reported, f"events in {namespace}")
    assert "cannot be verified" in reason(reported, "nodes")


def test_gaps_for_want_of_rights_are_foretold_with_strict(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    grant(cluster, namespace, MAKING_JOBS)
    user = {"kubeconfig": cluster.nobody_kubeconfig}
    reported = check_both(run_snapshot, 10, "-n", namespace, "--strict", **user)
    assert "get, list nodes" in reason(reported, "cluster facts")
    assert failing(reported) == []


def test_a_pull_secret_is_looked_for_without_reading_it(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    secret = {"metadata": {"name": "there"}, "stringData": {"password": "planted"}}
    cluster.client.call("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
    names = ["--image-pull-secret", "there", "--image-pull-secret", "missing"]
    ended = run_snapshot("preflight", "-n", namespace, *names, "-o", "json")
    reported = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert reason(reported, "pull secret there") == "exists"
    assert 'secrets "missing" not found' in reason(reported, "pull secret missing")


def test_the_gate_tries_each_object_once(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    assert run_snapshot("-n", namespace, "-o", "name").returncode == 0
    made = [
        event
        for event in cluster.audit(before)
        if event["userAgent"].startswith("kubectl-snapshot/") and event["verb"] == "create"
    ]
    is_trial = ["dryRun=All" in e["requestURI"] or "self" in e["requestURI"] for e in made]
    gate = made[: is_trial.index(False)]
    assert sorted(event["objectRef"]["resource"] for event in gate) == [
        "configmaps",
        "jobs",
        "pods",
        "secrets",
        "selfsubjectrulesreviews",
    ]
