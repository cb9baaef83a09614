"""Faults of admission: webhooks that change, hold or refuse the run's objects."""

from __future__ import annotations

from functools import partial

from tests.cluster.faults import arrange, scene
from tests.cluster.faults.edits import STOCK_IMAGE
from tests.cluster.faults.fault import ALONE, LATE, Fault
from tests.validation import parse_valid, subtype

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
        within_s=5,
    ),
    "Job suspended, --wait-for-schedule": Fault(
        ("--wait-for-schedule", "--timeout", "8s"),
        5,
        ("no result within 8 s", "is suspended"),
        partial(arrange.with_webhook, name="suspend", resource="jobs"),
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
        within_s=15,
    ),
    "scheduling gate": Fault(
        (),
        6,
        ("held by scheduling gates: faults.test/wait",),
        partial(arrange.with_webhook, name="gate"),
        within_s=15,
    ),
    "foreign scheduler": Fault(
        (),
        6,
        ("no scheduler has looked", "nobodys-scheduler"),
        partial(arrange.with_webhook, name="scheduler"),
        within_s=15,
    ),
    "controller manager dead": Fault(
        (),
        6,
        ("no pod was created: the Job controller has not acted", "controller manager"),
        partial(arrange.with_stopped, process="controller-manager"),
        lane=ALONE,
        within_s=15,
    ),
    "scheduler dead": Fault(
        (),
        6,
        ("no scheduler has looked at the agent's pod", "default-scheduler"),
        partial(arrange.with_stopped, process="scheduler"),
        lane=ALONE,
        within_s=15,
    ),
    "Job deleted with --cascade=orphan": Fault(LATE, provoke=scene.orphan_pod, check=expect_frame),
}
ADMISSION = {**CHANGED_PODS, **HELD}
