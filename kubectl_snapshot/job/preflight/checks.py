"""What the API server's answers say of a capture that has not started. Pure.

The gate before each capture and the `preflight` verb read the same checks; the gate stops at the
first that fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.errors import (
    EXIT_GAPS,
    EXIT_OK,
    InvalidRequest,
    NotFound,
    SnapshotError,
    Unauthorized,
    exit_code,
)
from kubectl_snapshot.job.diagnose.admission import (
    POD_SECURITY_HINTS,
    diagnose_builtin_admission,
    diagnose_job_event,
)
from kubectl_snapshot.job.options import AGENT, CLIENT, RESTRICTED
from kubectl_snapshot.job.permissions import describe_permissions, group_permissions

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

    Answer = Union[Response, SnapshotError]

OK, WARN, FAIL = "ok", "warn", "fail"
SERVER = "API server"
POD_SECURITY_WARNING = "would violate PodSecurity"
ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True)
class PreflightCheck:
    """One thing that a capture depends on, with what mends it.

    Where it fails, `error` is what the capture would end with; with `leaves_gap` it would work, and
    the document would say what could not be read.
    """

    name: str
    status: str
    reason: str
    fix: str = ""
    error: SnapshotError | None = None
    leaves_gap: bool = False


def build_failed_check(name: str, error: SnapshotError) -> PreflightCheck:
    """Return the check that a capture would end with this error."""
    reason = f"{error.what}: {error.why}" if error.why else error.what
    return PreflightCheck(name, FAIL, reason, error.hint, error)


def choose_exit_code(checks: Iterable[PreflightCheck], is_strict: bool) -> int:
    """Return the code that the capture would end with."""
    found = list(checks)
    error = next((check.error for check in found if check.status == FAIL), None)
    if error is not None:
        return exit_code(error)
    has_gap = any(check.leaves_gap for check in found)
    return EXIT_GAPS if is_strict and has_gap else EXIT_OK


def is_authorization_denial(answer: Answer, resource: str) -> bool:
    """Return whether the authorizer, and not admission, has refused to create a resource.

    k8s.io/apiserver endpoints/handlers/responsewriters, forbiddenMessage.
    """
    is_error = isinstance(answer, SnapshotError) and answer.status == 403
    return is_error and f'cannot create resource "{resource}"' in str(answer)


def detect_job_creation(answer: Answer, options: JobOptions) -> list[PreflightCheck]:
    """Return what the Job's dry run tells of server, namespace and name.

    What it cannot tell for want of rights is left out.
    """
    namespace = PreflightCheck("namespace", OK, f"{options.namespace} exists")
    if isinstance(answer, Response):
        return [namespace, PreflightCheck("Job", OK, f"{options.name} can be made")]
    if is_authorization_denial(answer, "jobs"):
        return []
    if answer.status == 404:
        return [build_failed_check("namespace", _missing_namespace(answer, options))]
    if answer.status == 409:
        return [namespace, build_failed_check("Job", _taken_name(options))]
    if answer.status not in (400, 403, 422):
        return [build_failed_check(SERVER, answer)]
    refusal = diagnose_builtin_admission(answer.why, options)
    if refusal is not None:
        return [build_failed_check("namespace", refusal)]
    return [namespace, build_failed_check("Job", answer)]


def is_server_unusable(found: Iterable[PreflightCheck]) -> bool:
    """Return whether there is nobody to ask more of: no server, or one that does not know us."""
    return any(check.name == SERVER and check.status == FAIL for check in found)


def detect_rights(
    needed: Sequence[Permission], allowed: Container[Permission], user: str
) -> list[PreflightCheck]:
    """Return a check for each resource; where rights are missing, all have the same error."""
    missing = [permission for permission in needed if permission not in allowed]
    error = _missing_rights(missing, user) if missing else None
    results = []
    for (place, title), permissions in group_permissions(needed).items():
        lacking = [permission for permission in permissions if permission in missing]
        name, verbs = f"rights on {title}", ", ".join(p.verb for p in lacking or permissions)
        if lacking and error:
            fix = f"ask an administrator, then check with `kubectl auth can-i {lacking[0]}`"
            results.append(PreflightCheck(name, FAIL, f"{place} you may not {verbs}", fix, error))
        else:
            results.append(PreflightCheck(name, OK, f"{place} you may {verbs}"))
    return results


def detect_scope(options: JobOptions, allowed: Container[Permission]) -> PreflightCheck:
    """Return who reads the cluster-wide facts, and what of them cannot be read."""
    if options.cluster_scope == AGENT:
        account = options.service_account_name or "made for the run"
        return PreflightCheck(
            "cluster facts", OK, f"the agent reads them, its service account is {account}"
        )
    if options.cluster_scope != CLIENT:
        return PreflightCheck("cluster facts", OK, "nobody reads them")
    lacking = [read for read in options.reads if read not in allowed]
    if not lacking:
        return PreflightCheck("cluster facts", OK, "you may read all of them")
    # Of the others, the cluster may have nothing that could be read.
    leaves_gap = any(read in options.required_reads for read in lacking)
    return PreflightCheck(
        "cluster facts",
        WARN,
        f"the document {'will' if leaves_gap else 'may'} say forbidden for want of: "
        f"{describe_permissions(lacking)}",
        f"ask an administrator, then check with `kubectl auth can-i {lacking[0]}`",
        leaves_gap=leaves_gap,
    )


def detect_pod(answer: Answer, options: JobOptions) -> PreflightCheck | None:
    """Return what the pod's dry run tells, None where only the pod itself will.

    A webhook's refusal is no proof: the Job's controller asks it again, as another user.
    """
    if isinstance(answer, Response):
        return PreflightCheck(
            "pod", OK, "the API server admits it as a trial: Pod Security, quota, limits"
        )
    refusal = diagnose_builtin_admission(answer.why, options) if answer.status == 403 else None
    return build_failed_check("pod", refusal) if refusal is not None else None


def detect_admission_refusal(answer: Answer, options: JobOptions) -> PreflightCheck | None:
    """Return the refusal of the pod's dry run by others than the API server itself.

    A quota that has no room is one, too, where its room is waited for.
    """
    if isinstance(answer, Response) or is_authorization_denial(answer, "pods"):
        return None
    if answer.status not in (400, 403, 422) and "webhook" not in answer.why:
        return None
    error = diagnose_job_event({"reason": "FailedCreate", "message": answer.why}, options)
    if error is None:
        return PreflightCheck("pod", WARN, f"a capture waits until this has changed: {answer.why}")
    return build_failed_check("pod", error)


def detect_pod_security(
    warnings: Sequence[str], namespace: Answer, options: JobOptions
) -> PreflightCheck | None:
    """Return the failure of a pod that the server has warned of, where the namespace enforces it.

    The same warning comes for a label that only warns, so the `enforce` label decides; where it may
    not be read, the refusal of the pod itself will tell.
    """
    warning = find_pod_security_warning(warnings)
    labels = namespace.body["metadata"].get("labels", {}) if isinstance(namespace, Response) else {}
    level = labels.get(ENFORCE_LABEL, "")
    if not level or f'{POD_SECURITY_WARNING} "{level}' not in warning:
        return None
    error = Unauthorized(
        f"namespace {options.namespace} does not allow the agent's pod",
        why=warning,
        hint=POD_SECURITY_HINTS[options.level == RESTRICTED],
        status=403,
    )
    return build_failed_check("pod", error)


def find_pod_security_warning(warnings: Sequence[str]) -> str:
    """Return the server's warning that Pod Security is against the Job's pods, empty without."""
    return next((text for text in warnings if POD_SECURITY_WARNING in text), "")


def _missing_namespace(answer: SnapshotError, options: JobOptions) -> SnapshotError:
    return NotFound(
        f"namespace {options.namespace} does not exist",
        why=answer.why,
        hint="list them with `kubectl get namespaces`, and pass one with -n",
        status=404,
    )


def _taken_name(options: JobOptions) -> SnapshotError:
    return InvalidRequest(
        f"Job {options.namespace}/{options.name} exists already",
        why="a Job that is there is never replaced",
        hint=f"pass another --job-name, or `kubectl delete job {options.name} "
        f"-n {options.namespace}`",
        status=409,
    )


def _missing_rights(missing: Sequence[Permission], user: str) -> SnapshotError:
    who = f"user {user}" if user else "this user"
    return Unauthorized(
        f"{who} may not run a capture, for want of: {describe_permissions(missing)}",
        hint="ask an administrator for what `kubectl snapshot rbac --for user` prints; "
        f"check one with `kubectl auth can-i {missing[0]}`",
        status=403,
    )
