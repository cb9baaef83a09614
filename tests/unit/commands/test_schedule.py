from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.clients.metrics import FleetCollection, render_fleet_metrics
from kubectl_snapshot.commands.fleet.scheduled import judge
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.main import main
from tests.prometheus import check_with_promtool
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

Capsys = pytest.CaptureFixture[str]
Objects = dict[str, dict[str, Any]]
PROGRAM = b"#!/usr/bin/env python3\nPK\x03\x04"
NAME = "kubectl-snapshot-schedule"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (tmp_path / "program").write_bytes(PROGRAM)
    monkeypatch.setenv("KUBECTL_SNAPSHOT_ZIPAPP", str(tmp_path / "program"))
    return tmp_path


def print_objects(capsys: Capsys, *words: str) -> Objects:
    argv = ["schedule", "--print", "-n", "ops", "--claim", "data", *words]
    assert main(argv) == 0
    return {item["kind"]: item for item in yaml.safe_load_all(capsys.readouterr().out)}


def pod_of(objects: Objects) -> dict[str, Any]:
    spec: dict[str, Any] = objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_the_objects_carry_the_program_and_bind_the_roles(capsys: Capsys) -> None:
    objects = print_objects(capsys, "--all-nodes")
    assert list(objects) == [
        *("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
        *("ConfigMap", "CronJob"),
    ]
    program = objects["ConfigMap"]["binaryData"]["kubectl-snapshot"]
    assert base64.b64decode(program) == PROGRAM
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is True
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": "ops"}
    for kind in ("ClusterRole", "Role"):
        binding = objects[f"{kind}Binding"]
        assert binding["subjects"] == [subject]
        assert binding["roleRef"]["name"] == objects[kind]["metadata"]["name"] == f"{NAME}-ops"
    rules = [*objects["Role"]["rules"], *objects["ClusterRole"]["rules"]]
    allowed = {
        (verb, resource) for r in rules for verb in r["verbs"] for resource in r["resources"]
    }
    needed = {("create", "pods"), ("delete", "pods"), ("get", "pods/log"), ("create", "jobs")}
    assert needed | {("create", "configmaps"), ("list", "nodes")} <= allowed
    assert not [verb for verb, _ in allowed if verb in ("*", "update", "escalate")]
    for item in objects.values():
        labels = item["metadata"].get("labels", {})
        # `cleanup` deletes what has a run's labels.
        assert set(labels.values()) <= {NAME}


def test_the_pod_runs_the_capture_with_the_flags_that_were_given(capsys: Capsys) -> None:
    flags = ("-l", "pool in (a,b)", "--keep", "3", "--fail-on", "critical", "--parallel", "8")
    more = ("--collect", "OS", "--collect", "GPU", "--self-contained", "--cron", "*/5 * * * *")
    objects = print_objects(capsys, *flags, *more, "--image-pull-secret", "regcred")
    spec = objects["CronJob"]["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("*/5 * * * *", "Forbid")
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    pod = pod_of(objects)
    (container,) = pod["containers"]
    program = ["python3", "-IB", "/kubectl-snapshot/kubectl-snapshot", "schedule"]
    assert container["command"][:5] == [*program, "--run-into=/data"]
    assert sorted(container["command"][5:]) == [
        "--collect=GPU",
        "--collect=OS",
        "--fail-on=critical",
        "--image-pull-secret=regcred",
        "--keep=3",
        "--namespace=ops",
        "--parallel=8",
        "--selector=pool in (a,b)",
        "--self-contained=true",
    ]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "data"}
    assert container["volumeMounts"][0] == {"name": "data", "mountPath": "/data"}
    assert pod["imagePullSecrets"] == [{"name": "regcred"}]
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == (NAME, "Never")
    assert container["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"] == {"fsGroup": container["securityContext"]["runAsGroup"]}


def test_config_maps_need_no_claim_but_rights_to_them(capsys: Capsys) -> None:
    argv = ["schedule", "--print", "-n", "ops", "--all-nodes", "--agent", "image", "--image", "o:1"]
    assert main([*argv, "--run-into", "cm://kept/nightly"]) == 0
    items = list(yaml.safe_load_all(capsys.readouterr().out))
    (role,) = (i for i in items if i["kind"] == "Role" and i["metadata"]["namespace"] == "kept")
    (rule,) = role["rules"]
    assert (rule["resources"], rule["apiGroups"]) == (["configmaps"], [""])
    assert sorted(rule["verbs"]) == ["create", "delete", "list", "patch"]
    pod = items[-1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "data", "emptyDir": {}}]
    (container,) = pod["containers"]
    assert container["volumeMounts"] == [{"name": "data", "mountPath": "/tmp"}]
    assert container["command"][:3] == [
        *("kubectl-snapshot", "schedule", "--run-into=cm://kept/nightly")
    ]


