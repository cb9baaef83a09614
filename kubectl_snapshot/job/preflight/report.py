"""All checks of the `preflight` verb: the gate's, and those that a capture meets later.

Everything is only read or dry-run. What may not be read is a warning, and no guess.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.job.diagnose.admission import diagnose_builtin_admission
from kubectl_snapshot.job.manifest import core_path
from kubectl_snapshot.job.options import RESTRICTED, JobOptions
from kubectl_snapshot.job.preflight import requests as calls
from kubectl_snapshot.job.preflight.checks import (
    OK,
    SERVER,
    WARN,
    PreflightCheck,
    build_failed_check,
    detect_admission_refusal,
    detect_scope,
    is_server_unusable,
)
from kubectl_snapshot.job.preflight.gate import evaluate_gate
from kubectl_snapshot.job.preflight.nodes import build_node_query, detect_nodes
from kubectl_snapshot.job.rbac.user_permissions import build_event_permissions

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.job.preflight.checks import Answer

# Of Kubernetes 1: the oldest and the newest that `make test-matrix` captures on.
TESTED_MINORS = (30, 37)
# Expiry dates are compared between machines; a second is lost in the Date header alone.
MAX_SKEW_S = 30
# github.com/distribution/reference, grammar in reference.go.
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_NAME = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_NAME}(?:/{_NAME})*(?::\w[\w.-]{{0,127}})?(?:@[A-Za-z0-9+._-]+:[0-9a-f]{{32,}})?",
    re.ASCII,
)


def read_report(kube: Kube, options: JobOptions, deadline: float) -> list[PreflightCheck]:
    """Return every check, the failing ones in the order in which a capture would meet them."""
    events = build_event_permissions(options)
    gate = evaluate_gate(kube, options, deadline, also=[*options.reads, *events])
    if is_server_unusable(gate.checks):
        return list(gate.checks)
    (version,) = kube.request_all([calls.build_version_read(deadline)])
    found = [detect_version(version), *detect_skew(version, time.time()), *gate.checks]
    found.append(detect_scope(gate.options, gate.allowed))
    if options.carries_key and not gate.options.carries_key:
        found.append(_own_key(options))
    if not gate.allowed.issuperset(events):
        found.append(_silent_events(options))
    if not any(check.name == "pod" for check in gate.checks):
        refusal = detect_admission_refusal(gate.pod, options)
        found += [refusal] if refusal else _read_pod_prerequisites(kube, options, deadline)
    found.append(_read_nodes(kube, options, deadline))
    found += [detect_image(options.image), *_read_pull_secrets(kube, options, deadline)]
    return [*found, *detect_level(options)]


def detect_version(answer: Answer) -> PreflightCheck:
    """Return whether the server's version is one that this program is tested with."""
    if isinstance(answer, SnapshotError):
        return PreflightCheck(
            SERVER, WARN, f"its version cannot be read: {answer.why}", answer.hint
        )
    low, high = TESTED_MINORS
    told, minor = answer.body.get("gitVersion", ""), re.match(r"\d+", answer.body.get("minor", ""))
    if answer.body.get("major") == "1" and minor and low <= int(minor[0]) <= high:
        return PreflightCheck(SERVER, OK, f"{told}, tested from 1.{low} to 1.{high}")
    return PreflightCheck(SERVER, WARN, f"{told} is untested: tested are 1.{low} to 1.{high}")


def detect_skew(answer: Answer, now: float) -> list[PreflightCheck]:
    """Return how far the clocks of this machine and the server are apart, where they tell."""
    from email.utils import parsedate_to_datetime

    if isinstance(answer, SnapshotError):
        return []
    try:
        skew_s = round(now - parsedate_to_datetime(answer.date).timestamp())
    except (TypeError, ValueError):
        return []
    if abs(skew_s) <= MAX_SKEW_S:
        return [PreflightCheck("clocks", OK, "this machine and the API server agree")]
    how = f"{abs(skew_s)} s {'ahead of' if skew_s > 0 else 'behind'} the API server"
    return [
        PreflightCheck("clocks", WARN, f"this machine is {how}", "see `timedatectl status` on both")
    ]


def detect_image(image: str) -> PreflightCheck:
    """Return whether a node can understand the image's name; that it is there only a pull shows."""
    if IMAGE.fullmatch(image):
        return PreflightCheck(
            "image", OK, f"{image} is a name; whether it can be pulled shows on the node"
        )
    error = InvalidRequest(
        f"{image!r} is no image reference", hint="as in --image python:3.11-slim"
    )
    return build_failed_check("image", error)


