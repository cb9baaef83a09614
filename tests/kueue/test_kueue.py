"""What a capture and its preflight say under Kueue, and that nothing is left."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import FIGURES
from tests.cluster.faults.images import load_fault_images, name_image
from tests.cluster.support import Cluster, assert_nothing_left, temporary_namespace
from tests.lab import kueue
from tests.lab.machine import wait_for
from tests.validation import parse_valid

Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]
QUEUE = ("--job-label", "kueue.x-k8s.io/queue-name=research")


@pytest.fixture(scope="module")
def managed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    kueue.build_kueue()
    directory = tmp_path_factory.mktemp("kueue")
    with kueue.running(cluster.require_lab(), cluster.client, directory):
        yield cluster


@pytest.fixture
def place(managed: Cluster) -> Iterator[str]:
    """A namespace whose Jobs Kueue manages, with a queue of 2 CPUs."""
    with temporary_namespace(managed, kueue.MANAGED) as name:
        kueue.create_queues(managed.client, name, "2")
        yield name


def tell(record: Callable[[str, object], None], title: str, *done: Finished) -> None:
    for one in done:
        words = " / ".join(line.strip() for line in one.stderr.splitlines()[:3] or [""])
        shown = [line for line in one.stdout.splitlines() if "suspend" in line or "Job" in line]
        record(FIGURES, f"{title:40} {one.returncode:3}  {words or ' / '.join(shown)}"[:300])


def test_a_job_without_a_queue_is_suspended_and_preflight_knows(
    managed: Cluster,
    place: str,
    run_snapshot: Run,
    record_property: Callable[[str, object], None],
) -> None:
    before = run_snapshot("preflight", "-n", place, "--node", "node1")
    done = run_snapshot("-n", place, "--node", "node1")
    tell(record_property, "no queue: preflight, capture", before, done)
    assert (before.returncode, done.returncode) == (6, 6)
    assert "is suspended" in before.stdout
    assert "--job-label kueue.x-k8s.io/queue-name=NAME" in done.stderr
    assert_nothing_left(managed)


def test_a_job_of_a_queue_is_admitted(
    managed: Cluster,
    place: str,
    run_snapshot: Run,
    record_property: Callable[[str, object], None],
) -> None:
    before = run_snapshot("preflight", "-n", place, "--node", "node1", *QUEUE)
    done = run_snapshot("-n", place, "--node", "node1", "-o", "json", *QUEUE)
    tell(record_property, "a queue: preflight, capture", before, done)
    assert (before.returncode, done.returncode) == (0, 0), before.stdout + done.stderr
    assert parse_valid(done.stdout).metadata["source-node"] == "node1"
    assert_nothing_left(managed)


def test_a_queue_that_does_not_exist_holds_the_job(
    managed: Cluster,
    place: str,
    run_snapshot: Run,
    record_property: Callable[[str, object], None],
) -> None:
    label = "kueue.x-k8s.io/queue-name=nobodys"
    done = run_snapshot("-n", place, "--node", "node1", "--job-label", label)
    tell(record_property, "a queue that does not exist", done)
    assert done.returncode == 6
    assert "is suspended" in done.stderr
    assert_nothing_left(managed)


def test_a_full_queue_is_waited_for(
    managed: Cluster,
    run_snapshot: Run,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    record_property: Callable[[str, object], None],
) -> None:
    with temporary_namespace(managed, kueue.MANAGED) as name:
        kueue.create_queues(managed.client, name, "0")
        refused = run_snapshot("-n", name, "--node", "node1", *QUEUE)
        flags = ("-n", name, "--node", "node1", "-o", "json", "--wait-for-schedule", *QUEUE)
        client = start_snapshot(*flags)
        queue = f"{kueue.GROUP}/clusterqueues/{name}"
        wait_for("the Job", lambda: has_workload(managed, name), 120)
        threading.Event().wait(7)
        spec = managed.client.get(queue)["spec"]
        spec["resourceGroups"][0]["flavors"][0]["resources"][0]["nominalQuota"] = "2"
        managed.client.patch(queue, {"spec": spec})
        document, stderr = client.communicate(timeout=300)
        tell(record_property, "a full queue", refused)
        assert refused.returncode == 6
        assert client.returncode == 0, stderr
        assert "is suspended" in stderr
        assert parse_valid(document).metadata["source-node"] == "node1"
        assert_nothing_left(managed)


def test_a_preempted_run_says_that_its_job_was_suspended(
    managed: Cluster,
    place: str,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    record_property: Callable[[str, object], None],
    tmp_path: Path,
) -> None:
    load_fault_images(managed, tmp_path)
    image = ("--agent", "image", "--image", name_image("hang"))
    # The queue may be slow to admit it; preempted, it ends all the same.
    flags = ("-n", place, "--node", "node1", "--wait-for-schedule")
    client = start_snapshot(*flags, "--log-json", *image, *QUEUE)
    pods = f"/api/v1/namespaces/{place}/pods"
    wait_for("the agent", lambda: is_running(managed, pods), 120)
    items = managed.client.get(f"{kueue.GROUP}/namespaces/{place}/workloads")["items"]
    (workload,) = [w for w in items if "keeper" not in w["metadata"]["name"]]
    path = f"{kueue.GROUP}/namespaces/{place}/workloads/{workload['metadata']['name']}"
    managed.client.patch(path, {"spec": {"active": False}})
    document, stderr = client.communicate(timeout=120)
    error = next(e for e in map(json.loads, stderr.splitlines()) if e["event"] == "error")
    record_property(FIGURES, f"preempted in mid-run {client.returncode}  {error['what']}")
    assert (client.returncode, document) == (6, "")
    assert "was suspended during the capture" in error["what"]
    assert_nothing_left(managed)


def has_workload(cluster: Cluster, namespace: str) -> bool:
    return bool(cluster.client.get(f"{kueue.GROUP}/namespaces/{namespace}/workloads")["items"])


def is_running(cluster: Cluster, pods: str) -> bool:
    items = cluster.client.get(pods)["items"]
    return any(item["status"].get("phase") == "Running" for item in items)
