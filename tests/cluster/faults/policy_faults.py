"""Faults by policies: quota, limits, Pod Security, admission policies, namespaces, queues."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from tests.cluster.faults import arrange, policies
from tests.cluster.faults.fault import ALONE, HANG, LATE, NODE2, Fault
from tests.cluster.faults.injection_faults import expect_no_host_files
from tests.cluster.faults.scene import Scene
from tests.validation import parse_valid

Arrange = Callable[[Scene], AbstractContextManager[None]]


def quota(**hard: str) -> Arrange:
    return partial(
        arrange.with_quota, spec={"hard": {k.replace("__", "."): v for k, v in hard.items()}}
    )


def limits(kind: str = "Container", **fields: Any) -> Arrange:
    spec = {"limits": [{"type": kind, **fields}]}
    return partial(arrange.with_object, resource="limitranges", spec=spec)


def service(name: str) -> dict[str, Any]:
    return {"service": {"name": name, "namespace": "default", "path": "/", "port": 443}}


EXCEEDED = ("exceeds the quota of namespace", "exceeded quota: tight")
NO_FRIDAYS = "no agents on Fridays"


def expect_snapshot(document: str) -> None:
    assert parse_valid(document).measurements


QUOTAS = {
    "quota on requests.cpu": Fault(
        (), 4, (*EXCEEDED, "requests.cpu"), quota(requests__cpu="10m"), preflight=4
    ),
    "quota on limits.memory": Fault(
        (), 4, (*EXCEEDED, "limits.memory"), quota(limits__memory="8Mi"), preflight=4
    ),
    "quota on GPUs, --require-gpu": Fault(
        ("--require-gpu", "--node-selector", "nvidia.com/gpu.present=true"),
        4,
        (*EXCEEDED, "requests.nvidia.com/gpu"),
        partial(arrange.with_quota, spec={"hard": {"requests.nvidia.com/gpu": "0"}}),
        preflight=4,
    ),
    "LimitRange with a minimum": Fault(
        (),
        4,
        ("a LimitRange of namespace", "minimum memory"),
        limits(min={"memory": "2Gi"}),
        preflight=4,
    ),
    "LimitRange with a ratio": Fault(
        (),
        4,
        ("a LimitRange of namespace", "ratio"),
        limits(maxLimitRequestRatio={"cpu": "1"}),
        preflight=4,
    ),
    "LimitRange of pods": Fault(
        (),
        4,
        ("a LimitRange of namespace", "per Pod"),
        limits("Pod", max={"cpu": "10m"}),
        preflight=4,
    ),
    "Pod Security baseline": Fault(
        (),
        4,
        ("Pod Security of namespace", "--privileged=false"),
        partial(policies.with_level, level="baseline"),
        preflight=4,
    ),
    "Pod Security restricted, --privileged=host-read": Fault(
        ("--privileged=host-read",),
        4,
        ("Pod Security of namespace",),
        partial(policies.with_level, level="restricted"),
        preflight=4,
    ),
    "Pod Security restricted, --privileged=false": Fault(
        ("--privileged=false",),
        arrange=partial(policies.with_level, level="restricted"),
        check=expect_no_host_files,
        preflight=0,
    ),
    "admission policy denies the pod": Fault(
        (),
        4,
        ("admission policy", "denied the agent's pod", NO_FRIDAYS),
        partial(policies.with_admission_policy, resource="pods"),
        preflight=4,
    ),
    "admission policy denies the Job": Fault(
        (),
        4,
        ("admission policy", "denied the run's Job", NO_FRIDAYS),
        partial(policies.with_admission_policy, resource="jobs"),
        preflight=4,
    ),
    "admission policy denies the ConfigMap": Fault(
        (),
        4,
        ("admission policy", "denied the run's ConfigMap", NO_FRIDAYS),
        partial(policies.with_admission_policy, resource="configmaps"),
        preflight=4,
    ),
    "webhook denies in the words of others": Fault(
        (),
        4,
        ("webhook deny-words.faults.test denied the agent's pod",),
        partial(arrange.with_webhook, name="deny-words"),
        preflight=4,
    ),
    "webhook hangs": Fault(
        (),
        6,
        ("webhook hang.faults.test does not respond", "deadline exceeded"),
        partial(arrange.with_webhook, name="hang"),
    ),
    "webhook without a service": Fault(
        (),
        6,
        ("webhook refuse.faults.test does not respond", 'service "nobody-made-it" not found'),
        partial(arrange.with_webhook, name="refuse", config=service("nobody-made-it")),
    ),
    "namespace missing": Fault(
        ("-n", "no-such-namespace"), 3, ('namespace "no-such-namespace" not found',), preflight=3
    ),
    "namespace terminating": Fault(
        (), 4, ("is terminating", "pass another one with -n"), policies.terminating, preflight=4
    ),
}
SCHEDULED = {
    "cordoned node": Fault(
        arrange=partial(policies.cordoned, node="node2"),
        check=expect_snapshot,
        preflight=0,
        lane=NODE2,
    ),
    "cordoned node, --toleration": Fault(
        ("--node", "node2", "--toleration", "other=x:NoSchedule"),
        6,
        ("all matching nodes are cordoned", "kubectl uncordon"),
        partial(policies.cordoned, node="node2"),
        lane=NODE2,
    ),
    "every GPU in use, --require-gpu": Fault(
        ("--require-gpu", "--node", "node2"),
        3,
        ("no node has a free GPU", "Insufficient nvidia.com/gpu"),
        partial(policies.with_pod, node="node2", requests={"nvidia.com/gpu": "2"}),
        lane=NODE2,
    ),
    "tainted in mid-run, tolerated": Fault(
        LATE,
        arrange=partial(policies.untainted, node="node2"),
        provoke=partial(policies.taint, node="node2"),
        check=expect_snapshot,
        lane=NODE2,
    ),
    "tainted in mid-run, --toleration": Fault(
        (*HANG, "--toleration", "other=x:NoSchedule"),
        6,
        ("evicted from node node2", "DeletionByTaintManager"),
        partial(policies.untainted, node="node2"),
        partial(policies.taint, node="node2"),
        lane=NODE2,
    ),
    "preempted": Fault(
        HANG,
        6,
        ("evicted from node node2", "PreemptionByScheduler"),
        policies.with_high_priority,
        partial(policies.preempt, node="node2"),
        lane=NODE2,
    ),
    "Job suspended in mid-run": Fault(
        HANG, 6, ("was suspended", "--wait-for-schedule"), provoke=policies.suspend_job
    ),
    "API server stands still to the end": Fault(
        HANG,
        6,
        ("the API server did not respond",),
        provoke=policies.stop_api_server,
        timeout_s=12,
        tries=3,
        lane=ALONE,
        is_left=True,
        within_s=45,
    ),
}
POLICY = {**QUOTAS, **SCHEDULED}
