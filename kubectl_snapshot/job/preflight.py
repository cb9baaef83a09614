"""The one permission gate before the first write: everything that is missing is told at once.

A rules review and, beside it, the Job by server-side dry-run, which also tells a missing namespace,
a taken name and, in its warnings, what Pod Security will say. What the rules review does not grant
is asked verb by verb, at once. The roles are dry-run only where they are to be made: nobody's
audit log gets an attempt that is not meant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube import Call, Response
from kubectl_snapshot.errors import InvalidRequest, NotFound, SnapshotError, Unauthorized
from kubectl_snapshot.job import manifest, rbac
from kubectl_snapshot.job.diagnose import POD_SECURITY_HINTS
from kubectl_snapshot.job.options import AGENT, CLIENT, RESTRICTED, SKIP, JobOptions
from kubectl_snapshot.job.permissions import (
    Permission,
    build_key_permissions,
    build_user_permissions,
    describe_permissions,
    is_granted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.clients.kube import Kube

AUTO = "auto"
SCOPES = (AUTO, CLIENT, AGENT, SKIP)
AUTHORIZATION = "/apis/authorization.k8s.io/v1"
DRY_RUN = {"dryRun": "All"}
POD_SECURITY_WARNING = "would violate PodSecurity"


@dataclass(frozen=True)
class Gate:
    """The options with the cluster scope decided, and the server's warnings."""

    options: JobOptions
    warnings: tuple[str, ...]


def check_permissions(kube: Kube, options: JobOptions, deadline: float) -> Gate:
    """Return the options with the cluster scope decided, which may be `auto` here; write nothing.

    Raises Unauthorized naming all that is missing or for a pod that the namespace's Pod Security
    forbids, NotFound for a missing namespace, InvalidRequest for a Job that exists or is refused.
    """
    is_auto = options.cluster_scope == AUTO
    trial = replace(options, cluster_scope=CLIENT) if is_auto else options
    calls = [_rules_review(options.namespace, deadline), _dry_run_job(trial, deadline)]
    review, job = kube.request_all(calls)
    _check_job(job, trial)
    warnings = job.warnings if isinstance(job, Response) else ()
    _check_pod_security(kube, warnings, trial, deadline)

    agent = replace(options, cluster_scope=AGENT)
    asked = {*build_user_permissions(trial), *build_key_permissions(trial)}
    if is_auto:
        asked |= {*options.required_reads, *build_user_permissions(agent)}
    allowed = _allowed(kube, sorted(asked, key=str), review, deadline)
    if is_auto:
        trial = replace(options, cluster_scope=_choose_scope(kube, agent, allowed, deadline))
    if not allowed.issuperset(build_key_permissions(trial)):
        trial = replace(trial, shares_key=False)
    missing = [p for p in build_user_permissions(trial) if p not in allowed]
    if missing:
        raise _missing(kube, missing, trial)
    if trial.sets_up_rbac and not is_auto:
        refusal = _refused_role(kube, trial, deadline)
        if refusal is not None:
            raise refusal
    return Gate(trial, warnings)


def _choose_scope(kube: Kube, agent: JobOptions, allowed: set[Permission], deadline: float) -> str:
    """Return who reads the cluster-wide facts: the user where they may, else the pod where it may.

    Where neither may, it is the user: what is refused is then written as forbidden, one by one.
    """
    if set(agent.required_reads) <= allowed:
        return CLIENT
    if agent.service_account_name:
        return AGENT
    if not set(build_user_permissions(agent)) <= allowed:
        return CLIENT
    return CLIENT if _refused_role(kube, agent, deadline) else AGENT


def _refused_role(kube: Kube, options: JobOptions, deadline: float) -> SnapshotError | None:
    """Return the refusal of a role: access reviews do not see escalation prevention."""
    answers = kube.request_all(_dry_run_roles(options, deadline))
    return next((answer for answer in answers if isinstance(answer, SnapshotError)), None)


