"""Preflight checks from the API server's answers: namespace, Job, permissions, pod. Pure.

The permission gate and the `preflight` verb share them; the gate stops at the first that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.clients.kube.errors import WriteConflict
from kubectl_snapshot.errors import (
    EXIT_GAPS,
    EXIT_OK,
    InvalidRequest,
    NotFound,
    SnapshotError,
    Unauthorized,
    exit_code,
)
from kubectl_snapshot.job.admission_changes import (
    LOSES,
    WEBHOOKS,
    build_change_error,
    build_change_warnings,
    find_job_changes,
    find_lost_metadata,
    find_pod_changes,
    find_wrong_node,
)
from kubectl_snapshot.job.diagnose.admission import (
    POD_SECURITY_HINTS,
    diagnose_builtin_admission,
    diagnose_creation,
    diagnose_job_event,
    is_quota,
)
from kubectl_snapshot.job.diagnose.held import build_suspended_error
from kubectl_snapshot.job.manifest import build_job, build_sent_pod
from kubectl_snapshot.job.options import AGENT, CLIENT, RESTRICTED
from kubectl_snapshot.job.permissions import describe_permissions, group_permissions
from kubectl_snapshot.job.pod import is_suspended
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.suggest import find_closest

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from kubectl_snapshot.job.admission_changes import Change
    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

    Answer = Union[Response, SnapshotError]

OK, WARN, FAIL = "ok", "warn", "fail"
SERVER = "API server"
NODES = "nodes"
POD_SECURITY_WARNING = "would violate PodSecurity"
ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True)
class PreflightCheck:
    """One condition for a capture, with its status and fix.

    If it fails, `error` is the error of the capture. With `leaves_gap` the capture works, and its
    document has a gap.
    """

    name: str
    status: str
    reason: str
    fix: str = ""
    error: SnapshotError | None = None
    leaves_gap: bool = False


def build_failed_check(name: str, error: SnapshotError) -> PreflightCheck:
    """Return a failed check: the capture would end with this error."""
    reason = f"{error.what}: {error.why}" if error.why else error.what
    return PreflightCheck(name, FAIL, reason, error.hint, error)


def choose_exit_code(checks: Iterable[PreflightCheck], is_strict: bool) -> int:
    """Return the exit code of the capture that was checked."""
    checks = list(checks)
    error = next((check.error for check in checks if check.status == FAIL), None)
    if error is not None:
        return exit_code(error)
    has_gap = any(check.leaves_gap for check in checks)
    return EXIT_GAPS if is_strict and has_gap else EXIT_OK


def is_authorization_denial(answer: Answer, resource: str) -> bool:
    """Return whether the authorizer, and not admission, denied the creation of a resource.

    k8s.io/apiserver endpoints/handlers/responsewriters, forbiddenMessage.
    """
    is_error = isinstance(answer, SnapshotError) and answer.status == 403
    return is_error and f'cannot create resource "{resource}"' in str(answer)


def detect_job_creation(answer: Answer, options: JobOptions) -> list[PreflightCheck]:
    """Return the checks of API server, namespace and Job name, from the Job's dry run.

    Without permission to create Jobs, the dry run says nothing, and the result is empty.
    """
    namespace = PreflightCheck("namespace", OK, f"{options.namespace} exists")
    if isinstance(answer, Response):
        if is_suspended(answer.body) and not options.job_labels:
            held = build_suspended_error(options)
            if options.wait_for_schedule:
                why = f"a capture would wait: {held.what}: {held.why}"
                return [namespace, PreflightCheck("Job", WARN, why, held.hint)]
            return [namespace, build_failed_check("Job", held)]
        changes = find_job_changes(build_job(options, expires=""), answer.body)
        return [namespace, _build_change_check("Job", changes, f"{options.name} can be created")]
    if is_authorization_denial(answer, "jobs"):
        return []
    if answer.status == 404:
        return [build_failed_check("namespace", _build_missing_namespace(answer, options))]
    if answer.status == 409 and not isinstance(answer, WriteConflict):
        return [namespace, build_failed_check("Job", _build_name_conflict(options))]
    refusal = diagnose_creation(answer, "Job", options)
    if refusal is answer and answer.status not in (400, 403, 422):
        return [build_failed_check(SERVER, answer)]
    if "is terminating" in refusal.what:
        return [build_failed_check("namespace", refusal)]
    return [namespace, _build_refusal_check("Job", refusal, options)]


def detect_object(answer: Answer, sent: Manifest, options: JobOptions) -> PreflightCheck | None:
    """Return the check of the dry run of an object beside the Job; None if it is accepted."""
    kind = sent["kind"]
    if isinstance(answer, Response):
        changes = [*find_lost_metadata(kind, sent["metadata"], answer.body.get("metadata") or {})]
        error = build_change_error(changes)
        return build_failed_check(kind, error) if error is not None else None
    return _build_refusal_check(kind, diagnose_creation(answer, kind, options), options)


def _build_refusal_check(kind: str, refusal: SnapshotError, options: JobOptions) -> PreflightCheck:
    """Return the check of a refused object; with --wait-for-schedule a quota is waited for."""
    if options.wait_for_schedule and is_quota(refusal):
        return PreflightCheck(kind, WARN, f"a capture would wait for a quota: {refusal.why}")
    return build_failed_check(kind, refusal)


def is_server_unusable(checks: Iterable[PreflightCheck]) -> bool:
    """Return whether further requests are pointless: no server, or it rejects our credentials."""
    return any(check.name == SERVER and check.status == FAIL for check in checks)


def detect_permissions(
    needed: Sequence[Permission], allowed: Container[Permission], user: str
) -> list[PreflightCheck]:
    """Return a check for each resource; all missing permissions share one error."""
    missing = [permission for permission in needed if permission not in allowed]
    error = _build_missing_permissions(missing, user) if missing else None
    results = []
    for (place, title), permissions in group_permissions(needed).items():
        lacking = [permission for permission in permissions if permission in missing]
        name, verbs = f"permissions on {title}", ", ".join(p.verb for p in lacking or permissions)
        if lacking and error:
            fix = f"ask an administrator, then check with `kubectl auth can-i {lacking[0]}`"
            results.append(PreflightCheck(name, FAIL, f"missing {place}: {verbs}", fix, error))
        else:
            results.append(PreflightCheck(name, OK, f"granted {place}: {verbs}"))
    return results


def detect_scope(options: JobOptions, allowed: Container[Permission]) -> PreflightCheck:
    """Return the check of who reads the cluster-wide facts, and with which gaps."""
    if options.cluster_scope == AGENT:
        account = options.service_account_name or "created for the run"
        return PreflightCheck(
            "cluster facts", OK, f"read by the agent, with the service account {account}"
        )
    if options.cluster_scope != CLIENT:
        return PreflightCheck("cluster facts", OK, "not read")
    lacking = [read for read in options.reads if read not in allowed]
    if not lacking:
        return PreflightCheck("cluster facts", OK, "all can be read with your permissions")
    # Resources of optional permissions may not exist in this cluster.
    leaves_gap = any(read in options.required_reads for read in lacking)
    return PreflightCheck(
        "cluster facts",
        WARN,
        f"the snapshot {'will' if leaves_gap else 'may'} have forbidden gaps; missing permissions: "
        f"{describe_permissions(lacking)}",
        f"ask an administrator, then check with `kubectl auth can-i {lacking[0]}`",
        leaves_gap=leaves_gap,
    )


def detect_creator(options: JobOptions) -> PreflightCheck:
    """Return the check of who creates a fleet's pods; both ways give the same result."""
    if options.creates_pods:
        return PreflightCheck("pods", OK, "created by the client, one a node")
    reason = "created by one Job a node: missing permissions create, delete on pods"
    return PreflightCheck("pods", OK, reason)


