"""Preflight of a fleet: the checks of its run, and which nodes it would capture; only reads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.agent.plan import connect_agent
from kubectl_snapshot.document.fleet.manifest import CAPTURED, FleetNode
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError
from kubectl_snapshot.fleet.coverage import describe_nodes
from kubectl_snapshot.fleet.files import directory as files
from kubectl_snapshot.fleet.planning.config import validate_config
from kubectl_snapshot.fleet.planning.nodes import read_nodes
from kubectl_snapshot.fleet.planning.plan import build_fleet_options, use_selection
from kubectl_snapshot.fleet.planning.resume import choose_kept
from kubectl_snapshot.fleet.planning.selection import choose_nodes
from kubectl_snapshot.job.preflight.checks import (
    NODES,
    OK,
    WARN,
    PreflightCheck,
    build_failed_check,
    is_server_unusable,
)
from kubectl_snapshot.job.preflight.report import read_report

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from kubectl_snapshot.fleet.planning.config import FleetConfig
    from kubectl_snapshot.fleet.planning.selection import KnownNode


class FleetReport(NamedTuple):
    """The checks of a fleet's run, and the share of its nodes that it would have, from 0 to 1."""

    checks: list[PreflightCheck]
    coverage: float = 0.0


def read_fleet_report(config: FleetConfig) -> FleetReport:
    """Return every check of a fleet's run; creates nothing.

    Raises InvalidRequest for contradictory values, NotFound if there is no fleet to resume.
    """
    validate_config(config)
    before = files.read_manifest(config.directory) if config.resume else None
    config = use_selection(config, before) if before is not None else config
    deadline = time.monotonic() + config.timeout
    kube = connect_agent(config.agent)
    checks = read_report(kube, build_fleet_options(config, kube.namespace), deadline)
    if is_server_unusable(checks):
        return FleetReport(checks)
    try:
        listed = read_nodes(kube, config.selection, config.agent, deadline)
        known = [node.known for node in listed.values()]
        chosen, skipped = choose_nodes(known, config.selection)
    except SnapshotError as error:
        return FleetReport([*checks, build_failed_check(NODES, error)])
    kept = choose_kept(config.directory, known, before) if before is not None else {}
    return FleetReport([*checks, *check_nodes(chosen, skipped, kept)], share(chosen, skipped, kept))


def share(chosen: Sequence[KnownNode], skipped: Sequence[FleetNode], kept: Container[str]) -> float:
    """Return the share of the nodes with a snapshot if no node failed."""
    total = len(chosen) + len(skipped)
    return (total - sum(entry.name not in kept for entry in skipped)) / total


def check_nodes(
    chosen: Sequence[KnownNode], skipped: Sequence[FleetNode], kept: Container[str] = ()
) -> list[PreflightCheck]:
    """Return a check of the nodes that would be captured, and one for each cause to skip some."""
    total = len(chosen) + len(skipped)
    new = [FleetNode(node.name, CAPTURED) for node in chosen if node.name not in kept]
    missing = [entry for entry in skipped if entry.name not in kept]
    done = total - len(new) - len(missing)
    groups: dict[str, list[FleetNode]] = {}
    for entry in missing:
        groups.setdefault(entry.cause, []).append(entry)
    if not new and not done:
        error = ServiceUnavailable(
            "no node of the fleet can be captured",
            f"{missing[0].cause}: {describe_nodes(missing)}",
            "see the checks below",
        )
        checks = [build_failed_check(NODES, error)]
    else:
        counted = f"{len(new)} of {total} would be captured"
        names = f": {describe_nodes(new)}" if new else ""
        was = f"; {done} are in the fleet already" if done else ""
        checks = [PreflightCheck(NODES, OK, f"{counted}{names}{was}")]
    for cause, entries in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        text = f"{len(entries)} would be skipped, {cause}: {describe_nodes(entries)}"
        checks.append(PreflightCheck(NODES, WARN, text, leaves_gap=True))
    return checks