def test_an_image_with_the_program_needs_no_config_map(capsys: Capsys) -> None:
    objects = print_objects(capsys, "--all-nodes", "--agent", "image", "--image", "ours:1")
    assert "ConfigMap" not in objects
    pod = pod_of(objects)
    assert pod["containers"][0]["command"][0] == "kubectl-snapshot"
    assert [volume["name"] for volume in pod["volumes"]] == ["data"]
    resources = [name for rule in objects["Role"]["rules"] for name in rule["resources"]]
    assert "configmaps" not in resources


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--all-nodes"], "pass either --print or --run-into DIR"),
        (["--print", "--run-into", "x", "--all-nodes"], "pass either --print or --run-into DIR"),
        (["--print", "--claim", "c"], "no nodes were selected"),
        (["--print", "--all-nodes"], "no place for the captures"),
        (["--print", "--all-nodes", "--run-into", "cm://A/b"], 'invalid namespace "A"'),
        (
            ["--print", "--all-nodes", "--claim", "c", "--run-into", "cm://a/b"],
            "--claim and --run-into are two places",
        ),
        (["--print", "--all-nodes", "--claim", "c", "--keep", "0"], "--keep 0 would remove"),
        (["--print", "--all-nodes", "--claim", "c", "--cron", "daily"], 'invalid time "daily"'),
        (["--print", "--all-nodes", "--claim", "c", "--cron", "* * * *"], "invalid time"),
        (["--print", "--nodes-from", "f", "--claim", "c"], "--nodes-from does not apply"),
        (["--print", "--all-nodes", "--claim", "c", "--context", "x"], "--context does not apply"),
        (
            ["--print", "--all-nodes", "--claim", "c", "--metrics-file", "a.prom"],
            "--metrics-file is",
        ),
        (["--print", "--all-nodes", "--claim", "c", "-n", "A B"], 'invalid namespace "A B"'),
    ],
)
def test_a_mistake_is_explained(capsys: Capsys, words: list[str], what: str) -> None:
    assert main(["schedule", *words]) == 2
    assert what in capsys.readouterr().err


def test_a_failed_run_says_so_in_the_metrics_and_leaves_no_directory(
    nowhere: Path, capsys: Capsys
) -> None:
    write_fleet(nowhere / "data" / "20200101T000000Z", make_fleet(1))
    argv = ["schedule", "--run-into", "data", "--all-nodes", "--keep", "1"]
    assert main([*argv, "--server", "https://127.0.0.1:1"]) == 6
    assert sorted(os.listdir("data")) == ["20200101T000000Z", "fleet.prom"]
    metrics = Path("data/fleet.prom").read_text()
    assert "\nsnapshot_fleet_success 0.0\n" in metrics
    assert "\nsnapshot_fleet_nodes{" not in metrics and "\nsnapshot_fleet_outliers " not in metrics
    assert Path("data/fleet.prom").stat().st_mode & 0o777 == 0o644


def test_a_fleet_is_judged_by_status_outliers_and_findings(nowhere: Path) -> None:
    odd = vary("odd", {"GPU.smi.driver": "570"})
    sick = vary("sick", {"SystemD.kubelet.service.ActiveState": "failed"})
    write_fleet(nowhere / "fleet", make_fleet(6, odd, sick), failed=["gone"])
    found = judge(load_fleet("fleet"))
    assert found.nodes == {"captured": 8, "partial": 0, "failed": 1, "skipped": 0}
    assert found.outliers == 2
    assert found.findings["critical"] + found.findings["warning"] >= 1


def test_the_metrics_are_prometheus_text() -> None:
    nodes = {"captured": 8, "partial": 0, "failed": 1, "skipped": 0}
    found = FleetCollection(True, nodes, 2, {"critical": 1, "warning": 0}, 10.0, 12.5)
    text = render_fleet_metrics(found)
    assert check_with_promtool(text) == ""
    samples = {line for line in text.splitlines() if not line.startswith("#")}
    assert samples == {
        'snapshot_fleet_nodes{status="captured"} 8.0',
        'snapshot_fleet_nodes{status="partial"} 0.0',
        'snapshot_fleet_nodes{status="failed"} 1.0',
        'snapshot_fleet_nodes{status="skipped"} 0.0',
        "snapshot_fleet_outliers 2.0",
        'snapshot_fleet_findings{severity="critical"} 1.0',
        'snapshot_fleet_findings{severity="warning"} 0.0',
        "snapshot_fleet_success 1.0",
        "snapshot_fleet_duration_seconds 2.5",
        "snapshot_fleet_last_run_timestamp_seconds 12.5",
    }