def detect_pod(answer: Answer, options: JobOptions) -> PreflightCheck | None:
    """Return the check of the pod's dry run; None if only the real pod can tell.

    A webhook's denial proves nothing: it is asked again for the Job controller, another user.
    """
    if isinstance(answer, Response):
        error = find_wrong_node(options.node_name, options.node_selector, answer.body)
        if error is not None:
            return build_failed_check("pod", error)
        accepted = "accepted in a server-side dry run: Pod Security, quota, limits"
        changes = find_pod_changes(build_sent_pod(options), answer.body)
        return _build_change_check("pod", changes, accepted)
    refusal = diagnose_builtin_admission(answer.why, options) if answer.status == 403 else None
    return build_failed_check("pod", refusal) if refusal is not None else None


def _build_change_check(name: str, changes: Sequence[Change], accepted: str) -> PreflightCheck:
    """Return the check of what admission would change; `accepted` is the reason without any."""
    error = build_change_error(changes)
    if error is not None:
        return build_failed_check(name, error)
    warnings = build_change_warnings(changes)
    if not warnings:
        return PreflightCheck(name, OK, accepted)
    leaves_gap = any(change.weight == LOSES for change in changes)
    return PreflightCheck(name, WARN, "; ".join(warnings), WEBHOOKS, leaves_gap=leaves_gap)


