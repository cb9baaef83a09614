from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from kubectl_snapshot.constants import MANAGED_BY_LABEL, RUN_LABEL
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.errors import exit_code
from kubectl_snapshot.job.admission_changes import (
    FATAL,
    LOSES,
    NOTE,
    Change,
    build_change_error,
    build_change_warnings,
    find_job_changes,
    find_lost_metadata,
    find_pod_changes,
    find_wrong_node,
)
from kubectl_snapshot.job.manifest import build_job, build_owned_metadata, build_owner
from kubectl_snapshot.job.manifest import build_sent_pod as build_sent
from kubectl_snapshot.job.options import HOST_READ, RESTRICTED, JobOptions, Zipapp
from kubectl_snapshot.settings import CollectSettings

SETTINGS = CollectSettings(Redaction(b"0123456789abcdef"))
OPTIONS = JobOptions("abcdefghij", "ops", zipapp=Zipapp(b"", "0"), settings=SETTINGS)

Edit = Callable[[dict[str, Any]], object]


def changes(edit: Edit, options: JobOptions = OPTIONS) -> list[Change]:
    sent = build_sent(options)
    got = deepcopy(sent)
    edit(got)
    return find_pod_changes(sent, got)


def container(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def drop(items: list[dict[str, Any]], name: str) -> None:
    items[:] = [item for item in items if item["name"] != name]


@pytest.mark.parametrize(
    ("edit", "weight", "text"),
    [
        (lambda p: p["spec"].pop("hostNetwork"), LOSES, "hostNetwork was removed"),
        (lambda p: p["spec"].update(hostPID=False), LOSES, "hostPID was removed"),
        (lambda p: p["spec"].pop("hostIPC"), LOSES, "hostIPC was removed"),
        (lambda p: p["spec"].update(hostUsers=False), LOSES, "hostUsers was set to false"),
        (
            lambda p: container(p)["securityContext"].update(privileged=False),
            LOSES,
            "privileged was changed from true to false",
        ),
        (
            lambda p: container(p)["securityContext"].update(runAsUser=1000),
            LOSES,
            "runAsUser was changed from 0 to 1000",
        ),
        (lambda p: container(p).pop("securityContext"), LOSES, "privileged was removed"),
        (lambda p: drop(p["spec"]["volumes"], "host"), LOSES, "volume host was removed"),
        (lambda p: drop(container(p)["volumeMounts"], "host"), LOSES, "volume host was removed"),
        (lambda p: drop(p["spec"]["volumes"], "agent"), FATAL, "volume agent was removed"),
        (lambda p: drop(p["spec"]["volumes"], "key"), FATAL, "volume key was removed"),
        (
            lambda p: p["spec"]["volumes"][-1].update(hostPath={"path": "/srv"}),
            FATAL,
            "volume host was replaced",
        ),
        (
            lambda p: container(p)["volumeMounts"][-1].update(subPath="srv"),
            FATAL,
            "volume host was replaced",
        ),
        (
            lambda p: container(p)["volumeMounts"][0].update(name="other"),
            FATAL,
            "volume agent was replaced",
        ),
        (
            lambda p: container(p).update(image="mirror/python:3.11-slim"),
            NOTE,
            "image was changed from docker.io/library/python:3.11-slim to mirror/python:3.11-slim",
        ),
        (
            lambda p: container(p)["command"].insert(0, "/vault/vault-env"),
            NOTE,
            "the command is run by /vault/vault-env",
        ),
        (
            lambda p: container(p).update(command=["sh", "-c", "true"]),
            FATAL,
            "the agent's command was changed",
        ),
        (lambda p: container(p).update(args=["--x"]), FATAL, "the agent's command was changed"),
        (
            lambda p: container(p)["env"][0].update(valueFrom=None, value="node9"),
            FATAL,
            "variable NODE_NAME was changed",
        ),
        (lambda p: container(p).pop("env"), FATAL, "variable NODE_NAME was changed"),
        (
            lambda p: container(p).update(name="other"),
            FATAL,
            "container kubectl-snapshot was removed",
        ),
        (lambda p: p["metadata"].pop("ownerReferences"), FATAL, "the pod's owner was removed"),
        (
            lambda p: p["metadata"]["labels"].pop(RUN_LABEL),
            FATAL,
            f"the pod's label {RUN_LABEL} was removed",
        ),
        (
            lambda p: p["metadata"]["labels"].update({MANAGED_BY_LABEL: "argo"}),
            NOTE,
            f"the pod's label {MANAGED_BY_LABEL} was changed from kubectl-snapshot to argo",
        ),
    ],
)
def test_a_change_that_matters_has_its_weight(edit: Edit, weight: str, text: str) -> None:
    assert Change(weight, text) in changes(edit)
    assert {change.weight for change in changes(edit)} == {weight}


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: None,
        lambda p: p["spec"].update(nodeName="node1", schedulerName="default-scheduler"),
        lambda p: p["spec"]["containers"].insert(0, {"name": "istio-proxy"}),
        lambda p: p["spec"].update(initContainers=[{"name": "vault-agent-init"}]),
        lambda p: p["spec"]["volumes"].append({"name": "added", "emptyDir": {}}),
        lambda p: container(p)["env"].insert(0, {"name": "HTTPS_PROXY", "value": "x"}),
        lambda p: container(p)["env"][0]["valueFrom"]["fieldRef"].update(apiVersion="v1"),
        lambda p: p["spec"]["volumes"][-1]["hostPath"].update(type=""),
        lambda p: p["metadata"]["labels"].update(team="x"),
        lambda p: p["spec"]["tolerations"].append({"key": "x"}),
        # Split between the two as a template does.
        lambda p: container(p).update(
            command=container(p)["command"][:3], args=container(p)["command"][3:]
        ),
    ],
)
def test_additions_and_defaults_are_no_changes(edit: Edit) -> None:
    assert changes(edit) == []


