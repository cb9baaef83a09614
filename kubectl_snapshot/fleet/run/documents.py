"""What a fleet's run writes: the nodes' documents, the cluster's, and the manifest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot import __version__
from kubectl_snapshot.agent.capture import AGENT_MODE, AGENT_UNPRIVILEGED_MODE, ClusterFacts
from kubectl_snapshot.collectors.run.compose import compose_snapshot, describe_choice
from kubectl_snapshot.collectors.run.context import CLUSTER, NODE, build_registry
from kubectl_snapshot.document.api_version import write_for
from kubectl_snapshot.document.fleet.manifest import (
    INTERRUPTED,
    RUNNING,
    SKIPPED,
    FleetManifest,
    FleetNode,
    FleetRun,
)
from kubectl_snapshot.document.redaction.values import name_key
from kubectl_snapshot.document.schema import build_checks
from kubectl_snapshot.document.snapshot import (
    NODE_SUBTYPES,
    Measurement,
    Snapshot,
    render_time,
)
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.files import directory as files
from kubectl_snapshot.fleet.planning.nodes import read_names
from kubectl_snapshot.fleet.planning.resume import build_entry
from kubectl_snapshot.fleet.planning.selection import build_selection_tree
from kubectl_snapshot.fleet.run.engine import NOT_STARTED, InvalidResult
from kubectl_snapshot.job.options import RESTRICTED, SKIP
from kubectl_snapshot.job.run import parse_result
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from kubectl_snapshot.fleet.planning.plan import Run

# How often the manifest is written while the run lasts: it is for readers after a SIGKILL.
MANIFEST_S = 2.0
FLEET_MODE = "fleet"


class DocumentWriter:
    """Turns payloads into documents in the directory; for any thread."""

    def __init__(self, run: Run, cluster: ClusterFacts | None) -> None:
        self._run, self._cluster = run, cluster
        self._types = {c.TYPE for c in run.collectors if c.SCOPE == NODE}
        self._checks = build_checks(build_registry(run.collectors))
        self._has_k8s = any(c.TYPE == "K8s" and c.SCOPE == CLUSTER for c in run.collectors)
        self._choice = describe_choice(run.options.settings, run.collectors)

    def accept(self, name: str, payload: bytes) -> FleetNode:
        """Write the document of a node's payload; return its entry.

        Raises InvalidResult for a payload that is not a document, Internal if it cannot be written.
        """
        try:
            agent = parse_result(payload, self._types, self._checks)
        except SnapshotError as error:
            raise InvalidResult from error
        snapshot = self._compose(name, agent)
        file = files.name_file(name)
        snapshot = write_for(snapshot, self._run.config.api_version)
        digest = files.write_document(self._run.directory.path, file, snapshot)
        return build_entry(name, snapshot, file, digest, self._run.options.run_id)

    def _compose(self, name: str, agent: Snapshot) -> Snapshot:
        options = self._run.options
        is_restricted = options.level == RESTRICTED
        metadata = {
            **agent.metadata,
            "source-node": name,
            "run-id": options.run_id,
            "mode": AGENT_UNPRIVILEGED_MODE if is_restricted else AGENT_MODE,
            "cluster-scope": options.cluster_scope if self._cluster else SKIP,
            **self._choice,
        }
        shared = self._cluster.wait() if self._cluster else ()
        measurements = [*agent.measurements, *self._add_node(name, shared)]
        return compose_snapshot(measurements, metadata, options.settings.redaction.key)

    def _add_node(self, name: str, shared: tuple[Measurement, ...]) -> list[Measurement]:
        """Return the cluster-wide measurements with those subtypes of K8s that are this node's."""
        own = self._run.listed[name].subtypes
        if not self._has_k8s or not own:
            return list(shared)
        others = [m for m in shared if m.type != "K8s"]
        k8s = next((m.subtypes for m in shared if m.type == "K8s"), ())
        rest = tuple(found for found in k8s if found.name not in NODE_SUBTYPES)
        return [*others, Measurement("K8s", (*rest, *own))]