def detect_admission_refusal(answer: Answer, options: JobOptions) -> PreflightCheck | None:
    """Return the check of a pod that a webhook rejects in the dry run; None if it proves nothing.

    An exceeded quota with --wait-for-schedule is a warning.
    """
    if isinstance(answer, Response) or is_authorization_denial(answer, "pods"):
        return None
    if answer.status not in (400, 403, 422) and "webhook" not in answer.why:
        return None
    error = diagnose_job_event({"reason": "FailedCreate", "message": answer.why}, options)
    if error is None:
        return PreflightCheck("pod", WARN, f"a capture would wait for this to change: {answer.why}")
    return build_failed_check("pod", error)


def detect_pod_security(
    warnings: Sequence[str], namespace: Answer, options: JobOptions
) -> PreflightCheck | None:
    """Return the failure of a pod that Pod Security warns of, if the namespace enforces it.

    A `warn` label causes the same warning, so the `enforce` label decides. If the namespace cannot
    be read, only the creation of the pod can tell.
    """
    warning = find_pod_security_warning(warnings)
    labels: dict[str, str] = {}
    if isinstance(namespace, Response):
        labels = namespace.read_map("metadata").get("labels") or {}
    level = labels.get(ENFORCE_LABEL, "")
    if not level or f'{POD_SECURITY_WARNING} "{level}' not in warning:
        return None
    error = Unauthorized(
        f"Pod Security of namespace {options.namespace} rejects the agent's pod",
        why=warning,
        hint=POD_SECURITY_HINTS[options.level == RESTRICTED],
        status=403,
    )
    return build_failed_check("pod", error)


def find_pod_security_warning(warnings: Sequence[str]) -> str:
    """Return the server's warning that the Job's pods violate Pod Security, or an empty text."""
    return next((text for text in warnings if POD_SECURITY_WARNING in text), "")


def build_missing_node(name: str, names: Iterable[str]) -> NotFound:
    """Return the error for a node that does not exist; `names` are the nodes that do."""
    close = find_closest(name, names)
    return NotFound(
        f'node "{name}" not found; did you mean {close}?' if close else f'node "{name}" not found',
        hint=f"use --node {close}" if close else "list them with `kubectl get nodes`",
        status=404,
    )


def _build_missing_namespace(answer: SnapshotError, options: JobOptions) -> SnapshotError:
    return NotFound(
        f'namespace "{options.namespace}" not found',
        why=answer.why,
        hint="list them with `kubectl get namespaces`, and pass one with -n",
        status=404,
    )


def _build_name_conflict(options: JobOptions) -> SnapshotError:
    return InvalidRequest(
        f"Job {options.namespace}/{options.name} already exists",
        why="an existing Job is never replaced",
        hint=f"pass another --job-name, or `kubectl delete job {options.name} "
        f"-n {options.namespace}`",
        status=409,
    )


def _build_missing_permissions(missing: Sequence[Permission], user: str) -> SnapshotError:
    who = f"user {user}" if user else "this user"
    return Unauthorized(
        f"{who} cannot run a capture; missing permissions: {describe_permissions(missing)}",
        hint="ask an administrator to apply the output of `kubectl snapshot rbac --for user`; "
        f"check one with `kubectl auth can-i {missing[0]}`",
        status=403,
    )
