"""The permission gate before the first write: reports all missing permissions at once.

One burst of requests: a rules review, and server-side dry runs of the Job and the pod, which also
detect a missing namespace, a name conflict, Pod Security, quota, service account and runtime class.
Each permission that the rules review does not grant gets an access review of its own. Roles are
dry-run only if the run creates them, to keep attempts that nobody intends out of the audit log.
checks.py interprets the answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_snapshot.clients.kube.client import Call, Response
from kubectl_snapshot.errors import NotFound, SnapshotError
from kubectl_snapshot.job.options import AGENT, CLIENT, JobOptions
from kubectl_snapshot.job.permissions import Permission, is_granted
from kubectl_snapshot.job.pod import is_suspended
from kubectl_snapshot.job.preflight import checks, nodes
from kubectl_snapshot.job.preflight import requests as calls
from kubectl_snapshot.job.rbac.user_permissions import (
    build_key_permissions,
    build_pod_permissions,
    build_user_permissions,
)
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.job.preflight.checks import Answer, PreflightCheck

AUTO = "auto"
# The pod's dry run is optional; on a busy server, a webhook of its own took more than 3 s.
POD_DRY_RUN_S = 10.0
# The list of nodes is optional, too; 5,000 nodes take a second.
NODE_LIST_S = 3.0
NODE_PAGE = 250
OWN_KEY = "the pod generates its own redaction key"


@dataclass(frozen=True)
class Gate:
    """The gate's result: options with scope and key sharing decided, warnings and checks.

    `allowed` are the granted permissions; `pod` is the answer to the pod's dry run; `nodes` are
    those that were read, the chosen one or the first page.
    """

    options: JobOptions
    warnings: tuple[str, ...]
    checks: tuple[PreflightCheck, ...]
    allowed: frozenset[Permission]
    pod: Answer
    nodes: tuple[dict[str, Any], ...] = ()


def enforce_gate(kube: Kube, options: JobOptions, deadline: float) -> Gate:
    """Return the gate with the cluster scope decided, or raise its first failure; write nothing.

    Raises Unauthorized with all missing permissions or for a pod that the namespace rejects,
    NotFound, InvalidRequest for a Job that exists or is invalid.
    """
    gate = evaluate_gate(kube, options, deadline)
    for check in gate.checks:
        if check.error is not None:
            raise check.error
    return gate


def evaluate_gate(
    kube: Kube, options: JobOptions, deadline: float, also: Iterable[Permission] = ()
) -> Gate:
    """Return the gate; its failed checks come in the order in which a capture reports them.

    `also` are optional permissions to ask for.
    """
    is_auto = options.cluster_scope == AUTO
    sent = replace(options, cluster_scope=CLIENT) if is_auto else options
    answers = _ask_first(kube, sent, deadline)
    warnings = answers.job.warnings if isinstance(answers.job, Response) else ()
    results = checks.detect_job_creation(answers.job, sent)
    decided = sent
    if isinstance(answers.job, Response) and is_suspended(answers.job.body):
        decided = replace(sent, is_suspended=True)
    if checks.is_server_unusable(results):
        return Gate(decided, warnings, tuple(results), frozenset(), answers.pod)
    decided, unplaced, told = _find_place(kube, decided, answers, deadline)
    results, warnings = [*results, *unplaced], warnings + told
    asked = {*_list_asked(decided, is_auto), *also}
    allowed = _read_allowed(kube, asked, answers.review, deadline)
    if isinstance(allowed, SnapshotError):
        failed = checks.build_failed_check("permissions", allowed)
        return Gate(decided, warnings, (*results, failed), frozenset(), answers.pod)
    decided = _decide(kube, decided, is_auto, allowed, deadline)
    if not any(check.error for check in results):
        decided, refused, told = _try_objects(kube, decided, allowed, deadline)
        results, warnings = [*results, *refused], warnings + told
    results += checks.detect_permissions(build_user_permissions(decided), allowed, kube.user)
    if decided.sets_up_rbac and not is_auto:
        error = _read_role_error(kube, decided, deadline)
        results += [checks.build_failed_check("roles", error)] if error else []
    check = checks.detect_pod(answers.pod, sent)
    check = check or _read_pod_security(kube, warnings, decided, deadline)
    results += [check] if check else []
    read = _list_read_nodes(answers)
    return Gate(decided, warnings, tuple(results), allowed, answers.pod, read)


class _Answers(NamedTuple):
    """The answers to the first burst; the last three are None if they were not asked for."""

    review: Answer
    job: Answer
    pod: Answer
    node: Answer | None
    nodes: Answer | None
    slices: Answer | None


def _ask_first(kube: Kube, options: JobOptions, deadline: float) -> _Answers:
    node, listed = _build_node_read(options, deadline), _build_node_list(options, deadline)
    review, job, pod, *rest = kube.request_all(
        [
            calls.build_rules_review(options.namespace, deadline),
            calls.build_job_dry_run(options, deadline),
            calls.build_pod_dry_run(options, min(deadline, time.monotonic() + POD_DRY_RUN_S)),
            *node,
            *listed,
        ]
    )
    read = rest.pop(0) if node else None
    found, slices = rest if listed else (None, None)
    return _Answers(review, job, pod, read, found, slices)


def _list_read_nodes(answers: _Answers) -> tuple[dict[str, Any], ...]:
    if isinstance(answers.node, Response):
        return (answers.node.body,)
    listed = answers.nodes
    return tuple(listed.body.get("items") or ()) if isinstance(listed, Response) else ()


def _find_place(
    kube: Kube, options: JobOptions, answers: _Answers, deadline: float
) -> tuple[JobOptions, list[PreflightCheck], tuple[str, ...]]:
    """Return the options without unusable nodes, failed checks, and warnings of the chosen node."""
    results: list[PreflightCheck] = []
    warnings: tuple[str, ...] = ()
    if isinstance(answers.node, NotFound):
        results.append(_read_missing_node(kube, options.node_name, deadline))
    if isinstance(answers.node, Response):
        warnings = tuple(filter(None, (nodes.describe_node(answers.node.body),)))
        recursive = nodes.take_recursive_read_only([answers.node.body])
        options = replace(options, recursive_read_only=recursive)
    offering = replace(options, gpu_nodes=nodes.find_offering_nodes(answers.slices))
    placed, unplaced = _place(kube, offering, answers.nodes, deadline)
    return placed, [*results, *unplaced], warnings


def _list_asked(options: JobOptions, is_auto: bool) -> set[Permission]:
    """Return the permissions of a run, with an undecided scope those of both scopes."""
    asked = {*build_user_permissions(options), *build_key_permissions(options)}
    if is_auto:
        asked |= {*options.required_reads, *build_user_permissions(_as_agent(options))}
    return asked


def _decide(
    kube: Kube, options: JobOptions, is_auto: bool, allowed: frozenset[Permission], deadline: float
) -> JobOptions:
    """Return the options with the scope, creation of a fleet's pods and key sharing permitted."""
    if is_auto:
        scope = _choose_scope(kube, _as_agent(options), allowed, deadline)
        options = replace(options, cluster_scope=scope)
    if options.creates_pods and not allowed.issuperset(build_pod_permissions(options)):
        options = replace(options, creates_pods=False, creates_jobs=True)
    shares_key = options.shares_key and allowed.issuperset(build_key_permissions(options))
    return replace(options, shares_key=shares_key)


