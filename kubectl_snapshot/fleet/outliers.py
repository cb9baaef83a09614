"""Find the outliers of a fleet in a directory: read its documents, or what a cache has of them."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.fleet.forms import FormBuilder
from kubectl_snapshot.document.fleet.grouping import FleetFacts, find_labels, group_nodes
from kubectl_snapshot.document.fleet.outliers import (
    Comparison,
    FleetDiff,
    compare_group,
    compare_with_baseline,
)
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.fleet import cache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.fleet.forms import Form
    from kubectl_snapshot.document.fleet.grouping import Grouping
    from kubectl_snapshot.document.fleet.manifest import FleetNode
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.fleet.fleet import Fleet

# Documents to keep: those that groups are compared with, and a few of their nodes.
KEPT_DOCUMENTS = 64


class FleetForms(NamedTuple):
    """The forms of a fleet's nodes, and the nodes without one, each with the reason."""

    builder: FormBuilder
    forms: Mapping[str, Form]
    missing: tuple[tuple[str, str], ...]


def find_outliers(
    fleet: Fleet,
    group_by: Sequence[str] = (),
    baseline: Snapshot | None = None,
    selection: Selection | None = None,
    baseline_source: str = "",
) -> FleetDiff:
    """Return the nodes of a fleet that differ from most others of their group, in what.

    `group_by` are labels or readings; by default, what splits the fleet cleanly. With a `baseline`
    all nodes are compared with this document. Raises InvalidRequest if no node has a document.
    """
    read = read_forms(fleet)
    grouping = group_fleet(fleet, read, () if baseline else group_by)
    known = lru_cache(KEPT_DOCUMENTS)(fleet.read_node)
    of = Comparison(read.forms, read.builder, known, REGISTRY, selection or Selection())
    if baseline is not None:
        whole = grouping.groups[0]._replace(values=(), nodes=tuple(read.forms))
        grouping = grouping._replace(titles=(), sources=(), groups=(whole,), strays=())
        groups = [compare_with_baseline(baseline, whole, of)]
    else:
        groups = [compare_group(group, of) for group in grouping.groups]
    source = baseline_source or "a document"
    return FleetDiff(
        fleet.directory,
        grouping,
        tuple(groups),
        read.missing,
        baseline=source if baseline else "",
    )


def group_fleet(fleet: Fleet, read: FleetForms, group_by: Sequence[str] = ()) -> Grouping:
    """Return the groups of a fleet's nodes; InvalidRequest for a label that no node has."""
    labels = find_labels(fleet.read_cluster())
    return group_nodes(FleetFacts(read.forms, read.builder.references, labels), group_by)


def read_forms(fleet: Fleet) -> FleetForms:
    """Read the documents of a fleet; a cache has what they were read to.

    Raises InvalidRequest if none can be read.
    """
    missing = {n.name: explain_missing(n) for n in fleet.manifest.nodes if not n.has_file}
    entries = [node for node in fleet.manifest.nodes if node.has_file]
    builder = FormBuilder(REGISTRY)
    found = _read_cached(fleet, entries, builder)
    if found is None:
        found = {}
        for node in entries:
            try:
                found[node.name] = builder.build(fleet.read_node(node.name))
            except SnapshotError as error:
                missing[node.name] = ": ".join(filter(None, (error.what, error.why)))
        if len(found) == len(entries):
            cache.write_forms(entries, builder.references, found, os.environ)
    if not found:
        reason = next(iter(missing.items()), ("", "it lists no node"))
        why = ": ".join(filter(None, reason))
        raise InvalidRequest(f"no node of {fleet.directory} has a snapshot", why)
    return FleetForms(builder, found, tuple(sorted(missing.items())))


def explain_missing(node: FleetNode) -> str:
    """Return why a node has no document."""
    return ": ".join(filter(None, (node.status, node.cause or node.reason)))


def _read_cached(
    fleet: Fleet, entries: Sequence[FleetNode], builder: FormBuilder
) -> dict[str, Form] | None:
    """Return the cached forms if all documents are still what the manifest says."""
    cached = cache.read_forms(entries, os.environ)
    if cached is None:
        return None
    try:
        for node in entries:
            fleet.verify(node)
        for name in cached.references:
            builder.add_reference(fleet.read_node(name))
    except SnapshotError:
        return None
    return cached.forms
