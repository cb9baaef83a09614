"""A CronJob as `schedule --print` prints it: it captures, keeps a few captures, writes metrics."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from kubectl_snapshot import __version__
from tests.cluster import support
from tests.cluster.conftest import Finished
from tests.lab.machine import wait_for
from tests.prometheus import check_with_promtool

NODE, CLAIM, NAME = "node1", "snapshots", "kubectl-snapshot-schedule"
BUILD_CHART = """
import chart, pathlib, sys
chart.build_chart(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
"""
JOB = "/apis/batch/v1/namespaces/{}/jobs/{}"


@pytest.fixture
def volume(cluster: support.Cluster, namespace: str) -> Iterator[str]:
    """A directory of node1 that a claim of the namespace is bound to."""
    cluster.require_lab()
    path = f"/var/lib/{namespace}"
    cluster.node_exec(NODE, "mkdir", "-p", "-m", "777", path)
    cluster.node_exec(NODE, "chmod", "777", path)
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
    common = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "volumeMode": "Filesystem",
    }
    spec = {
        **common,
        "capacity": {"storage": "1Gi"},
        "hostPath": {"path": path},
        "claimRef": {"namespace": namespace, "name": CLAIM},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
    }
    client = cluster.client
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}}
    client.call("POST", "/api/v1/persistentvolumes", {**volume, "spec": spec})
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {
            **common,
            "volumeName": namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    client.call("POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", claim)
    yield path
    client.call("DELETE", f"/api/v1/persistentvolumes/{namespace}")
    cluster.node_exec(NODE, "rm", "-rf", path)


def test_a_printed_cron_job_captures_the_fleet_and_leaves_nothing_when_it_is_deleted(
    cluster: support.Cluster,
    run_snapshot: Callable[..., Finished],
    namespace: str,
    volume: str,
    tmp_path: Path,
) -> None:
    flags = ("--all-nodes", "--claim", CLAIM, "--keep", "1", "--cron", "0 0 1 1 *")
    printed = run_snapshot("schedule", "--print", "-n", namespace, *flags)
    assert printed.returncode == 0, printed.stderr
    objects = tmp_path / "schedule.yaml"
    objects.write_text(printed.stdout)
    kinds = [item["kind"] for item in yaml.safe_load_all(printed.stdout)]
    assert kinds[0] == "ServiceAccount" and kinds[-2:] == ["ConfigMap", "CronJob"]
    # `apply` would keep the program a second time, in an annotation, which is limited to 256 KiB.
    applied = cluster.kubectl("apply", "--server-side", "-f", str(objects))
    assert applied.returncode == 0, applied.stderr
    try:
        logs = [capture(cluster, namespace, run) for run in ("first", "second")]
        captures = cluster.node_exec(NODE, "ls", volume).split()
        assert captures[1:] == ["fleet.prom"] and len(captures) == 2, logs
        manifest = yaml.safe_load(
            cluster.node_exec(NODE, "cat", f"{volume}/{captures[0]}/fleet.yaml")
        )
        assert [node["name"] for node in manifest["nodes"]] == cluster.nodes
        assert {node["status"] for node in manifest["nodes"]} <= {"captured", "partial"}
        metrics = cluster.node_exec(NODE, "cat", f"{volume}/fleet.prom")
        assert check_with_promtool(metrics) == ""
        assert "\nsnapshot_fleet_success 1.0\n" in metrics
        counted = {
            line.split()[0]: float(line.split()[1])
            for line in metrics.splitlines()
            if line[0] != "#"
        }
        by_status = [n for name, n in counted.items() if name.startswith("snapshot_fleet_nodes{")]
        assert sum(by_status) == len(cluster.nodes) and len(by_status) == 4
        assert "snapshot_fleet_outliers" in counted
    finally:
        deleted = cluster.kubectl("delete", "--wait", "-f", str(objects))
    assert deleted.returncode == 0, deleted.stderr
    assert_nothing_is_left(cluster, namespace)


def assert_nothing_is_left(cluster: support.Cluster, namespace: str) -> None:
    support.assert_nothing_left(cluster)
    roles = cluster.kubectl("get", "clusterrole,clusterrolebinding", "-o", "name").stdout
    assert namespace not in roles
    kinds = "cronjob,job,pod,configmap,role,rolebinding,serviceaccount,secret"

    def is_empty() -> bool:
        names = cluster.kubectl("get", kinds, "-n", namespace, "-o", "name").stdout.split()
        return set(names) <= {"configmap/kube-root-ca.crt", "serviceaccount/default"}

    wait_for("the CronJob's pods to be deleted", is_empty)


def capture(cluster: support.Cluster, namespace: str, name: str) -> str:
    """Run the CronJob's Job now, and return its log; a finding ends it with 1."""
    created = cluster.kubectl("create", "job", name, f"--from=cronjob/{NAME}", "-n", namespace)
    assert created.returncode == 0, created.stderr

    def has_ended() -> bool:
        status = cluster.client.get(JOB.format(namespace, name))["status"]
        return any(c["type"] in ("Complete", "Failed") for c in status.get("conditions", ()))

    wait_for(f"Job {name}", has_ended, seconds=180)
    log = cluster.kubectl("logs", f"job/{name}", "-n", namespace).stdout
    pod = cluster.kubectl(
        "get",
        "pod",
        "-n",
        namespace,
        "-l",
        f"job-name={name}",
        "-o",
        "jsonpath={.items[0].status.containerStatuses[0].state.terminated.exitCode}",
    ).stdout
    assert pod in ("0", "1"), log
    return log


def test_helm_installs_a_schedule_changes_it_and_removes_it(
    cluster: support.Cluster, zipapp: Path, namespace: str, volume: str, tmp_path: Path
) -> None:
    def helm(*words: str) -> str:
        done = cluster.helm(*words, "-n", namespace, env={"HELM_CACHE_HOME": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    command = [sys.executable, "-Bc", BUILD_CHART, str(tmp_path), str(zipapp), __version__]
    subprocess.run(command, check=True, cwd=support.ROOT / "scripts")
    chart = str(tmp_path / f"kubectl-snapshot-schedule-{__version__}.tgz")
    configmap = ("configmap", NAME, "-n", namespace)
    created = cluster.kubectl("create", *configmap, f"--from-file=kubectl-snapshot={zipapp}")
    assert created.returncode == 0, created.stderr

    values = (f"--set=claim={CLAIM}", "--set=cron=0 0 1 1 *", "--set=keep=1")
    assert "-f job/now" in helm("install", "nightly", chart, *values, "--set=selector=a=b")
    changed = (f"--set=selector=kubernetes.io/hostname={NODE}", "--set=arguments={--collect=OS}")
    helm("upgrade", "nightly", chart, "--reuse-values", *changed)
    log = capture(cluster, namespace, "upgraded")
    [found, _] = cluster.node_exec(NODE, "ls", volume).split()
    assert cluster.node_exec(NODE, "ls", f"{volume}/{found}/nodes").split() == [f"{NODE}.yaml"], log
    document = cluster.node_exec(NODE, "cat", f"{volume}/{found}/nodes/{NODE}.yaml")
    assert [m["type"] for m in yaml.safe_load(document)["measurements"]] == ["OS"]
    helm("uninstall", "nightly", "--wait")
    assert cluster.kubectl("delete", *configmap).returncode == 0
    assert_nothing_is_left(cluster, namespace)


def test_captures_in_config_maps_are_kept_and_expire(
    cluster: support.Cluster, run_snapshot: Callable[..., Finished], namespace: str
) -> None:
    series, label = f"cm://{namespace}/nightly", f"kubernetes.io/hostname={cluster.nodes[-1]}"
    flags = ("--run-into", series, "--keep", "1", "-l", label, "-n", namespace, "--quiet")
    names: list[str] = []
    for _ in range(2):
        ended = run_snapshot("schedule", *flags, "--fail-on", "critical")
        assert ended.returncode == 0, ended.stderr
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        found = {item["metadata"]["name"]: item for item in cluster.client.get(path)["items"]}
        assert (
            'snapshot_fleet_nodes{status="captured"} 1.0' in found["nightly"]["data"]["fleet.prom"]
        )
        names.append(*(name for name in found if name.startswith("nightly-")))
    assert names[0] < names[1]
    compared = run_snapshot("diff", f"cm://{namespace}/{names[1]}")
    assert "1 node compared" in compared.stdout, compared.stderr