def _as_agent(options: JobOptions) -> JobOptions:
    return replace(options, cluster_scope=AGENT)


def _build_node_read(options: JobOptions, deadline: float) -> list[Call]:
    """Return the read of the chosen node, unless the run may wait for it to be added."""
    if not options.node_name or options.wait_for_schedule:
        return []
    return [calls.build_node_read(options.node_name, deadline)]


def _try_objects(
    kube: Kube, options: JobOptions, allowed: frozenset[Permission], deadline: float
) -> tuple[JobOptions, list[PreflightCheck], tuple[str, ...]]:
    """Return the options, failed checks and warnings of dry runs of ConfigMap and Secret.

    The Secret is optional: where it cannot be created the pod generates its own key.
    """
    if not allowed.issuperset(build_user_permissions(options)):
        return options, [], ()
    planned = calls.build_object_dry_runs(options, deadline)
    answers = kube.request_all([call for _, call in planned])
    results, warnings = [], []
    for (body, _), answer in zip(planned, answers):
        check = checks.detect_object(answer, body, options)
        if check is None:
            continue
        if body["kind"] == "Secret" and check.error is not None:
            options = replace(options, shares_key=False)
            warnings.append(f"{OWN_KEY}: {check.reason}")
        else:
            results.append(check)
    return options, results, tuple(warnings)


