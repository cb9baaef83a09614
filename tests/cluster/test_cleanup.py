"""`cleanup` removes what runs have left, and nothing that is alive or somebody else's."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.constants import EXPIRES_ANNOTATION, MANAGED_BY_LABEL, NAME_LABEL, RUN_LABEL
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left, exists, ours
from tests.cluster.test_capture_interrupted import REACHED_S, Authority, gated
from tests.cluster.test_preflight import MAKING_JOBS, grant
from tests.lab.machine import PATIENCE_S, wait_for
from tests.servers.certificates import make_authority, sign
from tests.servers.step_gate import Gate

Run = Callable[..., Finished]
Start = Callable[..., subprocess.Popen[str]]

PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(autouse=True)
def nothing_else_of_ours(cluster: Cluster) -> Iterator[None]:
    """What the tests plant goes with their namespaces; what is cluster-wide is looked at here."""
    yield
    for run_id in ("bbbbbbbbbb", "cccccccccc"):
        for path in ("clusterroles", "clusterrolebindings"):
            name = f"kubectl-snapshot-{run_id}"
            if exists(cluster, f"{RBAC}/{path}/{name}"):
                cluster.client.call("DELETE", f"{RBAC}/{path}/{name}")


def plant(
    cluster: Cluster, path: str, run_id: str, expires: str = "", **body: Any
) -> dict[str, Any]:
    """Make an object as a run does that nobody cleans up after."""
    metadata = {
        "name": f"kubectl-snapshot-{run_id}",
        "labels": {
            MANAGED_BY_LABEL: "kubectl-snapshot",
            NAME_LABEL: "kubectl-snapshot",
            RUN_LABEL: run_id,
        },
        "annotations": {EXPIRES_ANNOTATION: expires} if expires else {},
    }
    made: dict[str, Any] = cluster.client.call("POST", path, {"metadata": metadata, **body})
    return made


def plant_job(cluster: Cluster, namespace: str, run_id: str, expires: str) -> None:
    container = {"name": "c", "image": "registry.k8s.io/pause:3.10"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"parallelism": 0, "template": template}
    plant(cluster, f"/apis/batch/v1/namespaces/{namespace}/jobs", run_id, expires, spec=spec)


def rows(ended: Finished) -> list[tuple[str, str]]:
    """What happened to which object."""
    return [(line.split()[0], line.split()[1]) for line in ended.stdout.splitlines()]


def test_a_kept_run_goes_once_it_has_ended(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    kept = run_snapshot("-n", namespace, "--no-cleanup", "-o", "name")
    assert "kubectl snapshot cleanup --run" in kept.stderr
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    wait_for(
        "the Job to end", lambda: cluster.client.get(jobs)["items"][0]["status"].get("succeeded")
    )
    dry = run_snapshot("cleanup", "-n", namespace, "--dry-run")
    assert [verb for verb, _ in rows(dry)] == ["would"]
    assert [line.split()[0] for line in ours(cluster)].count("Job") == 1
    ended = run_snapshot("cleanup", "-n", namespace)
    assert ended.returncode == 0, ended.stderr
    assert [verb for verb, _ in rows(ended)] == ["removed"]
    assert_nothing_left(cluster)


def test_what_is_alive_stays_and_what_has_expired_goes(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    plant_job(cluster, namespace, "aaaaaaaaaa", FUTURE)
    plant_job(cluster, namespace, "bbbbbbbbbb", PAST)
    ended = run_snapshot("cleanup", "-n", namespace)
    assert sorted(rows(ended)) == [
        ("kept", "job/kubectl-snapshot-aaaaaaaaaa"),
        ("removed", "job/kubectl-snapshot-bbbbbbbbbb"),
    ]
    assert f"active, expires at {FUTURE}" in ended.stdout
    by_age = run_snapshot("cleanup", "-n", namespace, "--older-than", "1h")
    assert rows(by_age) == [("kept", "job/kubectl-snapshot-aaaaaaaaaa")]
    assert rows(run_snapshot("cleanup", "-n", namespace, "--older-than", "0s"))[0][0] == "removed"
    assert_nothing_left(cluster)


def test_roles_of_a_dead_run_go_with_a_look_into_all_namespaces(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    plant(cluster, f"{RBAC}/clusterroles", "bbbbbbbbbb", FUTURE, rules=[])
    plant(cluster, f"{RBAC}/clusterroles", "cccccccccc", PAST, rules=[])
    plant(cluster, f"{RBAC}/namespaces/{namespace}/roles", "bbbbbbbbbb", FUTURE, rules=[])
    here = run_snapshot("cleanup", "-n", namespace)
    assert rows(here) == [
        ("kept", "role/kubectl-snapshot-bbbbbbbbbb"),
        ("kept", "clusterrole/kubectl-snapshot-bbbbbbbbbb"),
        # Its Job may be alive in another namespace.
        ("kept", "clusterrole/kubectl-snapshot-cccccccccc"),
    ]
    everywhere = run_snapshot("cleanup", "-A")
    assert [verb for verb, _ in rows(everywhere)] == ["removed"] * 3
    assert_nothing_left(cluster)


def test_what_was_orphaned_by_a_plain_delete_goes(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    assert run_snapshot("-n", namespace, "--no-cleanup", "-o", "name").returncode == 0
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    name = cluster.client.get(jobs)["items"][0]["metadata"]["name"]
    # Without a propagationPolicy a Job's dependents are orphaned.
    cluster.client.call("DELETE", f"{jobs}/{name}")
    wait_for("the Job to go", lambda: not cluster.client.get(jobs)["items"])
    ended = run_snapshot("cleanup", "-n", namespace)
    assert {verb for verb, _ in rows(ended)} == {"removed"}, ended.stderr
    assert {title.split("/")[0] for _, title in rows(ended)} >= {"pod", "configmap"}
    assert_nothing_left(cluster)


def test_a_users_own_objects_are_never_touched(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    core = f"/api/v1/namespaces/{namespace}"
    for path in (f"{core}/configmaps", f"{core}/serviceaccounts", f"{core}/secrets"):
        cluster.client.call("POST", path, {"metadata": {"name": "kubectl-snapshot-bbbbbbbbbb"}})
    labelled = {"name": "mine", "labels": {MANAGED_BY_LABEL: "kubectl-snapshot"}}
    cluster.client.call("POST", f"{core}/configmaps", {"metadata": labelled})
    for words in (["-A", "--older-than", "0s"], ["-n", namespace, "--run", "bbbbbbbbbb"]):
        ended = run_snapshot("cleanup", *words)
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    names = (
        "configmaps/mine",
        *(
            f"{kind}/kubectl-snapshot-bbbbbbbbbb"
            for kind in ("configmaps", "serviceaccounts", "secrets")
        ),
    )
    assert [name for name in names if not exists(cluster, f"{core}/{name}")] == []
    cluster.client.call("DELETE", f"{core}/configmaps/mine")


def test_a_user_who_may_not_list_jobs_is_reported_so(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    ended = run_snapshot("cleanup", "-n", namespace, kubeconfig=cluster.nobody_kubeconfig)
    assert ended.returncode == 4
    assert "cannot list our jobs" in ended.stderr


def test_a_user_with_a_captures_rights_can_remove_a_run_by_its_id(
    cluster: Cluster, run_snapshot: Run, start_snapshot: Start, namespace: str
) -> None:
    grant(cluster, namespace, MAKING_JOBS)
    user = {"kubeconfig": cluster.nobody_kubeconfig}
    client = start_snapshot("-n", namespace, "--node-selector", "never=there", **user)
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    found = wait_for("the Job", lambda: cluster.client.get(jobs)["items"])
    client.kill()
    client.communicate()
    run_id = found[0]["metadata"]["labels"][RUN_LABEL]
    ended = run_snapshot("cleanup", "-n", namespace, "--run", run_id, **user)
    assert (ended.returncode, rows(ended)[0][0]) == (0, "removed"), ended.stderr
    assert_nothing_left(cluster)
    again = run_snapshot("cleanup", "-n", namespace, "--run", run_id, **user)
    # By then it is only a guess that the Job was ever called so.
    assert (again.returncode, rows(again)[0][0]) == (3, "failed")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    directory = tmp_path_factory.mktemp("pki")
    authority = make_authority(directory)
    return Authority(authority.certificate, sign(authority, directory, "server", "/CN=gate"))


def test_an_object_whose_making_was_not_heard_of_goes_without_a_right_to_read_it(
    cluster: Cluster, start_snapshot: Start, namespace: str, own: Authority, tmp_path: Path
) -> None:
    grant(cluster, namespace, MAKING_JOBS)
    gate = Gate("POST", "jobs", True)
    with gated(cluster, own, gate, tmp_path, cluster.nobody_kubeconfig) as kubeconfig:
        client = start_snapshot("-n", namespace, kubeconfig=kubeconfig)
        assert gate.reached.wait(REACHED_S), client.communicate(timeout=5)
        client.send_signal(signal.SIGINT)
        _, reported = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 130
    assert "not deleted" not in reported
    assert_nothing_left(cluster)


def test_an_api_server_that_is_gone_during_the_clean_up_is_reported_with_the_command(
    cluster: Cluster, start_snapshot: Start, namespace: str, own: Authority, tmp_path: Path
) -> None:
    gate = Gate("DELETE", "jobs", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_snapshot("-n", namespace, "-o", "name", kubeconfig=kubeconfig)
        assert gate.reached.wait(REACHED_S)
    # What leads to the API server is gone now, and stays so.
    printed, reported = client.communicate(timeout=PATIENCE_S)
    assert printed.startswith("node/")
    assert client.returncode == 0
    assert "not deleted: Job kubectl-snapshot-" in reported
    command = reported.rpartition("Delete it with: `")[2].split("`")[0].split()
    assert command[:4] == ["kubectl", "snapshot", "cleanup", "--run"]
    assert cluster.kubectl(*command[1:7]).returncode == 0
    assert_nothing_left(cluster)
