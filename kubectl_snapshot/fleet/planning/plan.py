"""Plan a fleet's run: permissions, selection, what an earlier run has captured; writes nothing."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from kubectl_snapshot.agent.plan import build_job_options, connect_agent
from kubectl_snapshot.collectors.choose import choose_collectors
from kubectl_snapshot.document.redaction.values import name_key
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.fleet.planning.nodes import read_nodes
from kubectl_snapshot.fleet.planning.resume import choose_kept, list_departed
from kubectl_snapshot.fleet.planning.selection import (
    choose_nodes,
    describe_selection,
    parse_selection_tree,
)
from kubectl_snapshot.job.options import CLIENT, SKIP
from kubectl_snapshot.job.preflight.gate import AUTO, enforce_gate
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
    from kubectl_snapshot.fleet.files.directory import FleetDirectory
    from kubectl_snapshot.fleet.planning.config import FleetConfig
    from kubectl_snapshot.fleet.planning.nodes import ListedNode
    from kubectl_snapshot.fleet.planning.selection import FleetSelection, KnownNode
    from kubectl_snapshot.job.options import JobOptions

JOB_MARGIN_S = 60


@dataclass
class Run:
    """A planned run: every decision that is made before the first object is created."""

    config: FleetConfig
    directory: FleetDirectory
    kube: Kube
    options: JobOptions
    collectors: tuple[Collector, ...]
    deadline: float
    began: float
    listed: Mapping[str, ListedNode]
    nodes: list[KnownNode]
    entries: dict[str, FleetNode]
    before: FleetManifest | None
    departed: tuple[str, ...]

    @property
    def selection(self) -> FleetSelection:
        return self.config.selection


def plan_run(config: FleetConfig, directory: FleetDirectory, before: FleetManifest | None) -> Run:
    """Check permissions, select nodes, keep what is captured already; write nothing.

    Raises as `capture_fleet` says.
    """
    began = time.monotonic()
    deadline = began + config.timeout
    kube = connect_agent(config.agent)
    options = build_fleet_options(config, kube.namespace)
    gate = enforce_gate(kube, options, deadline)
    for warning in gate.warnings:
        config.agent.on_event({"event": "warning", "message": warning})
    listed = read_nodes(kube, config.selection, config.agent, deadline)
    known = [node.known for node in listed.values()]
    nodes, skipped = choose_nodes(known, config.selection)
    entries = {entry.name: entry for entry in skipped}
    departed: tuple[str, ...] = ()
    wanted = {node.name for node in nodes} | set(entries)
    if before is not None:
        kept = choose_kept(directory.path, [node for node in known if node.name in wanted], before)
        present = wanted & set(listed)
        gone = list_departed(present, before)
        warn_other_key(config, before, gate.options, [*kept.values(), *gone])
        entries.update(kept)
        entries.update({entry.name: entry for entry in gone})
        departed = tuple(entry.name for entry in gone)
        nodes = [node for node in nodes if node.name not in kept]
    recursive = all(listed[node.name].takes_recursive_read_only for node in nodes)
    return Run(
        config,
        directory,
        kube,
        replace(gate.options, recursive_read_only=recursive),
        choose_collectors(gate.options.settings, gate.options.cluster_scope != SKIP),
        deadline,
        began,
        listed,
        nodes,
        entries,
        before,
        departed,
    )


def use_selection(config: FleetConfig, fleet: FleetManifest) -> FleetConfig:
    """Return the configuration with the selection of the fleet that it resumes.

    Raises InvalidRequest if it selects otherwise.
    """
    before = parse_selection_tree(fleet.selection)
    if config.selection.is_given and config.selection != before:
        raise InvalidRequest(
            f"the fleet in {config.directory} has another selection",
            f"it is of {describe_selection(before)}",
            "resume it without flags that select nodes",
        )
    return replace(config, all_nodes=before.all_nodes, selector=before.selector, nodes=before.names)


def build_fleet_options(config: FleetConfig, namespace: str) -> JobOptions:
    """Return the options of the run: a pod has the node's time, the Job that of the whole run."""
    scope = config.agent.cluster_scope
    agent = replace(
        config.agent,
        timeout=config.node_timeout,
        node_name="",
        cluster_scope=CLIENT if scope == AUTO else scope,
    )
    options = build_job_options(agent, namespace)
    beyond_s = max(0.0, config.timeout - config.node_timeout)
    return replace(
        options, creates_pods=True, job_deadline_margin_s=math.ceil(beyond_s) + JOB_MARGIN_S
    )


def warn_other_key(
    config: FleetConfig, before: FleetManifest, options: JobOptions, kept: Iterable[FleetNode]
) -> None:
    """Warn if documents that stay were redacted with another key."""
    redaction = options.settings.redaction
    key = name_key(redaction.key) if redaction.is_on else ""
    runs = {entry.run_id for entry in kept}
    if any(run.run_id in runs and run.redaction_key != key for run in before.runs):
        message = (
            "the redaction key differs from the earlier run's: redacted values of the two do not "
            "compare; --redact-key-file in both runs avoids that"
        )
        config.agent.on_event({"event": "warning", "message": message})