def _build_node_list(options: JobOptions, deadline: float) -> list[Call]:
    """Return the lists of the nodes' first page and of GPUs by DRA, unless a node was chosen."""
    if (options.node_name and not options.require_gpu) or options.is_fleet:
        return []
    query = {**nodes.build_node_query(options), "limit": str(NODE_PAGE)}
    end = min(deadline, time.monotonic() + NODE_LIST_S)
    return [
        Call("GET", calls.NODES, "list nodes", query, deadline=end),
        calls.build_slice_list(end),
    ]


def _place(
    kube: Kube, options: JobOptions, listed: Answer | None, deadline: float
) -> tuple[JobOptions, list[PreflightCheck]]:
    """Return the options without unusable nodes, and the failed check of a missing GPU resource.

    A user without permission to list nodes leaves it to the scheduler.
    """
    if not isinstance(listed, Response):
        return options, []
    found = listed.body.get("items") or []
    if listed.body.get("metadata", {}).get("continue"):
        found = _read_all_nodes(kube, options, deadline) or found
    check = None if options.wait_for_schedule else nodes.detect_gpu_request(found, options)
    if not options.node_name:
        options = nodes.choose_nodes(found, options)
        recursive = nodes.take_recursive_read_only(found)
        options = replace(options, recursive_read_only=recursive)
    return options, [check] if check else []


def _read_all_nodes(kube: Kube, options: JobOptions, deadline: float) -> list[dict[str, Any]]:
    """Return the matching nodes of a large cluster, none if it takes too long."""
    query = {**nodes.build_node_query(options), **calls.CACHED}
    end = min(deadline, time.monotonic() + NODE_LIST_S)
    try:
        return list(kube.list_items(calls.NODES, doing="list nodes", query=query, deadline=end))
    except SnapshotError:
        return []


def _read_missing_node(kube: Kube, name: str, deadline: float) -> PreflightCheck:
    """Return the failed check of a node that does not exist, with the node that was meant."""
    (answer,) = kube.request_all([calls.build_node_list(deadline)])
    items = answer.body.get("items") or () if isinstance(answer, Response) else ()
    names = [item["metadata"]["name"] for item in items]
    return checks.build_failed_check(checks.NODES, checks.build_missing_node(name, names))


def _choose_scope(
    kube: Kube, agent: JobOptions, allowed: frozenset[Permission], deadline: float
) -> str:
    """Return who reads the cluster-wide facts: the user if permitted, else the pod if permitted.

    If neither is, the user reads them, and each refused part becomes `forbidden`.
    """
    if set(agent.required_reads) <= allowed:
        return CLIENT
    if agent.service_account_name:
        return AGENT
    if not set(build_user_permissions(agent)) <= allowed:
        return CLIENT
    return CLIENT if _read_role_error(kube, agent, deadline) else AGENT


def _read_role_error(kube: Kube, options: JobOptions, deadline: float) -> SnapshotError | None:
    """Return the error of the roles' dry run; access reviews ignore escalation prevention."""
    answers = kube.request_all(calls.build_role_dry_runs(options, deadline))
    return next((answer for answer in answers if isinstance(answer, SnapshotError)), None)


def _read_pod_security(
    kube: Kube, warnings: tuple[str, ...], options: JobOptions, deadline: float
) -> PreflightCheck | None:
    """Return the failed check if the namespace enforces what the Job's dry run warned of."""
    if not checks.find_pod_security_warning(warnings):
        return None
    (namespace,) = kube.request_all([calls.build_namespace_read(options, deadline)])
    return checks.detect_pod_security(warnings, namespace, options)


def _read_allowed(
    kube: Kube, asked: Iterable[Permission], review: Answer, deadline: float
) -> frozenset[Permission] | SnapshotError:
    """Return which of these permissions are granted, or the error of an access review."""
    known: list[Any] = []
    if isinstance(review, Response):
        known = review.read_map("status").get("resourceRules") or []
    ordered = sorted(asked, key=str)
    granted = {permission for permission in ordered if is_granted(permission, known)}
    unclear = [permission for permission in ordered if permission not in granted]
    answers = kube.request_all([calls.build_access_review(p, deadline) for p in unclear])
    for permission, answer in zip(unclear, answers):
        if isinstance(answer, SnapshotError):
            return answer
        if answer.read_map("status").get("allowed"):
            granted.add(permission)
    return frozenset(granted)
