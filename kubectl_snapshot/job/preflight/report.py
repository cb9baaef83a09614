"""All checks of the `preflight` verb: the gate's, and those of conditions that come later.

It only reads and dry-runs. A condition that it has no permission to read is a warning.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.constants import STANDARD
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.job.diagnose.admission import diagnose_builtin_admission
from kubectl_snapshot.job.manifest import core_path
from kubectl_snapshot.job.options import HOST_READ, RESTRICTED, JobOptions
from kubectl_snapshot.job.preflight import requests as calls
from kubectl_snapshot.job.preflight.checks import (
    NODES,
    OK,
    SERVER,
    WARN,
    PreflightCheck,
    build_failed_check,
    detect_admission_refusal,
    detect_creator,
    detect_scope,
    is_server_unusable,
)
from kubectl_snapshot.job.preflight.gate import OWN_KEY, evaluate_gate
from kubectl_snapshot.job.preflight.nodes import build_node_query, detect_nodes
from kubectl_snapshot.job.rbac.user_permissions import build_event_permissions
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.job.preflight.checks import Answer

# Minor versions of Kubernetes 1: the oldest and the newest of `make test-matrix`.
TESTED_MINORS = (30, 37)
# Expiry times are compared between machines; the Date header alone rounds to a second.
MAX_SKEW_S = 30
# github.com/distribution/reference, grammar in reference.go.
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_NAME = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_NAME}(?:/{_NAME})*(?::\w[\w.-]{{0,127}})?(?:@[A-Za-z0-9+._-]+:[0-9a-f]{{32,}})?",
    re.ASCII,
)


def read_report(kube: Kube, options: JobOptions, deadline: float) -> list[PreflightCheck]:
    """Return every check; the failed ones come in the order in which a capture meets them."""
    events = build_event_permissions(options)
    gate = evaluate_gate(kube, options, deadline, also=[*options.reads, *events])
    if is_server_unusable(gate.checks):
        return list(gate.checks)
    (version,) = kube.request_all([calls.build_version_read(deadline)])
    results = [detect_version(version), *detect_skew(version, time.time()), *gate.checks]
    results.append(detect_scope(gate.options, gate.allowed))
    if options.carries_key and not gate.options.carries_key:
        results.append(_warn_of_own_key(options, gate.warnings))
    if not gate.allowed.issuperset(events):
        results.append(_warn_of_missing_events(options))
    if not any(check.name == "pod" for check in gate.checks):
        refusal = detect_admission_refusal(gate.pod, options)
        results += (
            [refusal] if refusal else _read_pod_prerequisites(kube, options, gate.pod, deadline)
        )
    if options.is_fleet:
        results.append(detect_creator(gate.options))
    elif not any(check.name == NODES for check in gate.checks):
        results.append(_read_nodes(kube, gate.options, deadline))
    results += [detect_image(options.image), *_read_pull_secrets(kube, options, deadline)]
    return [*results, *detect_level(options)]


def detect_version(answer: Answer) -> PreflightCheck:
    """Return the check whether the server's version is one of the tested ones."""
    if isinstance(answer, SnapshotError):
        return PreflightCheck(SERVER, WARN, f"cannot read its version: {answer.why}", answer.hint)
    low, high = TESTED_MINORS
    body = answer.body if isinstance(answer.body, dict) else {}
    version = strip_control(str(body.get("gitVersion") or "a server without a version"))
    minor = re.match(r"\d+", str(body.get("minor", "")))
    if body.get("major") == "1" and minor and low <= int(minor[0]) <= high:
        return PreflightCheck(SERVER, OK, f"{version}; tested versions: 1.{low} to 1.{high}")
    return PreflightCheck(
        SERVER, WARN, f"{version} is untested; tested versions: 1.{low} to 1.{high}"
    )


def detect_skew(answer: Answer, now: float) -> list[PreflightCheck]:
    """Return the check of clock skew between this machine and the API server, if it is known."""
    if isinstance(answer, SnapshotError):
        return []
    try:
        skew_s = round(now - parsedate_to_datetime(answer.date).timestamp())
    except (TypeError, ValueError):
        return []
    if abs(skew_s) <= MAX_SKEW_S:
        return [PreflightCheck("clocks", OK, "in sync with the API server")]
    how = f"{abs(skew_s)} s {'ahead of' if skew_s > 0 else 'behind'} the API server"
    return [
        PreflightCheck("clocks", WARN, f"this machine is {how}", "see `timedatectl status` on both")
    ]


