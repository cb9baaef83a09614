"""Faults of admission: webhooks that change, hold or refuse the run's objects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from tests.cluster.faults import arrange, scene
from tests.cluster.faults.edits import STOCK_IMAGE
from tests.cluster.faults.fault import ALONE, LATE, Fault
from tests.cluster.faults.scene import Scene
from tests.cluster.faults.servers import REFUSAL
from tests.validation import parse_valid, subtype

Arranged = AbstractContextManager[None]
HOSTNAME = "/proc/sys/kernel/hostname"
CHANGED = "admission changed what the run sent"


def expect_no_foreign_values(document: str) -> None:
    """Expect a gap where the value of the pod's own namespace would be."""
    snapshot = parse_valid(document)
    sysctl = subtype(snapshot, "OS", "sysctl")
    assert sysctl.status == "partial"
    assert HOSTNAME not in sysctl.data
    assert "/proc/sys/vm/swappiness" in sysctl.data
    assert "kernel/hostname" in str(sysctl.context["reason"])
    assert "OS.sysctl=partial" in snapshot.metadata["gaps"]


def expect_no_host(document: str) -> None:
    snapshot = parse_valid(document)
    for name in ("release", "sysctl", "grub"):
        found = subtype(snapshot, "OS", name)
        assert (found.status, dict(found.data)) == ("unavailable", {}), name


def expect_node1(document: str) -> None:
    snapshot = parse_valid(document)
    assert snapshot.metadata["source-node"] == "node1"
    assert subtype(snapshot, "OS", "sysctl").data[HOSTNAME] == "node1"


def expect_frame(document: str) -> None:
    """Expect the document of the stand-in agent."""
    assert subtype(parse_valid(document), "OS", "sysctl").data == {"kernel.osrelease": "6.1"}


