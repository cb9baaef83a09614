"""Why admission rejects the agent's pod: Pod Security, quota, LimitRange, webhook, … Pure.

The message is the same in a FailedCreate event on the Job and in the answer to a dry run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, NotFound, ServiceUnavailable, Unauthorized
from kubectl_snapshot.job.options import RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# k8s.io/kubernetes plugin/pkg/admission/limitranger: "maximum cpu usage per Container is 500m, but
# limit is 1", "cpu max limit to request ratio per Pod is 2, but provided ratio is 20".
LIMIT_RANGE_MESSAGE = r" per (Container|Pod) is \S+, but "
POD = "the agent's pod"
# plugin/pkg/admission/runtimeclass, plugin/pkg/admission/priority.
MISSING_CLASS = (
    r'RuntimeClass "(?P<runtime>[^"]*)" not found|no PriorityClass with name (?P<priority>\S+) was'
)
QUOTA_MESSAGES = ("exceeded quota", "failed quota")
# k8s.io/apiserver admission/plugin/webhook/errors and policy/validating: whoever denied it, and in
# whose words: they may be those of a built-in plugin.
DENIED = re.compile(
    r'admission webhook "[^"]*" denied|ValidatingAdmissionPolicy \'[^\']*\'.* denied'
)
POD_SECURITY_HINTS = {
    False: "use --privileged=false, or -n with a namespace that allows privileged pods",
    True: "use -n with a namespace that allows this pod",
}


def diagnose_job_event(event: Mapping[str, Any], options: JobOptions) -> SnapshotError | None:
    """Return the cause in a warning event on the Job whose pod cannot be created.

    None for other events, and for a quota with --wait-for-schedule: it may free up.
    """
    message = str(event.get("message", ""))
    is_waited_for = options.wait_for_schedule and is_quota_message(message)
    if event.get("reason") != "FailedCreate" or is_waited_for:
        return None
    return diagnose_builtin_admission(message, options) or diagnose_rejection(message, options)


def diagnose_creation(error: SnapshotError, kind: str, options: JobOptions) -> SnapshotError:
    """Return why an object of the run was not created: quota, a webhook, or the error itself."""
    subject = f"the run's {kind}"
    refusal = diagnose_builtin_admission(error.why, options, subject)
    if refusal is None and ("webhook" in error.why or DENIED.search(error.why)):
        refusal = diagnose_rejection(error.why, options, subject)
    return refusal or error


def is_quota(error: SnapshotError) -> bool:
    """Return whether a quota refused an object: it may free up."""
    return error.status == 403 and is_quota_message(error.why)


def is_quota_message(message: str) -> bool:
    """Return whether the API server's own quota plugin refused an object."""
    return any(mark in message for mark in QUOTA_MESSAGES) and not DENIED.search(message)


def diagnose_rejection(message: str, options: JobOptions, subject: str = POD) -> SnapshotError:
    """Return the rejection by an admission webhook, or an unknown one with its message."""
    webhook = re.search(r'webhook "([^"]*)"', message)
    if webhook and "failed calling webhook" in message:
        return ServiceUnavailable(
            f"admission webhook {webhook[1]} does not respond, so {subject} cannot be created",
            message,
            "see `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`",
        )
    if webhook:
        return Unauthorized(
            f"admission webhook {webhook[1]} denied {subject}",
            message,
            "pass another -n, or ask the webhook's owner for an exception",
        )
    policy = re.search(r"ValidatingAdmissionPolicy '([^']*)'", message)
    if policy:
        return Unauthorized(
            f"admission policy {policy[1]} denied {subject}",
            message,
            f"see `kubectl get validatingadmissionpolicy {policy[1]} -o yaml`, or pass another -n",
        )
    if " is invalid: " in message:
        return Internal(
            f"admission made {subject} invalid",
            message,
            "see `kubectl get mutatingwebhookconfigurations`, or pass another -n",
        )
    return Unauthorized(
        f"{subject} was rejected in namespace {options.namespace}",
        message,
        f"see `kubectl get events -n {options.namespace}`",
    )


def diagnose_builtin_admission(
    message: str, options: JobOptions, subject: str = POD
) -> SnapshotError | None:
    """Return the rejection by the API server's built-in admission plugins; None for others.

    Others are webhooks, the authorizer, and a quota with --wait-for-schedule.
    """
    namespace = options.namespace
    if DENIED.search(message):
        return None
    if "serviceaccount" in message and "not found" in message:
        return NotFound(
            f'service account "{options.service_account_name or "default"}" not found '
            f"in namespace {namespace}",
            message,
            f"list them with `kubectl get serviceaccounts -n {namespace}`",
        )
    missing = re.search(MISSING_CLASS, message)
    if missing:
        name = missing["runtime"] or missing["priority"]
        kind = "runtime" if missing["runtime"] else "priority"
        added = "" if name == options.runtime_class else "admission chose it; "
        return NotFound(
            f'{kind} class "{name}" not found',
            message,
            f"{added}list them with `kubectl get {kind}classes`",
        )
    if "violates PodSecurity" in message:
        return Unauthorized(
            f"Pod Security of namespace {namespace} rejects the agent's pod",
            message,
            POD_SECURITY_HINTS[options.level == RESTRICTED],
        )
    if is_quota_message(message) and not options.wait_for_schedule:
        return Unauthorized(
            f"{subject} exceeds the quota of namespace {namespace}",
            message,
            f"see `kubectl describe resourcequota -n {namespace}`, or pass another -n",
        )
    if re.search(LIMIT_RANGE_MESSAGE, message):
        return Unauthorized(
            f"the agent's pod violates a LimitRange of namespace {namespace}",
            message,
            f"see `kubectl describe limitrange -n {namespace}`, or pass another -n",
        )
    if "is being terminated" in message:
        return Unauthorized(
            f"namespace {namespace} is terminating", message, "pass another one with -n"
        )
    return None
