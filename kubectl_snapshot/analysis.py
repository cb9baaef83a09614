"""Read, compare, check and query snapshots in a program; `snapshotter` exports these functions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document import paths
from kubectl_snapshot.document.diff import compare
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.rules.results import check_rules
from kubectl_snapshot.document.rules.rule_file import parse_rule
from kubectl_snapshot.storage.source import read_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.document.diff.change import Diff
    from kubectl_snapshot.document.rules.results import Finding
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
    """
    selection = Selection(tuple(only), tuple(ignore), everything)
    return compare.diff_snapshots(before, after, REGISTRY, selection=selection)


def check_snapshot(snapshot: Snapshot, constraints: Sequence[str]) -> tuple[Finding, ...]:
    """Return a finding for each reading that a constraint such as `OS.release.ID == ubuntu` names.

    Its `outcome` is held, failed or unknown. Raises InvalidRequest for an invalid constraint.
    """
    types = tuple(spec.type for spec in REGISTRY)
    return tuple(check_rules([parse_rule(text, types) for text in constraints], snapshot))


def query(snapshot: Snapshot, path: str) -> dict[str, Scalar]:
    """Return the readings at a path or below it, by path; `*` matches any text. Empty if none."""
    return paths.find_readings(snapshot, path) or paths.find_readings(snapshot, f"{path}.*")