CHANGED_PODS = {
    "webhook drops the host namespaces": Fault(
        arrange=partial(arrange.with_webhook, name="no-host-namespaces"),
        check=expect_no_foreign_values,
        warnings=("hostNetwork was removed; hostIPC was removed; hostPID was removed",),
        preflight=0,
    ),
    "webhook drops the node's root": Fault(
        arrange=partial(arrange.with_webhook, name="no-host-root"),
        check=expect_no_host,
        warnings=("volume host was removed; the affected readings will be unavailable",),
        preflight=0,
    ),
    "webhook drops the privileges": Fault(
        arrange=partial(arrange.with_webhook, name="no-privileges"),
        check=expect_node1,
        warnings=("privileged was changed from true to false",),
        preflight=0,
    ),
    "webhook wraps the command": Fault(
        arrange=partial(arrange.with_webhook, name="wrapped-command"),
        check=expect_node1,
        warnings=("the command is run by /bin/sh",),
        preflight=0,
    ),
    "webhook takes the image from a mirror": Fault(
        ("--image", "mirror.test/python:3.11-slim"),
        arrange=partial(arrange.with_webhook, name="other-image"),
        check=expect_node1,
        warnings=(f"image was changed from mirror.test/python:3.11-slim to {STOCK_IMAGE}",),
        preflight=0,
    ),
    "webhook changes the command": Fault(
        (),
        8,
        (CHANGED, "the agent's command was changed", "mutatingwebhookconfigurations"),
        partial(arrange.with_webhook, name="other-command"),
        preflight=8,
    ),
    "webhook changes the command, no dry run": Fault(
        (),
        8,
        (CHANGED, "the agent's command was changed"),
        partial(arrange.with_blind_webhook, name="other-command"),
    ),
    "webhook chooses another node": Fault(
        (),
        8,
        ("ran on node node2, not on node1",),
        partial(arrange.with_blind_webhook, name="other-node"),
    ),
    "webhook chooses another node, dry run": Fault(
        (),
        8,
        ("node node2, not on node1",),
        partial(arrange.with_webhook, name="other-node"),
        preflight=8,
    ),
    "webhook drops the node selector": Fault(
        ("--node-selector", "kubernetes.io/hostname=node1"),
        8,
        ("removed the agent's node selector", "kubernetes.io/hostname=node1"),
        partial(arrange.with_webhook, name="no-selector"),
        preflight=8,
    ),
    "webhook drops the Job's run label": Fault(
        (),
        8,
        (CHANGED, "the Job's label kubectl-snapshot/run was removed"),
        partial(arrange.with_webhook, name="no-run-label", resource="jobs"),
        preflight=8,
    ),
    "webhook drops the pod's run label": Fault(
        (),
        8,
        (CHANGED, "the pod's label kubectl-snapshot/run was removed"),
        partial(arrange.with_blind_webhook, name="no-run-label"),
    ),
    "webhook drops the pod's owner": Fault(
        (),
        8,
        (CHANGED, "the pod's owner was removed"),
        partial(arrange.with_blind_webhook, name="no-owner"),
        # This client may not delete pods: it says so.
        is_left=True,
    ),
    "webhook drops the ConfigMap's owner": Fault(
        (),
        8,
        (CHANGED, "the ConfigMap's owner was removed"),
        partial(arrange.with_webhook, name="no-owner", resource="configmaps"),
    ),
}
QUEUE = "kueue.x-k8s.io/queue-name"
HELD = {
    "Job suspended by admission": Fault(
        (),
        6,
        ("is suspended", "suspend: true", f"--job-label {QUEUE}=NAME"),
        partial(arrange.with_webhook, name="suspend", resource="jobs"),
        preflight=6,
    ),
    "Job suspended, --wait-for-schedule": Fault(
        ("--wait-for-schedule",),
        5,
        ("no result within TIMEOUT", "is suspended"),
        partial(arrange.with_webhook, name="suspend", resource="jobs"),
        timeout_s=8,
        tries=3,
        preflight=0,
    ),
    "Job suspended, resumed, --wait-for-schedule": Fault(
        ("--wait-for-schedule",),
        arrange=partial(arrange.with_webhook, name="suspend", resource="jobs"),
        provoke=scene.resume_job,
        waits_for_run=False,
        check=expect_node1,
    ),
    "Job suspended but for a queue": Fault(
        ("--job-label", f"{QUEUE}=research"),
        arrange=partial(arrange.with_webhook, name="kueue", resource="jobs"),
        check=expect_node1,
        preflight=0,
    ),
    "Job suspended although a queue is named": Fault(
        ("--job-label", f"{QUEUE}=research"),
        6,
        ("is suspended", "nothing resumed it"),
        partial(arrange.with_webhook, name="suspend", resource="jobs"),
    ),
    "scheduling gate": Fault(
        (),
        6,
        ("held by scheduling gates: faults.test/wait",),
        partial(arrange.with_webhook, name="gate"),
    ),
    "foreign scheduler": Fault(
        (),
        6,
        ("no scheduler has looked", "nobodys-scheduler"),
        partial(arrange.with_webhook, name="scheduler"),
    ),
    "controller manager dead": Fault(
        (),
        6,
        ("no pod was created: the Job controller has not acted", "controller manager"),
        partial(arrange.with_stopped, process="controller-manager"),
        lane=ALONE,
    ),
    "scheduler dead": Fault(
        (),
        6,
        ("no scheduler has looked at the agent's pod", "default-scheduler"),
        partial(arrange.with_stopped, process="scheduler"),
        lane=ALONE,
    ),
    "Job deleted with --cascade=orphan": Fault(LATE, provoke=scene.orphan_pod, check=expect_frame),
}


def with_refusal(resource: str, is_up: bool = True) -> Callable[[Scene], Arranged]:
    return partial(arrange.with_webhook, name="refuse", resource=resource, is_up=is_up)


