"""Records of findings: what can be wrong with a node, what is, what is unknown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CRITICAL, WARNING, INFO = "critical", "warning", "info"
# Worst first.
SEVERITIES = (CRITICAL, WARNING, INFO)


class FindingSpec(NamedTuple):
    """One thing that can be wrong, as conditions on readings that are true where it is.

    `bad` has alternatives, joined with ` or `: see document/findings/condition; after ` else ` is
    what is judged if nothing before it has a reading. `when` have to be
    true as well, of the same device where it is one; after `not ` they have to be false, after
    `unless ` false or not known. `text` is a sentence with `{on}` (devices or units), `{value}`,
    `{other}` (the expected value), `{reason}` (of the subtype), `{bits}` (the names in `bits` that
    a mask has). `test` compares the two sides of the operator `?`.
    """

    id: str
    severity: str
    bad: str
    text: str
    todo: str
    source: str
    when: tuple[str, ...] = ()
    bits: Mapping[int, str] = {}
    test: Callable[[str, str], bool] | None = None


class Proof(NamedTuple):
    """A reading that proves a finding: its path and its text, shortened."""

    path: str
    value: str


class Finding(NamedTuple):
    """Something wrong with a node. `on` are the devices or units, "" for the node."""

    spec: FindingSpec
    on: str
    text: str
    proof: tuple[Proof, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Return what two snapshots of a node have in common if both have it."""
        return self.spec.id, self.on


class Unknown(NamedTuple):
    """Findings that cannot be judged, for one reason."""

    reason: str
    specs: tuple[FindingSpec, ...]


class NodeFindings(NamedTuple):
    """All findings of a node, worst first; `fine` was judged and is not there.

    `muted` are the findings and the unknown ones that the user does not want, with the reason.
    """

    found: tuple[Finding, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    fine: tuple[FindingSpec, ...] = ()
    muted: tuple[tuple[str, str], ...] = ()

    def count(self, severity: str) -> int:
        """Return how many findings are of a severity."""
        return sum(finding.spec.severity == severity for finding in self.found)

    def is_unknown(self, severities: tuple[str, ...]) -> bool:
        """Return whether a finding of one of these severities cannot be judged."""
        return any(s.severity in severities for unknown in self.unknown for s in unknown.specs)