def _allowed(
    kube: Kube,
    wanted: Sequence[Permission],
    review: Response | SnapshotError,
    deadline: float,
) -> set[Permission]:
    known = review.body["status"].get("resourceRules") or [] if isinstance(review, Response) else []
    granted = {permission for permission in wanted if is_granted(permission, known)}
    unclear = [permission for permission in wanted if permission not in granted]
    answers = kube.request_all([_access_review(p, deadline) for p in unclear])
    for permission, answer in zip(unclear, answers):
        if isinstance(answer, SnapshotError):
            raise answer
        if answer.body["status"].get("allowed"):
            granted.add(permission)
    return granted


def _check_job(answer: Response | SnapshotError, options: JobOptions) -> None:
    """Raise what the Job's dry-run tells; a 403 is left to the list of what is missing."""
    if isinstance(answer, Response):
        return
    if answer.status == 404:
        raise NotFound(
            f"namespace {options.namespace} does not exist",
            why=answer.why,
            hint="list them with `kubectl get namespaces`, and pass one with -n",
            status=404,
        ) from answer
    if answer.status == 409:
        raise InvalidRequest(
            f"Job {options.namespace}/{options.name} exists already",
            why="a Job that is there is never replaced",
            hint=f"pass another --job-name, or `kubectl delete job {options.name} "
            f"-n {options.namespace}`",
            status=409,
        ) from answer
    if answer.status != 403:
        raise answer


def _check_pod_security(
    kube: Kube, warnings: Sequence[str], options: JobOptions, deadline: float
) -> None:
    """Raise where the namespace enforces what the server warns of.

    The same warning comes for a label that only warns, so the namespace's `enforce` label decides;
    where it may not be read, the refusal of the pod itself will tell.
    """
    warning = next((text for text in warnings if POD_SECURITY_WARNING in text), "")
    if not warning:
        return
    path = f"/api/v1/namespaces/{options.namespace}"
    doing = f"read namespace {options.namespace}"
    (answer,) = kube.request_all([Call("GET", path, doing=doing, deadline=deadline)])
    labels = answer.body["metadata"].get("labels", {}) if isinstance(answer, Response) else {}
    enforced = labels.get("pod-security.kubernetes.io/enforce", "")
    if enforced and f'{POD_SECURITY_WARNING} "{enforced}' in warning:
        raise Unauthorized(
            f"namespace {options.namespace} does not allow the agent's pod",
            why=warning,
            hint=POD_SECURITY_HINTS[options.level == RESTRICTED],
            status=403,
        )


def _missing(kube: Kube, missing: Sequence[Permission], options: JobOptions) -> Unauthorized:
    who = f"user {kube.user}" if kube.user else "this user"
    return Unauthorized(
        f"{who} may not run a capture, for want of: {describe_permissions(missing)}",
        hint=f"ask an administrator for these; check one with `kubectl auth can-i {missing[0]}`",
        status=403,
    )


def _rules_review(namespace: str, deadline: float) -> Call:
    return Call(
        "POST",
        f"{AUTHORIZATION}/selfsubjectrulesreviews",
        doing=f"review the permissions in namespace {namespace}",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
        deadline=deadline,
    )


def _access_review(permission: Permission, deadline: float) -> Call:
    attributes: dict[str, Any] = {
        "verb": permission.verb,
        "group": permission.group,
        "resource": permission.resource,
        "subresource": permission.subresource,
        "namespace": permission.namespace,
    }
    return Call(
        "POST",
        f"{AUTHORIZATION}/selfsubjectaccessreviews",
        doing=f"ask whether {permission} is allowed",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
        },
        deadline=deadline,
    )


def _dry_run_job(options: JobOptions, deadline: float) -> Call:
    return Call(
        "POST",
        manifest.jobs_path(options.namespace),
        doing=f"create Job {options.namespace}/{options.name}",
        query=DRY_RUN,
        body=manifest.build_job(options, expires=""),
        deadline=deadline,
    )


def _dry_run_roles(options: JobOptions, deadline: float) -> list[Call]:
    """Return the calls of the roles; their bindings need nothing that these do not show."""
    owner = manifest.build_owner(options, manifest.NO_UID)
    return [
        Call(
            "POST",
            path,
            doing=f"create {manifest.render_title(body)}",
            query=DRY_RUN,
            body=body,
            deadline=deadline,
        )
        for path, body in rbac.build_roles(options, expires="", owner=owner)
        if body["kind"] in ("ClusterRole", "Role")
    ]