def with_quota(**hard: str) -> Callable[[Scene], Arranged]:
    spec = {"hard": {key.replace("__", "/"): value for key, value in hard.items()}}
    return partial(arrange.with_quota, spec=spec)


def expect_own_key(document: str) -> None:
    assert parse_valid(document).metadata["redaction"] == "own-key"
    expect_node1(document)


DENIED, DEAD = "webhook refuse.faults.test denied", "webhook refuse.faults.test does not respond"
REFUSED_OBJECTS = {
    "quota on count/configmaps": Fault(
        (),
        4,
        ("the run's ConfigMap exceeds the quota", "exceeded quota: tight"),
        with_quota(count__configmaps="1"),
        preflight=4,
    ),
    "quota on count/jobs.batch": Fault(
        (),
        4,
        ("the run's Job exceeds the quota", "exceeded quota: tight"),
        partial(arrange.with_quota, spec={"hard": {"count/jobs.batch": "0"}}),
        preflight=4,
    ),
    "quota on count/secrets": Fault(
        arrange=with_quota(count__secrets="0"),
        check=expect_own_key,
        warnings=("generates its own redaction key", "exceeded quota: tight"),
        preflight=0,
    ),
    "quota on count/configmaps, --wait-for-schedule": Fault(
        ("--wait-for-schedule",),
        arrange=with_quota(count__configmaps="1"),
        provoke=scene.lift_object_quota,
        waits_for_run=False,
        check=expect_node1,
        preflight=0,
        within_s=30,
    ),
    "webhook denies the Job": Fault(
        (), 4, (f"{DENIED} the run's Job", REFUSAL), with_refusal("jobs"), preflight=4
    ),
    "webhook denies the ConfigMap": Fault(
        (), 4, (f"{DENIED} the run's ConfigMap",), with_refusal("configmaps"), preflight=4
    ),
    "webhook denies the Secret": Fault(
        arrange=with_refusal("secrets"),
        check=expect_own_key,
        warnings=(f"{DENIED} the run's Secret",),
        preflight=0,
    ),
    "webhook for Jobs is dead": Fault(
        (), 6, (f"{DEAD}, so the run's Job",), with_refusal("jobs", False), preflight=6
    ),
    "webhook for ConfigMaps is dead": Fault(
        (), 6, (f"{DEAD}, so the run's ConfigMap",), with_refusal("configmaps", False), preflight=6
    ),
    "webhook for Secrets is dead": Fault(
        arrange=with_refusal("secrets", False),
        check=expect_own_key,
        warnings=(f"{DEAD}, so the run's Secret",),
        preflight=0,
    ),
}
INITS = {
    "an added init container fails": Fault(
        (),
        8,
        ("init container added-init", "exit code 3"),
        partial(arrange.with_webhook, name="init-fails"),
    ),
    "an added init container hangs": Fault(
        (),
        5,
        ("no result within TIMEOUT", "init container added-init is still running"),
        partial(arrange.with_webhook, name="init-hangs"),
        warnings=("init container added-init", "waiting for it"),
        timeout_s=9,
        tries=3,
    ),
    "an added init container cannot be pulled": Fault(
        (),
        3,
        ("image registry.test/missing:1 not found", "init container added-init"),
        partial(arrange.with_webhook, name="init-no-image"),
    ),
    "an added init container has no such program": Fault(
        (),
        8,
        ("init container added-init", "/no/such/program"),
        partial(arrange.with_webhook, name="init-no-program"),
    ),
    "a native sidecar that stays": Fault(
        arrange=partial(arrange.with_webhook, name="proxy"), check=expect_node1, preflight=0
    ),
    "a native sidecar cannot be pulled": Fault(
        (),
        4,
        ("is not authorized to pull image registry.test/private:1", "added-proxy"),
        partial(arrange.with_webhook, name="proxy-no-image"),
    ),
}
ADMISSION = {**CHANGED_PODS, **HELD, **REFUSED_OBJECTS, **INITS}
