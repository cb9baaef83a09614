"""Findings for a page: with links to the subtypes that prove them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.findings.spec import INFO
from kubectl_snapshot.render.findings import count_findings, describe_mute, name_specs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.document.findings.spec import Finding, NodeFindings
    from kubectl_snapshot.render.report.facts import Index


class LinkedProof(NamedTuple):
    """A reading, and the path of its subtype, "" if the page has none."""

    path: str
    value: str
    subtype: str


class Entry(NamedTuple):
    """A finding; `sign` is `new` or `gone` on the page of a diff."""

    finding: Finding
    proof: tuple[LinkedProof, ...]
    sign: str = ""


class PageFindings(NamedTuple):
    """What a page shows of findings: `main` are critical ones and warnings."""

    summary: str
    main: tuple[Entry, ...]
    notes: tuple[Entry, ...]
    unknown: tuple[tuple[str, str], ...]
    unknown_count: int
    muted: tuple[str, ...]
    fine_count: int


def build_findings(findings: NodeFindings, index: Index) -> PageFindings:
    """Return the findings of a node."""
    entries = [link_finding(finding, index) for finding in findings.found]
    return PageFindings(
        count_findings(findings),
        tuple(e for e in entries if e.finding.spec.severity != INFO),
        tuple(e for e in entries if e.finding.spec.severity == INFO),
        tuple((u.reason, name_specs(u.specs, True)) for u in findings.unknown),
        len({spec.id for unknown in findings.unknown for spec in unknown.specs}),
        tuple(describe_mute(*mute) for mute in findings.muted),
        len(findings.fine),
    )


def link_finding(finding: Finding, index: Iterable[str], sign: str = "") -> Entry:
    """Return a finding with the subtypes of its proofs."""
    proof = (LinkedProof(*p, _find_subtype(p.path, index)) for p in finding.proof)
    return Entry(finding, tuple(proof), sign)


def _find_subtype(path: str, index: Iterable[str]) -> str:
    named = (name for name in index if path.startswith(f"{name}."))
    return max(named, key=len, default="")