class ManifestWriter:
    """Writes the manifest of a run: at its start, every few seconds, and at its end."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._started = render_time(time.time())
        self._next = time.monotonic() + MANIFEST_S
        self._cluster_file = run.before.cluster_file if run.before else ""
        self._pending = {
            node.name: FleetNode(
                node.name,
                SKIPPED,
                NOT_STARTED,
                "the run has not captured it",
                uid=node.uid,
                boot_id=node.boot_id,
            )
            for node in run.nodes
        }

    def write_if_due(self) -> None:
        """Write it if the last time is long ago, measured by what writing costs."""
        now = time.monotonic()
        if now < self._next:
            return
        self.write()
        cost_s = time.monotonic() - now
        self._next = now + max(MANIFEST_S, 20 * cost_s)

    def write(self) -> None:
        """Write the state of now: nodes that have not ended are skipped, with that reason."""
        files.write_manifest(self._run.directory.path, self._build(RUNNING))

    def finish(self, state: str, cluster: ClusterFacts | None, deadline: float) -> FleetManifest:
        """Write the cluster-wide facts and the last manifest; return it.

        Until the deadline, it asks which nodes have arrived and departed.
        """
        run = self._run
        if cluster is not None:
            self._write_cluster(cluster)
        names = read_names(run.kube, run.selection, deadline)
        manifest = self._build(state)
        if names is not None:
            arrived = names - {node.name for node in manifest.nodes}
            gone = {node.name for node in run.nodes} - names
            manifest = replace(
                manifest,
                arrived=tuple(sorted(arrived)),
                departed=tuple(sorted(gone.union(run.departed))),
            )
        files.write_manifest(run.directory.path, manifest)
        return manifest

    def _write_cluster(self, cluster: ClusterFacts) -> None:
        run, options = self._run, self._run.options
        measurements = [
            replace(m, subtypes=tuple(s for s in m.subtypes if s.name not in NODE_SUBTYPES))
            if m.type == "K8s"
            else m
            for m in cluster.wait()
        ]
        metadata = {
            # The schema requires it; these facts are of no node.
            "source-node": "",
            "version": __version__,
            "timestamp": render_time(time.time()),
            "run-id": options.run_id,
            "mode": FLEET_MODE,
            "cluster-scope": options.cluster_scope,
            "profile": options.settings.profile,
        }
        snapshot = compose_snapshot(measurements, metadata, options.settings.redaction.key)
        snapshot = write_for(snapshot, run.config.api_version)
        files.write_document(run.directory.path, files.CLUSTER, snapshot)
        self._cluster_file = files.CLUSTER

    def _build(self, state: str) -> FleetManifest:
        run = self._run
        entries = {**self._pending, **run.entries}
        return FleetManifest(
            selection=build_selection_tree(run.selection),
            runs=(*self._earlier(), self._build_run(state)),
            settings=_build_settings(run),
            nodes=tuple(entries[name] for name in sorted(entries)),
            departed=run.departed,
            cluster_file=self._cluster_file,
        )

    def _earlier(self) -> tuple[FleetRun, ...]:
        """Return the earlier runs; one that was killed is now known to be interrupted."""
        runs = self._run.before.runs if self._run.before else ()
        return tuple(replace(r, state=INTERRUPTED) if r.state == RUNNING else r for r in runs)

    def _build_run(self, state: str) -> FleetRun:
        options = self._run.options
        has_ended = state != RUNNING
        redaction = options.settings.redaction
        return FleetRun(
            run_id=options.run_id,
            namespace=options.namespace,
            state=state,
            started=self._started,
            finished=render_time(time.time()) if has_ended else "",
            seconds=round(time.monotonic() - self._run.began, 1) if has_ended else 0.0,
            version=__version__,
            redaction_key=name_key(redaction.key) if redaction.is_on else "",
        )


def _build_settings(run: Run) -> dict[str, Any]:
    options, config = run.options, run.config
    return {
        "image": options.image,
        "agent": options.agent,
        "pods": "one Job a node" if options.creates_jobs else "client",
        "level": options.level,
        "cluster-scope": options.cluster_scope,
        "parallel": config.window,
        "timeout-s": config.timeout,
        "node-timeout-s": config.node_timeout,
        "self-contained": config.self_contained,
        "redaction": options.settings.redaction.is_on,
        "profile": options.settings.profile,
    }
