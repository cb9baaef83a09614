"""Faults by what is injected into the pod: meshes, secrets, users, volumes, limits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from tests.cluster.faults import arrange, policies
from tests.cluster.faults.admission_faults import expect_node1
from tests.cluster.faults.fault import Fault
from tests.cluster.faults.scene import Scene
from tests.cluster.faults.servers import REFUSAL
from tests.validation import parse_valid

RESTRICTED = "--privileged=false"


def hook(name: str, resource: str = "pods") -> Callable[[Scene], AbstractContextManager[None]]:
    return partial(arrange.with_webhook, name=name, resource=resource)


def expect_no_host_files(document: str) -> None:
    assert "OS.release=unavailable" in parse_valid(document).metadata["gaps"]


def expect_cluster_gaps(document: str) -> None:
    """Expect the node's part, and gaps where the agent reaches no API server."""
    expect_node1(document)
    assert "K8s" in parse_valid(document).metadata["gaps"]


INJECTED = {
    "Istio, not injected into the host's network": Fault(
        arrange=hook("istio"), check=expect_node1, preflight=0
    ),
    "Istio injected": Fault(
        (RESTRICTED,), arrange=hook("istio"), check=expect_no_host_files, preflight=0
    ),
    "Istio injected as a native sidecar": Fault(
        (RESTRICTED,), arrange=hook("istio-native"), check=expect_no_host_files, preflight=0
    ),
    "Vault agent injected": Fault(arrange=hook("vault"), check=expect_node1, preflight=0),
    "Vault agent injected, its login fails": Fault(
        (),
        8,
        ("init container vault-agent-init", "exit code 2"),
        hook("vault-login"),
        preflight=0,
    ),
    "webhook adds variables of a Python": Fault(
        arrange=hook("python-path"), check=expect_node1, preflight=0
    ),
    "webhook preloads a library that is missing": Fault(
        arrange=hook("preload"), check=expect_node1, preflight=0
    ),
    "webhook adds a volume in memory": Fault(arrange=hook("noexec"), check=expect_node1),
    "webhook drops every capability": Fault(
        arrange=hook("no-capabilities"), check=expect_node1, preflight=0
    ),
    "webhook chooses another user": Fault(
        arrange=hook("nobody"),
        check=expect_node1,
        warnings=("runAsUser was changed from 0 to 65534",),
        preflight=0,
    ),
    "webhook demands a user that is not root": Fault(
        (), 8, ("CreateContainerConfigError", "non-root policy"), hook("non-root"), preflight=0
    ),
    "webhook adds a variable of a missing Secret": Fault(
        (), 8, ("CreateContainerConfigError", "nobody-made-it"), hook("secret-env")
    ),
    "webhook adds a missing Secret as a volume": Fault(
        (), 8, ('secret "nobody-made-it" not found',), hook("secret-volume")
    ),
    "webhook adds a host path that is missing": Fault(
        (), 8, ("hostPath type check failed", "/no/such"), hook("host-path")
    ),
    "webhook adds a seccomp profile that is missing": Fault(
        (), 8, ("seccomp", "nobody-made-it.json"), hook("seccomp")
    ),
    "webhook adds an AppArmor profile": Fault((), 6, ("AppArmor",), hook("apparmor")),
    "webhook adds a user namespace": Fault(
        (), 8, ("admission made the agent's pod invalid", "hostUsers"), hook("user-namespace")
    ),
    "webhook makes the pod invalid": Fault(
        (), 8, ("admission made the agent's pod invalid", "containerPort"), hook("port")
    ),
    "webhook leaves little memory": Fault((), 8, ("memory",), hook("little-memory")),
    "webhook shortens the pod's deadline": Fault(
        ("--agent", "image", "--image", "faults.test/hang:1"),
        5,
        ("ended at its activeDeadlineSeconds of 3", "admission changed it"),
        hook("deadline"),
        warnings=("activeDeadlineSeconds was changed from",),
    ),
    "webhook chooses a node without room": Fault((), 6, ("OutOfcpu",), hook("full-node")),
    "webhook adds a node selector": Fault(
        (),
        3,
        ("admission added the node selector faults.test/team=research",),
        hook("label"),
        preflight=0,
    ),
    "webhook drops the tolerations": Fault(
        (),
        3,
        ("untolerated taint", "admission removed the agent's tolerations"),
        partial(policies.with_tainted, node="node1", edit="no-tolerations"),
    ),
    "webhook forbids a neighbour": Fault(
        (),
        3,
        ("admission added a pod anti-affinity",),
        partial(policies.with_neighbour, edit="neighbours"),
    ),
    "webhook chooses a priority class that is missing": Fault(
        (), 3, ('priority class "nobody-made-it" not found',), hook("priority"), preflight=3
    ),
    "webhook chooses a runtime class that is missing": Fault(
        (), 3, ('runtime class "nobody-made-it" not found',), hook("runtime-class"), preflight=3
    ),
    "runtime class without a handler on the node": Fault(
        (), 3, ('no runtime for "nobody-made-it" is configured',), policies.with_runtime_class
    ),
    "webhook breaks the API server's address": Fault(
        ("--cluster-scope", "agent"), arrange=hook("api-address"), check=expect_cluster_gaps
    ),
    "webhook takes the agent's token": Fault(
        ("--cluster-scope", "agent"), arrange=hook("no-token"), check=expect_cluster_gaps
    ),
    "webhook sets the Job's TTL to 0": Fault(
        arrange=hook("ttl", resource="jobs"), check=expect_node1
    ),
    "webhook removes the Job's deadline and TTL": Fault(
        arrange=hook("no-ttl", resource="jobs"),
        check=expect_node1,
        warnings=("activeDeadlineSeconds was removed", "ttlSecondsAfterFinished was removed"),
        preflight=0,
    ),
    "webhook starts the Job at once": Fault(
        arrange=hook("parallelism", resource="jobs"), check=expect_node1
    ),
    "webhook lets the Job try again": Fault(
        ("--agent", "image", "--image", "faults.test/crash:1"),
        8,
        ("exited without a result",),
        hook("backoff", resource="jobs"),
    ),
    "webhook denies the Job's start": Fault(
        (),
        4,
        ("webhook deny-update.faults.test denied the run's Job", REFUSAL),
        hook("deny-update", resource="jobs"),
    ),
}
