"""Read, compare, check and query snapshots in a program; `snapshotter` exports these functions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document import paths
from kubectl_snapshot.document.diff import compare
from kubectl_snapshot.document.diff.selection import Selection, refuse_unused
from kubectl_snapshot.document.known_paths import explain_path
from kubectl_snapshot.document.rules.results import check_rules
from kubectl_snapshot.storage.rule_files import read_rules
from kubectl_snapshot.storage.source import read_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.diff.change import Diff
    from kubectl_snapshot.document.findings.spec import NodeFindings
    from kubectl_snapshot.document.rules.results import RuleResult
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot


def load_snapshot(source: str, connection: ConnectionOptions | None = None) -> Snapshot:
    """Return the snapshot in a file, on stdin (`-`) or in a ConfigMap (`cm://namespace/name`).

    `connection` are kubectl's connection flags. Raises NotFound if it does not exist,
    InvalidRequest if it is not a snapshot.
    """
    return read_document(source, lambda: connect(connection or ConnectionOptions(), os.environ))


def diff_snapshots(
    before: Snapshot,
    after: Snapshot,
    only: Sequence[str] = (),
    ignore: Sequence[str] = (),
    everything: bool = False,
) -> Diff:
    """Return what changed: `changes`, and `is_empty` if nothing is known to differ.

    `only` and `ignore` are patterns of paths; with `everything`, no difference is ignored.
    Raises InvalidRequest for a pattern that matches nothing in either snapshot.
    """
    selection = Selection(tuple(only), tuple(ignore), everything)
    refuse_unused(selection, before, after)
    return compare.diff_snapshots(before, after, REGISTRY, selection=selection)


def check_snapshot(
    snapshot: Snapshot, constraints: Sequence[str] = (), rules: Sequence[str] = ()
) -> tuple[RuleResult, ...]:
    """Return a result for each reading of a constraint, or of a rule of the rule files `rules`.

    A constraint is `OS.release.ID == ubuntu`. The `outcome` of a result is held, failed, warned,
    unknown or skipped; `is_applied` is false if the rule's `when` does not hold. Raises
    InvalidRequest for an invalid rule or a path that cannot exist, NotFound for a missing file.
    """
    return check_rules(read_rules(constraints, rules), snapshot, REGISTRY)


def find_findings(snapshot: Snapshot, mutes: Mapping[str, str] | None = None) -> NodeFindings:
    """Return what is wrong with the node of a snapshot: `found`, worst first, and `unknown`.

    `mutes` are reasons by the ids of findings that are not wanted.
    """
    return find_all(snapshot, mutes)


def query(snapshot: Snapshot, path: str) -> dict[str, Scalar]:
    """Return the readings at a path or below it, by path; `*` matches any text. Empty if none.

    Raises InvalidRequest for a path that cannot exist.
    """
    found = paths.find_readings(snapshot, path) or paths.find_readings(snapshot, f"{path}.*")
    if not found:
        explain_path(path, snapshot, REGISTRY)
    return found
