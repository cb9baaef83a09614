"""Why the agent's pod is refused at its creation, in the words of whoever refuses it. Pure.

The same words come in an event on the Job and in the answer to a dry run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import NotFound, ServiceUnavailable, Unauthorized
from kubectl_snapshot.job.options import RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# k8s.io/kubernetes plugin/pkg/admission/limitranger: "maximum cpu usage per Container is 500m, but
# limit is 1", "cpu max limit to request ratio per Pod is 2, but provided ratio is 20".
LIMIT_RANGE_WORDS = r" per (Container|Pod) is \S+, but "
QUOTA_WORDS = ("exceeded quota", "failed quota")
POD_SECURITY_HINTS = {
    False: "use --privileged=false, or -n with a namespace that allows privileged pods",
    True: "use -n with a namespace that allows this pod",
}


def diagnose_job_event(event: Mapping[str, Any], options: JobOptions) -> SnapshotError | None:
    """Return what a warning event on the Job says about a pod that cannot be made.

    None where that mends itself, as a quota may for whoever waits for room.
    """
    words = str(event.get("message", ""))
    has_quota_words = any(mark in words for mark in QUOTA_WORDS)
    if event.get("reason") != "FailedCreate" or (has_quota_words and options.wait_for_schedule):
        return None
    return diagnose_builtin_admission(words, options) or diagnose_webhook(words, options)


def diagnose_webhook(words: str, options: JobOptions) -> SnapshotError:
    """Return the refusal by a webhook, or for a reason that only its words tell."""
    webhook = re.search(r'webhook "([^"]*)"', words)
    if webhook and "failed calling webhook" in words:
        return ServiceUnavailable(
            f"the admission webhook {webhook[1]} does not answer, so no pod can be made",
            words,
            "see `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`",
        )
    if webhook:
        return Unauthorized(
            f"the admission webhook {webhook[1]} refuses the agent's pod",
            words,
            "pass another -n, or ask whoever runs it for an exception",
        )
    return Unauthorized(
        f"the agent's pod was refused in namespace {options.namespace}",
        words,
        f"see `kubectl get events -n {options.namespace}`",
    )


def diagnose_builtin_admission(words: str, options: JobOptions) -> SnapshotError | None:
    """Return what the API server's own admission says of the agent's pod; None for other words.

    Those are another's, such as a webhook's, or an authorizer's; or a quota's, where its room is
    waited for.
    """
    namespace = options.namespace
    if "serviceaccount" in words and "not found" in words:
        return NotFound(
            f"the service account {options.service_account_name or 'default'} does not exist "
            f"in namespace {namespace}",
            words,
            f"list them with `kubectl get serviceaccounts -n {namespace}`",
        )
    if "RuntimeClass" in words and "not found" in words:
        return NotFound(
            f"the runtime class {options.runtime_class} does not exist",
            words,
            "list them with `kubectl get runtimeclasses`",
        )
    if "violates PodSecurity" in words:
        return Unauthorized(
            f"namespace {namespace} does not allow the agent's pod",
            words,
            POD_SECURITY_HINTS[options.level == RESTRICTED],
        )
    if any(mark in words for mark in QUOTA_WORDS) and not options.wait_for_schedule:
        return Unauthorized(
            f"the quota of namespace {namespace} leaves no room for the agent's pod",
            words,
            f"see `kubectl describe resourcequota -n {namespace}`, or pass another -n",
        )
    if re.search(LIMIT_RANGE_WORDS, words):
        return Unauthorized(
            f"a LimitRange of namespace {namespace} does not allow the agent's pod",
            words,
            f"see `kubectl describe limitrange -n {namespace}`, or pass another -n",
        )
    if "is being terminated" in words:
        return Unauthorized(
            f"namespace {namespace} is being deleted", words, "pass another one with -n"
        )
    return None
