"""Format `html` of a diff: the changes, and the facts of both nodes side by side. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.document.diff.change import ADDED, REMOVED, UNKNOWN, count_kinds
from kubectl_snapshot.document.diff.grouping import group_numbered
from kubectl_snapshot.render.findings import count_findings, describe_mute, list_news
from kubectl_snapshot.render.report.facts import Fact, build_facts, build_index
from kubectl_snapshot.render.report.findings import link_finding
from kubectl_snapshot.render.report.node import LIMITS, describe_side
from kubectl_snapshot.render.report.page import anchor, render_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.document.diff.change import Change, Diff, Side
    from kubectl_snapshot.document.findings.spec import NodeFindings
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

TEMPLATE = "diff.html.j2"


class Row(NamedTuple):
    """One changed key; None is a missing value."""

    key: str
    kind: str
    before: Scalar | None
    after: Scalar | None
    note: str


class Group(NamedTuple):
    """The changes of a subtype; `whole` is the kind if all of it was added or removed."""

    id: str
    name: str
    whole: str
    rows: tuple[Row, ...]


class PairedFact(NamedTuple):
    """A fact of both snapshots."""

    label: str
    sides: tuple[Fact, Fact]

    @property
    def is_different(self) -> bool:
        one, other = self.sides
        return (one.text, one.note) != (other.text, other.note)


def render_diff_report(
    diff: Diff, before: Snapshot, after: Snapshot, mutes: Mapping[str, str] | None = None
) -> str:
    """Return the page of a diff of two snapshots; deterministic."""
    found = [find_all(before, mutes), find_all(after, mutes)]
    sides = [_describe(side, of) for side, of in ((diff.before, before), (diff.after, after))]
    news = list_news(*found)
    facts = _pair_facts(sides, found, before, after)
    variables = {
        "diff": diff,
        "sides": sides,
        "counts": count_kinds(diff),
        "groups": build_groups(diff.changes),
        "unknown": [change for change in diff.changes if change.kind == UNKNOWN],
        "different_facts": [fact for fact in facts if fact.is_different],
        "equal_facts": [fact for fact in facts if not fact.is_different],
        "news": [link_finding(finding, (), sign) for sign, finding in news.found],
        "muted": [describe_mute(*mute) for mute in news.muted],
    }
    return render_page(TEMPLATE, {**variables, **LIMITS})


def build_groups(changes: Sequence[Change]) -> tuple[Group, ...]:
    """Return the known changes by subtype, in order; equal ones of several GPUs are one."""
    known = group_numbered([change for change in changes if change.kind != UNKNOWN])
    groups = []
    for name, found in groupby(known, key=lambda change: change.subtype):
        members = list(found)
        whole = next((change.kind for change in members if not change.key), "")
        rows = tuple(row for change in members for row in _build_rows(change))
        groups.append(Group(anchor(name), name, whole, rows))
    return tuple(groups)


def _build_rows(change: Change) -> Iterator[Row]:
    start = f"{change.key}." if change.values and change.key else ""
    if change.key and not start:
        yield Row(change.key, change.kind, change.before, change.after, change.note)
    for key, value in change.values.items():
        before = None if change.kind == ADDED else value
        after = None if change.kind == REMOVED else value
        yield Row(start + key, change.kind, before, after, "")


def _describe(side: Side, snapshot: Snapshot) -> dict[str, Any]:
    described = describe_side(snapshot, build_index(snapshot))
    return {**described, "source": side.source}


def _pair_facts(
    sides: Sequence[Mapping[str, Any]], found: Sequence[NodeFindings], *snapshots: Snapshot
) -> tuple[PairedFact, ...]:
    """Return both snapshots' sources, findings, gaps, and the nodes' facts."""
    columns = []
    for side, findings, snapshot in zip(sides, found, snapshots):
        gaps = str(len(side["gaps"]) or "none") if side["tells_gaps"] else ""
        taken = snapshot.metadata.get("timestamp", "")
        own = (
            Fact("Snapshot", side["source"], f"taken {taken}" if taken else "time unknown", ""),
            Fact("Findings", count_findings(findings), "", ""),
            Fact("Gaps", gaps, "" if gaps else "not recorded", ""),
        )
        columns.append((*own, *build_facts(build_index(snapshot), snapshot.metadata)))
    return tuple(PairedFact(one.label, (one, other)) for one, other in zip(*columns))
