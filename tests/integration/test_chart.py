"""The Helm chart of a release: its objects are those that `schedule --print` prints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot import __version__
from tests.integration.releases import CHART, ROOT, Release
from tests.lab import build

HELM = build.BIN / "helm"
VALUES = {"claim": "data", "cron": "*/5 * * * *", "keep": 14, "failOn": "critical"}
FLAGS = ("--claim=data", "--cron=*/5 * * * *", "--keep=14", "--fail-on=critical")
# (values of the chart, the same as flags of `schedule`)
CASES = {
    "defaults": ({}, ("--image=docker.io/library/python:3.11-slim",)),
    "image": (
        {"agent": "image", "image": "registry.example.org:5000/a/b:1"},
        ("--image=registry.example.org:5000/a/b:1",),
    ),
    "pull secrets": (
        {"image": "a/b:1", "imagePullSecrets": ["one", "two"]},
        ("--image=a/b:1", "--image-pull-secret=one", "--image-pull-secret=two"),
    ),
    "arguments": (
        {
            "image": "a/b:1",
            "selector": "pool in (a,b),!c",
            "arguments": ["--parallel=16", '--redact=OS.*.a"b', "--strict=true"],
        },
        (
            "--image=a/b:1",
            "--selector=pool in (a,b),!c",
            "--parallel=16",
            '--redact=OS.*.a"b',
            "--strict=true",
        ),
    ),
}


@pytest.fixture(scope="session")
def chart(release: Release) -> Path:
    return release.directory / CHART


@pytest.fixture(scope="session")
def helm() -> str:
    if not shutil.which("go"):
        pytest.skip("this needs Go, to build Helm")
    with build.lock():
        build.build_helm()
    return str(HELM)


def print_objects(release: Release, *flags: str) -> list[dict[str, Any]]:
    """Return what `schedule --print` prints, without the program's ConfigMap."""
    zipapp = str(release.directory / "kubectl-snapshot")
    command = [sys.executable, "-I", zipapp, "schedule", "--print", "--namespace=123", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] != "ConfigMap"]


def render_chart(
    helm: str, chart: Path, values: dict[str, Any], tmp_path: Path
) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(values))
    words = ["template", "any", str(chart), "--namespace=123", f"--values={path}"]
    command = [helm, *words, "--kube-version=1.34.0"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES)
def test_its_objects_are_those_that_schedule_prints(
    release: Release, chart: Path, helm: str, tmp_path: Path, case: str
) -> None:
    values, flags = CASES[case]
    done = render_chart(helm, chart, {**VALUES, **values}, tmp_path)
    assert done.returncode == 0, done.stderr
    agent = values.get("agent", "inject")
    nodes = () if "selector" in values else ("--all-nodes",)
    printed = print_objects(release, *FLAGS, *nodes, f"--agent={agent}", *flags)
    rendered = [one for one in yaml.safe_load_all(done.stdout) if one]
    assert sort(rendered) == sort(printed)
    assert {one["kind"] for one in printed} >= {"CronJob", "ServiceAccount", "ClusterRole", "Role"}


def sort(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the objects in one order, and the flags of the command, which have none."""
    for one in objects:
        if one["kind"] == "CronJob":
            [container] = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
            container["command"].sort()
    return sorted(objects, key=lambda one: (one["kind"], one["metadata"]["name"]))


def test_helm_finds_nothing_to_complain_about(chart: Path, helm: str) -> None:
    command = [helm, "lint", "--strict", chart]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"claim": ""}, "set claim to a PersistentVolumeClaim for the captures"),
        ({"cron": "* * *"}, "'/cron'"),
        ({"keep": 0}, "'/keep'"),
        ({"failOn": "info"}, "'/failOn'"),
        ({"agent": "none"}, "'/agent'"),
        ({"arguments": ["--helm-namespace=a"]}, "'/arguments/0'"),
        ({"arguments": ["--strict\n- --local"]}, "'/arguments/0'"),
        ({"clam": "data"}, "'clam'"),
    ],
)
def test_values_that_cannot_work_are_refused(
    chart: Path, helm: str, tmp_path: Path, values: dict[str, Any], words: str
) -> None:
    done = render_chart(helm, chart, {**VALUES, **values}, tmp_path)
    assert done.returncode == 1
    assert words in done.stderr


def test_its_arguments_need_no_other_permissions(release: Release) -> None:
    schema = json.loads((ROOT / "distribution/chart/values.schema.json").read_text())
    pattern = schema["properties"]["arguments"]["items"]["pattern"]
    [names] = re.findall(r"--\((.*?)\)", pattern)
    values = {
        "api-version": "aicr.run/v1",
        "collect": "OS",
        "skip": "GPU",
        "job-label": "a=b",
        "limits": "memory=1Gi",
        "requests": "memory=1Gi",
        "min-coverage": "90",
        "node-timeout": "1m",
        "timeout": "1m",
        "redact": "OS.*",
        "runtime-class": "nvidia",
        "systemd-service": "a.service",
        "toleration": "a=b:NoSchedule",
        "privileged": "host-read",
        **dict.fromkeys(("max-failures", "max-nodes-per-entry", "parallel", "qps"), "1"),
    }
    wanted = read_rules(print_objects(release, *FLAGS, "--all-nodes"))
    for name in names.split("|"):
        flag = f"--{name}={values[name]}" if name in values else f"--{name}"
        found = read_rules(print_objects(release, *FLAGS, "--all-nodes", flag))
        assert found <= wanted, flag
    assert read_rules(print_objects(release, *FLAGS, "--all-nodes", "--helm-namespace=a")) - wanted


def read_rules(objects: list[dict[str, Any]]) -> set[str]:
    rules = (rule for one in objects for rule in one.get("rules", ()))
    return {
        json.dumps([group, resource, verb])
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_it_is_of_the_release_and_leaves_the_program_out(chart: Path) -> None:
    with tarfile.open(chart) as archive:
        names = archive.getnames()
        file = archive.extractfile("kubectl-snapshot-schedule/Chart.yaml")
        assert file
        about = yaml.safe_load(file.read())
    assert about["version"] == about["appVersion"] == __version__
    assert "kubectl-snapshot-schedule/templates/inject.yaml" in names
    # A release of Helm is one Secret: 1 MiB for chart and objects, in base64.
    assert chart.stat().st_size < 20_000
