"""Which objects with our labels are left over, and which belong to a run that is alive. Pure.

What a Job owns is not looked at: it goes with its Job. The rest is decided by its own run's Job,
and by the expiry that every Job, and everything no Job can own, carries.
"""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import EXPIRES_ANNOTATION, RUN_LABEL
from kubectl_snapshot.document.snapshot import render_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JOB = "Job"
# What job/options.new_run_id makes.
RUN_ID = r"[a-z2-7]{10}"


@dataclass(frozen=True)
class CleanupObject:
    """An object with our labels. Times are seconds of the epoch, 0 where there is none."""

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
    """What is to go: a run, or what is of this age, or else what is over.

    `sees_all_jobs`: the Jobs of all namespaces are among what was found.
    """

    run_id: str = ""
    older_than_s: float | None = None
    sees_all_jobs: bool = False


@dataclass(frozen=True)
class CleanupDecision:
    """Whether an object is to go, and why or why not."""

    object: CleanupObject
    is_selected: bool
    reason: str


def parse_cleanup_object(kind: str, item: Mapping[str, Any]) -> CleanupObject:
    """Return what matters of an object of a list."""
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
        expires=parse_time(annotations.get(EXPIRES_ANNOTATION, "")),
        is_owned=any(owner["kind"] == JOB for owner in metadata.get("ownerReferences") or ()),
        is_terminating="deletionTimestamp" in metadata,
        is_finished=any(
            c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions
        ),
    )


def parse_time(text: str) -> float:
    """Return an RFC 3339 time in whole seconds of UTC, 0 for any other text."""
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return 0


def decide_cleanup(
    found: Sequence[CleanupObject], selector: CleanupSelector, now: float
) -> list[CleanupDecision]:
    """Return a choice for every object that no Job owns, the Jobs first."""
    jobs = [f for f in found if f.kind == JOB]
    chosen = {f.run_id: _choose_job(f, selector, now) for f in jobs}
    rest = [f for f in found if f.kind != JOB and not f.is_owned]
    return [
        *(_choose_job(f, selector, now) for f in jobs),
        *(_choose_other(f, chosen.get(f.run_id), selector, now) for f in rest),
    ]


def _choose_job(job: CleanupObject, selector: CleanupSelector, now: float) -> CleanupDecision:
    choice = _choose_as_asked(job, selector, now)
    if choice is not None:
        return choice
    if job.is_finished:
        return CleanupDecision(job, True, "its run has ended")
    return _choose_by_expiry(job, now) or CleanupDecision(job, False, f"alive, {_until(job)}")


def _choose_other(
    found: CleanupObject, job: CleanupDecision | None, selector: CleanupSelector, now: float
) -> CleanupDecision:
    choice = _choose_as_asked(found, selector, now)
    if choice is not None:
        return choice
    if job is not None:
        reason = "its Job goes" if job.is_selected else f"its Job is {job.reason}"
        return CleanupDecision(found, job.is_selected, reason)
    if selector.sees_all_jobs or not found.expires:
        # A Job is made first and looked for last: what has none had one that is gone.
        return CleanupDecision(found, True, "its Job is gone")
    choice = _choose_by_expiry(found, now)
    reason = f"{_until(found)}; with -A its Job is looked for"
    return choice or CleanupDecision(found, False, reason)


def _choose_as_asked(
    found: CleanupObject, selector: CleanupSelector, now: float
) -> CleanupDecision | None:
    if found.is_terminating:
        return CleanupDecision(found, False, "it is being deleted")
    if selector.run_id:
        return CleanupDecision(found, True, f"of run {selector.run_id}")
    if selector.older_than_s is None:
        return None
    age_s = max(0, round(now - found.created))
    return CleanupDecision(found, age_s >= selector.older_than_s, f"{age_s} s old")


def _choose_by_expiry(found: CleanupObject, now: float) -> CleanupDecision | None:
    if found.expires and found.expires < now:
        return CleanupDecision(found, True, f"expired at {render_time(found.expires)}")
    return None


def _until(found: CleanupObject) -> str:
    if not found.expires:
        return "without an expiry"
    return f"expires at {render_time(found.expires)}"