@pytest.mark.parametrize("level", [HOST_READ, RESTRICTED])
def test_what_was_not_sent_cannot_be_lost(level: str) -> None:
    options = JobOptions("abcdefghij", "ops", level=level, agent="image")
    assert changes(lambda p: p["spec"].update(hostPID=False), options) == []
    assert changes(lambda p: container(p)["securityContext"].pop("runAsUser"), options) == [
        Change(LOSES, "runAsUser was removed")
    ]


def test_an_answer_without_a_spec_says_nothing() -> None:
    assert find_pod_changes(build_sent(OPTIONS), {"metadata": {}}) == []
    assert find_job_changes(build_job(OPTIONS, ""), {"kind": "Job"}) == []


def test_changes_of_a_job_are_those_of_its_template_and_its_own() -> None:
    sent = build_job(OPTIONS, "")
    got = deepcopy(sent)
    assert find_job_changes(sent, got) == []
    got["spec"]["template"]["spec"].pop("hostPID")
    got["spec"]["ttlSecondsAfterFinished"] = 100
    del got["spec"]["activeDeadlineSeconds"], got["metadata"]["labels"][RUN_LABEL]
    assert find_job_changes(sent, got) == [
        Change(FATAL, f"the Job's label {RUN_LABEL} was removed"),
        Change(NOTE, "the Job's activeDeadlineSeconds was removed: without it the Job may stay"),
        Change(LOSES, "hostPID was removed"),
    ]


def test_an_object_loses_its_owner() -> None:
    sent = build_owned_metadata(OPTIONS, build_owner(OPTIONS, "uid"))
    assert [*find_lost_metadata("Secret", sent, sent)] == []
    other = {**sent, "ownerReferences": [{"name": "other"}]}
    assert [*find_lost_metadata("Secret", sent, other)] == [
        Change(FATAL, "the Secret's owner was removed")
    ]


def test_fatal_changes_are_one_error_and_the_rest_warnings() -> None:
    found = [Change(FATAL, "a"), Change(LOSES, "b"), Change(LOSES, "b"), Change(FATAL, "c")]
    error = build_change_error(found)
    assert error is not None
    assert (exit_code(error), error.why) == (8, "a; c")
    assert "mutatingwebhookconfigurations" in error.hint
    assert build_change_error([Change(LOSES, "b"), Change(NOTE, "d")]) is None
    assert build_change_warnings([*found, Change(NOTE, "d")]) == [
        "admission changed the agent's pod: d",
        "admission changed the agent's pod: b; the affected readings will be unavailable",
    ]
    assert build_change_warnings([]) == []


def test_a_lost_selector_is_an_error() -> None:
    selector = {"pool": "gpu", "zone": "a"}
    assert find_wrong_node("", selector, {"spec": {"nodeSelector": {**selector, "x": "y"}}}) is None
    error = find_wrong_node("", selector, {"spec": {"nodeSelector": {"pool": "cpu"}}})
    assert error is not None
    assert (exit_code(error), error.why) == (8, "missing: pool=gpu, zone=a")
    assert find_wrong_node("", {}, {"spec": {"nodeName": "any"}}) is None
    assert find_wrong_node("node1", selector, {}) is None


def test_another_node_is_named() -> None:
    for seen in ({"nodeName": "node1"}, {"nodeSelector": {}}):
        assert find_wrong_node("node1", {"pool": "gpu"}, {"spec": seen}) is None
    error = find_wrong_node("node1", {}, {"spec": {"nodeName": "node2"}})
    assert error is not None
    assert (exit_code(error), error.what) == (8, "the agent's pod ran on node node2, not on node1")
