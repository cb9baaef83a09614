from __future__ import annotations

from dataclasses import replace

from kubectl_snapshot.fleet.run.pods import build_pod, build_template, choose_builder, name_pod
from kubectl_snapshot.job.manifest import build_job
from kubectl_snapshot.job.options import JobOptions, Zipapp
from kubectl_snapshot.job.rbac.user_permissions import build_user_permissions

OPTIONS = JobOptions("abcdefghij", "ops", zipapp=Zipapp(b"PK", "00"))
TEMPLATE = build_template(OPTIONS, "uid-of-job")


def test_each_pod_is_the_jobs_pinned_to_its_node_and_owned_by_the_job() -> None:
    pod = build_pod(TEMPLATE, OPTIONS, 7, "gpu-17")
    job = build_job(replace(OPTIONS, node_name="gpu-17"), "")["spec"]["template"]
    assert pod["spec"] == job["spec"]
    assert pod["metadata"]["labels"] == job["metadata"]["labels"]
    assert pod["metadata"]["annotations"] == job["metadata"]["annotations"]
    assert pod["metadata"]["name"] == "kubectl-snapshot-abcdefghij-00007" == name_pod(OPTIONS, 7)
    assert pod["metadata"]["namespace"] == "ops"
    # A controller's reference would let the Job controller, which wants no pod, delete it.
    assert pod["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": OPTIONS.name,
            "uid": "uid-of-job",
            "blockOwnerDeletion": False,
        }
    ]


def test_one_pod_does_not_change_the_next() -> None:
    first = build_pod(TEMPLATE, OPTIONS, 0, "a")
    second = build_pod(TEMPLATE, OPTIONS, 1, "b")
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert "affinity" not in str(TEMPLATE["metadata"])
    assert "'b'" not in str(first)


def test_the_permissions_of_a_fleet_are_to_create_pods_and_list_nodes() -> None:
    one = set(map(str, build_user_permissions(OPTIONS)))
    fleet = set(map(str, build_user_permissions(replace(OPTIONS, creates_pods=True))))
    assert fleet - one == {
        "create pods -n ops",
        "delete pods -n ops",
        "list nodes --all-namespaces",
    }
    assert one - fleet == {"patch jobs.batch -n ops"}


def test_a_job_a_node_makes_the_same_pod_and_is_owned_by_the_runs_job() -> None:
    job = choose_builder(replace(OPTIONS, creates_jobs=True), "uid-of-job", "2026-01-01T00:00:00Z")(
        7, "gpu-17"
    )
    pod = choose_builder(replace(OPTIONS, creates_pods=True), "uid-of-job", "")(7, "gpu-17")
    assert (job["kind"], pod["kind"]) == ("Job", "Pod")
    assert job["spec"]["template"]["spec"] == pod["spec"]
    assert job["metadata"]["name"] == pod["metadata"]["name"]
    assert job["metadata"]["ownerReferences"] == pod["metadata"]["ownerReferences"]
    assert (job["spec"]["parallelism"], job["spec"]["backoffLimit"]) == (1, 0)
    assert job["metadata"]["labels"] == build_job(OPTIONS, "")["metadata"]["labels"]


def test_a_fleet_of_jobs_needs_no_permission_to_create_pods() -> None:
    jobs = set(map(str, build_user_permissions(replace(OPTIONS, creates_jobs=True))))
    pods = set(map(str, build_user_permissions(replace(OPTIONS, creates_pods=True))))
    assert pods - jobs == {"create pods -n ops", "delete pods -n ops"}
    assert not jobs - pods
