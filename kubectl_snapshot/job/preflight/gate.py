"""The one permission gate before the first write: everything that is missing is told at once.

One burst: a rules review and, beside it, the Job and the pod by server-side dry-run, which also
tell a missing namespace, a taken name, Pod Security, quota, service account and runtime class. What
the rules review does not grant is asked verb by verb, at once. The roles are dry-run only where
they are to be made: nobody's audit log gets an attempt that is not meant. What the answers mean is
in checks.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.options import AGENT, CLIENT, JobOptions
from kubectl_snapshot.job.permissions import Permission, is_granted
from kubectl_snapshot.job.preflight import checks
from kubectl_snapshot.job.preflight import requests as calls
from kubectl_snapshot.job.rbac.user_permissions import (
    build_key_permissions,
    build_user_permissions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.job.preflight.checks import Answer, PreflightCheck

AUTO = "auto"
# The pod's trial is extra, and a broken webhook answers it with a 500 that would be tried again.
POD_TRIAL_S = 3.0


@dataclass(frozen=True)
class Gate:
    """The options with scope and key decided, the server's warnings, and what was found.

    `allowed` is what of the asked permissions is granted; `pod` the answer to the pod's dry run.
    """

    options: JobOptions
    warnings: tuple[str, ...]
    checks: tuple[PreflightCheck, ...]
    allowed: frozenset[Permission]
    pod: Answer


def enforce_gate(kube: Kube, options: JobOptions, deadline: float) -> Gate:
    """Return the options with the cluster scope decided, which may be `auto` here; write nothing.

    Raises the first failure: Unauthorized naming all that is missing or for a pod that the
    namespace does not admit, NotFound, InvalidRequest for a Job that exists or is refused.
    """
    gate = evaluate_gate(kube, options, deadline)
    for check in gate.checks:
        if check.error is not None:
            raise check.error
    return gate


def evaluate_gate(
    kube: Kube, options: JobOptions, deadline: float, also: Iterable[Permission] = ()
) -> Gate:
    """Return the gate's checks, the failing ones in the order in which a capture would tell them.

    `also` are permissions to ask for that a capture can do without.
    """
    is_auto = options.cluster_scope == AUTO
    trial = replace(options, cluster_scope=CLIENT) if is_auto else options
    review, job, pod = kube.request_all(
        [
            calls.build_rules_review(options.namespace, deadline),
            calls.build_job_trial(trial, deadline),
            calls.build_pod_trial(trial, min(deadline, time.monotonic() + POD_TRIAL_S)),
        ]
    )
    warnings = job.warnings if isinstance(job, Response) else ()
    found = checks.detect_job_creation(job, trial)
    if checks.is_server_unusable(found):
        return Gate(trial, warnings, tuple(found), frozenset(), pod)

    agent = replace(options, cluster_scope=AGENT)
    asked = {*build_user_permissions(trial), *build_key_permissions(trial), *also}
    if is_auto:
        asked |= {*options.required_reads, *build_user_permissions(agent)}
    allowed = _read_allowed(kube, asked, review, deadline)
    if isinstance(allowed, SnapshotError):
        refused = checks.build_failed_check("rights", allowed)
        return Gate(trial, warnings, (*found, refused), frozenset(), pod)
    if is_auto:
        trial = replace(options, cluster_scope=_choose_scope(kube, agent, allowed, deadline))
    if not allowed.issuperset(build_key_permissions(trial)):
        trial = replace(trial, shares_key=False)
    found += checks.detect_rights(build_user_permissions(trial), allowed, kube.user)
    if trial.sets_up_rbac and not is_auto:
        refusal = _read_role_refusal(kube, trial, deadline)
        found += [checks.build_failed_check("roles", refusal)] if refusal else []
    check = checks.detect_pod(pod, trial) or _read_pod_security(kube, warnings, trial, deadline)
    found += [check] if check else []
    return Gate(trial, warnings, tuple(found), allowed, pod)


def _choose_scope(
    kube: Kube, agent: JobOptions, allowed: frozenset[Permission], deadline: float
) -> str:
    """Return who reads the cluster-wide facts: the user where they may, else the pod where it may.

    Where neither may, it is the user: what is refused is then written as forbidden, one by one.
    """
    if set(agent.required_reads) <= allowed:
        return CLIENT
    if agent.service_account_name:
        return AGENT
    if not set(build_user_permissions(agent)) <= allowed:
        return CLIENT
    return CLIENT if _read_role_refusal(kube, agent, deadline) else AGENT


def _read_role_refusal(kube: Kube, options: JobOptions, deadline: float) -> SnapshotError | None:
    """Return the refusal of a role: access reviews do not see escalation prevention."""
    answers = kube.request_all(calls.build_role_trials(options, deadline))
    return next((answer for answer in answers if isinstance(answer, SnapshotError)), None)


def _read_pod_security(
    kube: Kube, warnings: tuple[str, ...], options: JobOptions, deadline: float
) -> PreflightCheck | None:
    """Return a failure by Pod Security of which the Job's dry run has warned."""
    if not checks.find_pod_security_warning(warnings):
        return None
    (namespace,) = kube.request_all([calls.build_namespace_read(options, deadline)])
    return checks.detect_pod_security(warnings, namespace, options)


def _read_allowed(
    kube: Kube, asked: Iterable[Permission], review: Answer, deadline: float
) -> frozenset[Permission] | SnapshotError:
    """Return what of these is granted; the error where the server does not answer that."""
    known = review.body["status"].get("resourceRules") or [] if isinstance(review, Response) else []
    wanted = sorted(asked, key=str)
    granted = {permission for permission in wanted if is_granted(permission, known)}
    unclear = [permission for permission in wanted if permission not in granted]
    answers = kube.request_all([calls.build_access_review(p, deadline) for p in unclear])
    for permission, answer in zip(unclear, answers):
        if isinstance(answer, SnapshotError):
            return answer
        if answer.body["status"].get("allowed"):
            granted.add(permission)
    return frozenset(granted)
