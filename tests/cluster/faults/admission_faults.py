"""Faults of admission: webhooks that change, hold or refuse the run's objects."""

from __future__ import annotations

from functools import partial

from tests.cluster.faults import arrange
from tests.cluster.faults.edits import STOCK_IMAGE
from tests.cluster.faults.fault import Fault
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
    ),
    "webhook drops the ConfigMap's owner": Fault(
        (),
        8,
        (CHANGED, "the ConfigMap's owner was removed"),
        partial(arrange.with_webhook, name="no-owner", resource="configmaps"),
    ),
}
ADMISSION = {**CHANGED_PODS}