def detect_image(image: str) -> PreflightCheck:
    """Return the check of the image reference's syntax; only a pull can tell whether it exists."""
    if IMAGE.fullmatch(image):
        return PreflightCheck(
            "image",
            OK,
            f"{image} is a valid reference; only the node can tell whether it can be pulled",
        )
    error = InvalidRequest(
        f'invalid image reference "{image}"', hint="as in --image python:3.11-slim"
    )
    return build_failed_check("image", error)


def detect_level(options: JobOptions) -> list[PreflightCheck]:
    """Return the check of gaps that the pod's privilege level causes."""
    settings = options.settings
    reads_kernel_log = settings.collects("Driver", STANDARD) and not settings.skips_kernel_log
    if options.level == RESTRICTED:
        reason = "the pod cannot read the node's files; their readings will be unavailable"
        fix = "use --privileged=host-read or --privileged where the namespace allows it"
    elif options.level == HOST_READ and reads_kernel_log:
        reason = "the pod cannot read the kernel's log; Driver.kernel-log will be unavailable"
        fix = "pass --no-kernel-log, or use --privileged where the namespace allows it"
    else:
        return []
    return [PreflightCheck("privilege level", WARN, reason, fix, leaves_gap=True)]


def _warn_of_own_key(options: JobOptions, warnings: tuple[str, ...]) -> PreflightCheck:
    """Return that there is no common key: admission refused its Secret, or permissions lack."""
    name = f"secrets in {options.namespace}"
    refused = next((warning for warning in warnings if warning.startswith(OWN_KEY)), "")
    if refused:
        return PreflightCheck(name, WARN, refused)
    return PreflightCheck(
        name,
        WARN,
        f"missing permissions create, delete: {OWN_KEY}",
        f"ask an administrator for create and delete on secrets in namespace {options.namespace}",
    )


def _warn_of_missing_events(options: JobOptions) -> PreflightCheck:
    return PreflightCheck(
        f"events in {options.namespace}",
        WARN,
        "missing permissions list, watch: only --timeout ends a wait for a pod that is not created",
        f"ask an administrator for list and watch on events in namespace {options.namespace}",
    )


def _read_pod_prerequisites(
    kube: Kube, options: JobOptions, pod: Answer, deadline: float
) -> list[PreflightCheck]:
    """Return checks of ServiceAccount, RuntimeClass and quota; `pod` is why no dry run told."""
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
    *answers, quotas, ranges = kube.request_all(
        [*reads, *calls.build_limit_reads(options, deadline)]
    )
    checks = []
    for (check, _, _, message), answer in zip(named, answers):
        missing = diagnose_builtin_admission(message, options)
        is_missing = isinstance(answer, SnapshotError) and answer.status == 404
        checks.append(
            build_failed_check(check, missing)
            if is_missing and missing
            else _detect_existence(check, answer)
        )
    return [*checks, detect_limits([quotas, ranges], options, pod)]


def detect_limits(answers: list[Answer], options: JobOptions, pod: Answer) -> PreflightCheck:
    """Return the check of quotas and limit ranges that no dry run could test; see `pod`."""
    check = "quota and limits"
    refused = next((answer for answer in answers if isinstance(answer, SnapshotError)), None)
    if refused is not None:
        return _detect_existence(check, refused)
    names = [
        item["metadata"]["name"]
        for answer in answers
        if isinstance(answer, Response)
        for item in answer.body.get("items") or ()
    ]
    if not names:
        return PreflightCheck(check, OK, f"namespace {options.namespace} has none")
    why = "without permission to create pods"
    if isinstance(pod, SnapshotError) and pod.status != 403:
        why = f"as the pod's dry run failed ({pod.why})"
    reason = f"cannot be tested {why}: {', '.join(names)}"
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
        return _detect_existence("nodes", error)
    check = detect_nodes(nodes, options)
    if check.error is not None and options.wait_for_schedule:
        return PreflightCheck(check.name, WARN, f"a capture would wait: {check.reason}", check.fix)
    return check


def _read_pull_secrets(kube: Kube, options: JobOptions, deadline: float) -> list[PreflightCheck]:
    """Return a check for each pull secret; without it a node still tries to pull."""
    path = core_path(options.namespace, "secrets")
    names = options.image_pull_secrets
    answers = kube.request_all([calls.build_metadata_read(path, n, deadline) for n in names])
    return [
        _detect_existence(f"pull secret {name}", answer) for name, answer in zip(names, answers)
    ]


def _detect_existence(check: str, answer: Answer) -> PreflightCheck:
    """Return the check that an object exists, a warning if it cannot be read."""
    if isinstance(answer, Response):
        return PreflightCheck(check, OK, "exists")
    return PreflightCheck(check, WARN, f"cannot be verified: {answer.why}", answer.hint)