def detect_level(options: JobOptions) -> list[PreflightCheck]:
    """Return what the pod's privilege level keeps it from reading."""
    if options.level != RESTRICTED:
        return []
    reason = "the pod does not see the node's files; the document will say unavailable for them"
    fix = "use --privileged=host-read or --privileged where the namespace allows it"
    return [PreflightCheck("privilege level", WARN, reason, fix, leaves_gap=True)]


def _own_key(options: JobOptions) -> PreflightCheck:
    return PreflightCheck(
        f"secrets in {options.namespace}",
        WARN,
        "you may not create and delete them: the pod redacts by a key of its own",
        f"ask an administrator for create and delete on secrets in namespace {options.namespace}",
    )


def _silent_events(options: JobOptions) -> PreflightCheck:
    return PreflightCheck(
        f"events in {options.namespace}",
        WARN,
        "you may not watch them: why a pod is not made is told at the end of --timeout only",
        f"ask an administrator for list and watch on events in namespace {options.namespace}",
    )


def _read_pod_prerequisites(
    kube: Kube, options: JobOptions, deadline: float
) -> list[PreflightCheck]:
    """Return what a pod may be refused for, where its creation cannot be tried."""
    account, runtime = options.service_account_name, options.runtime_class
    accounts = core_path(options.namespace, "serviceaccounts")
    named = [
        (f"service account {account}", accounts, account, f'serviceaccount "{account}" not found'),
        (
            f"runtime class {runtime}",
            calls.RUNTIME_CLASSES,
            runtime,
            f'RuntimeClass "{runtime}" not found',
        ),
    ]
    named = [entry for entry in named if entry[2]]
    reads = [calls.build_metadata_read(path, name, deadline) for _, path, name, _ in named]
    *found, quotas, ranges = kube.request_all([*reads, *calls.build_limit_reads(options, deadline)])
    checks = []
    for (check, _, _, words), answer in zip(named, found):
        missing = diagnose_builtin_admission(words, options)
        is_missing = isinstance(answer, SnapshotError) and answer.status == 404
        checks.append(
            build_failed_check(check, missing)
            if is_missing and missing
            else _build_existence_check(check, answer)
        )
    return [*checks, _detect_limits([quotas, ranges], options)]


def _detect_limits(answers: list[Answer], options: JobOptions) -> PreflightCheck:
    check = "quota and limits"
    refused = next((answer for answer in answers if isinstance(answer, SnapshotError)), None)
    if refused is not None:
        return _build_existence_check(check, refused)
    names = [
        item["metadata"]["name"]
        for answer in answers
        if isinstance(answer, Response)
        for item in answer.body.get("items") or ()
    ]
    if not names:
        return PreflightCheck(check, OK, f"namespace {options.namespace} has none")
    reason = f"whether {', '.join(names)} leave room cannot be tried: you may not create pods"
    return PreflightCheck(
        check, WARN, reason, f"see `kubectl describe namespace {options.namespace}`"
    )


def _read_nodes(kube: Kube, options: JobOptions, deadline: float) -> PreflightCheck:
    query = build_node_query(options)
    try:
        nodes = list(
            kube.list_items("/api/v1/nodes", doing="list nodes", query=query, deadline=deadline)
        )
    except SnapshotError as error:
        return _build_existence_check("nodes", error)
    check = detect_nodes(nodes, options)
    if check.error is not None and options.wait_for_schedule:
        return PreflightCheck(
            check.name, WARN, f"a capture waits, because {check.reason}", check.fix
        )
    return check


def _read_pull_secrets(kube: Kube, options: JobOptions, deadline: float) -> list[PreflightCheck]:
    """Return whether each pull secret is there; a node without it still tries the pull."""
    path = core_path(options.namespace, "secrets")
    names = options.image_pull_secrets
    answers = kube.request_all([calls.build_metadata_read(path, n, deadline) for n in names])
    return [
        _build_existence_check(f"pull secret {name}", answer)
        for name, answer in zip(names, answers)
    ]


def _build_existence_check(check: str, answer: Answer) -> PreflightCheck:
    """Return that something is there, or the warning why it is not seen."""
    if isinstance(answer, Response):
        return PreflightCheck(check, OK, "it exists")
    return PreflightCheck(check, WARN, f"not seen: {answer.why}", answer.hint)
