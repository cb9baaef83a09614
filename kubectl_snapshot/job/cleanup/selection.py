"""Select the objects to clean up: finished, expired or orphaned, not of an active run. Pure.

Objects that a Job owns are ignored: the cluster garbage-collects them with their Job. For others
their run's Job decides, and the expiry annotation that Jobs and unowned objects carry.
"""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import EXPIRES_ANNOTATION, RUN_LABEL
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JOB = "Job"
# Clients of older versions wrote the expiry by their own clock.
EXPIRY_MARGIN_S = 60
# The format of job/options.new_run_id.
RUN_ID = r"[a-z2-7]{10}"


@dataclass(frozen=True)
class CleanupObject:
    """An object with our labels. Times are seconds since the epoch, 0 if absent."""

    kind: str
    name: str
    namespace: str
    run_id: str
    uid: str = ""
    created: float = 0
    expires: float = 0
    is_owned: bool = False
    is_terminating: bool = False
    is_finished: bool = False


@dataclass(frozen=True)
class CleanupSelector:
    """Selects objects to delete: one run, older than an age, or (default) finished and expired.

    `sees_all_jobs` is whether the Jobs of all namespaces were listed.
    """

    run_id: str = ""
    older_than_s: float | None = None
    sees_all_jobs: bool = False


@dataclass(frozen=True)
class CleanupDecision:
    """Whether an object is selected for deletion, and the reason."""

    object: CleanupObject
    is_selected: bool
    reason: str


def parse_cleanup_object(kind: str, item: Mapping[str, Any]) -> CleanupObject:
    """Return the fields that decide about one object of a list."""
    metadata = item["metadata"]
    namespace = metadata.get("namespace", "")
    conditions = item.get("status", {}).get("conditions") or ()
    annotations = metadata.get("annotations") or {}
    return CleanupObject(
        kind=kind,
        name=metadata["name"],
        namespace=namespace,
        run_id=metadata["labels"][RUN_LABEL],
        uid=metadata["uid"],
        created=parse_time(metadata.get("creationTimestamp", "")),
        expires=_find_expiry(item, parse_time(annotations.get(EXPIRES_ANNOTATION, ""))),
        is_owned=any(owner["kind"] == JOB for owner in metadata.get("ownerReferences") or ()),
        is_terminating="deletionTimestamp" in metadata,
        # A keeper is complete from the start, and owns a Job that may still run (job/manifest.py).
        is_finished=item.get("spec", {}).get("completions") != 0
        and any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions),
    )


def _find_expiry(item: Mapping[str, Any], annotated: float) -> float:
    """Return when a Job has been removed at the latest, by the API server's clock alone."""
    spec = item.get("spec") or {}
    created = parse_time(item["metadata"].get("creationTimestamp", ""))
    deadline_s, ttl_s = spec.get("activeDeadlineSeconds"), spec.get("ttlSecondsAfterFinished")
    if not created or deadline_s is None or ttl_s is None:
        return annotated
    return created + float(deadline_s) + float(ttl_s)


def parse_time(text: str) -> float:
    """Return an RFC 3339 UTC time in whole seconds since the epoch, 0 for any other text."""
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return 0


def decide_cleanup(
    objects: Sequence[CleanupObject], selector: CleanupSelector, now: float
) -> list[CleanupDecision]:
    """Return a decision for every object that no Job owns, Jobs first."""
    jobs = [f for f in objects if f.kind == JOB]
    # The Job of a run decides, not its keeper, which is listed after it.
    by_run = {f.run_id: _decide_job(f, selector, now) for f in reversed(jobs)}
    rest = [f for f in objects if f.kind != JOB and not f.is_owned]
    return [
        *(_decide_job(f, selector, now) for f in jobs),
        *(_decide_other(f, by_run.get(f.run_id), selector, now) for f in rest),
    ]


def _decide_job(job: CleanupObject, selector: CleanupSelector, now: float) -> CleanupDecision:
    decision = _decide_explicitly(job, selector, now)
    if decision is not None:
        return decision
    if job.is_finished:
        return CleanupDecision(job, True, "its run has finished")
    return _decide_by_expiry(job, now) or CleanupDecision(
        job, False, f"active, {_render_expiry(job)}"
    )


def _decide_other(
    item: CleanupObject, job: CleanupDecision | None, selector: CleanupSelector, now: float
) -> CleanupDecision:
    decision = _decide_explicitly(item, selector, now)
    if decision is not None:
        return decision
    if job is not None:
        reason = "deleted with its Job" if job.is_selected else f"its Job is {job.reason}"
        return CleanupDecision(item, job.is_selected, reason)
    if selector.sees_all_jobs or not item.expires:
        # A Job is created first and listed last: an object without one is orphaned.
        return CleanupDecision(item, True, "orphaned: its Job no longer exists")
    reason = f"{_render_expiry(item)}; -A also looks for its Job"
    return CleanupDecision(item, False, reason)


def _decide_explicitly(
    item: CleanupObject, selector: CleanupSelector, now: float
) -> CleanupDecision | None:
    if item.is_terminating:
        return CleanupDecision(item, False, "terminating")
    if selector.run_id:
        return CleanupDecision(item, True, f"of run {selector.run_id}")
    if selector.older_than_s is None:
        return None
    age_s = max(0, round(now - item.created))
    return CleanupDecision(item, age_s >= selector.older_than_s, f"{age_s} s old")


def is_expired(item: CleanupObject, now: float) -> bool:
    """Return whether an object's expiry passed some time ago; `now` is the API server's time."""
    return bool(item.expires) and item.expires + EXPIRY_MARGIN_S < now


def _decide_by_expiry(item: CleanupObject, now: float) -> CleanupDecision | None:
    if is_expired(item, now):
        return CleanupDecision(item, True, f"expired at {render_time(item.expires)}")
    return None


def _render_expiry(item: CleanupObject) -> str:
    if not item.expires:
        return "no expiry"
    return f"expires at {render_time(item.expires)}"
