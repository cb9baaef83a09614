"""Capture a fleet: one Job that owns every pod, the run, the directory, clean-up."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.agent.capture import Capture, ClusterFacts
from kubectl_snapshot.document.fleet.manifest import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    SKIPPED,
    STOPPED,
    FleetNode,
)
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.files import directory as files
from kubectl_snapshot.fleet.fleet import Fleet
from kubectl_snapshot.fleet.planning.config import validate_config
from kubectl_snapshot.fleet.planning.plan import JOB_MARGIN_S, plan_run, use_selection
from kubectl_snapshot.fleet.run.documents import DocumentWriter, ManifestWriter
from kubectl_snapshot.fleet.run.engine import NOT_STARTED, FleetWork, run_pods
from kubectl_snapshot.fleet.run.pods import choose_builder
from kubectl_snapshot.fleet.run.requests import PodRequests
from kubectl_snapshot.fleet.run.workers import RateLimit
from kubectl_snapshot.job.cleanup.deletion import (
    delete_created,
    delete_listed,
    read_inventory,
    render_cleanup_command,
)
from kubectl_snapshot.job.deploy import CreatedObject, deploy_idle
from kubectl_snapshot.job.options import CLIENT

if TYPE_CHECKING:
    from kubectl_snapshot.fleet.fleet import Running
    from kubectl_snapshot.fleet.planning.config import FleetConfig
    from kubectl_snapshot.fleet.planning.plan import Run

CLEANUP_S = 30.0
NOT_FOUND = 404


def capture_fleet(config: FleetConfig) -> Fleet:
    """Return the fleet; iterating over it captures, and yields each node's entry as it ends.

    Raises InvalidRequest for contradictory values at once, everything else when iterated:
    Unauthorized naming every missing permission, NotFound if no node matches, Internal if the
    directory cannot be written. A node that fails raises nothing: its entry has the reason.
    """
    validate_config(config)
    return Fleet(config.directory.rstrip("/") or "/", _running=_run(config))


def _run(config: FleetConfig) -> Running:
    directory = files.open_directory(config.directory, config.resume)
    try:
        before = files.read_manifest(directory.path) if config.resume else None
        if before is not None:
            config = use_selection(config, before)
        run = plan_run(config, directory, before)
        return (yield from _capture(run))
    finally:
        directory.close()


def _capture(run: Run) -> Running:
    """Run the pods, write documents, delete everything created; return the manifest."""
    on_event, options = run.config.agent.on_event, run.options
    cancel = run.config.agent.cancel or threading.Event()
    _announce(run)
    manifest = ManifestWriter(run)
    # In this order: the first manifest no longer says that the earlier run may have left objects.
    _remove_leftovers(run)
    manifest.write()
    yield from list(run.entries.values())
    created: list[CreatedObject] = []
    cluster = _start_cluster_facts(run)
    error: BaseException | None = None
    try:
        if run.nodes and not cancel.is_set():
            for node in run.nodes:
                files.remove_document(run.directory.path, files.name_file(node.name))
            expires = render_time(
                run.kube.now() + run.config.timeout + JOB_MARGIN_S + options.ttl_s
            )
            uid = deploy_idle(run.kube, options, expires, created, cancel, run.deadline)
            work = build_work(run, uid, expires, cancel, cluster)
            for entry in run_pods(work):
                run.entries[entry.name] = entry
                on_event(_describe_entry(entry))
                manifest.write_if_due()
                yield entry
    except BaseException as caught:
        error = caught
        raise
    finally:
        is_late, is_reachable = time.monotonic() > run.deadline, True
        if run.config.agent.cleanup:
            is_reachable = _clean_up(run, created)
        else:
            on_event({"event": "kept", "commands": [_cleanup_command(run)]})
        is_stopped = any(
            entry.cause == NOT_STARTED or (is_late and entry.status == FAILED)
            for entry in run.entries.values()
        )
        state = STOPPED if error is not None or is_stopped else FINISHED
        if cancel.is_set() or isinstance(error, KeyboardInterrupt):
            state = INTERRUPTED
        deadline = time.monotonic() + CLEANUP_S if is_reachable else 0.0
        last = manifest.finish(state, cluster, deadline)
    return last


def _announce(run: Run) -> None:
    options = run.options
    run.config.agent.on_event(
        {
            "event": "fleet",
            "run-id": options.run_id,
            "namespace": options.namespace,
            "job": options.name,
            "nodes": len(run.nodes),
            "skipped": sum(entry.status == SKIPPED for entry in run.entries.values()),
            "kept": sum(entry.has_file for entry in run.entries.values()),
            "directory": run.directory.path,
            "cluster-scope": options.cluster_scope,
            "cleanup": _cleanup_command(run),
        }
    )


def _cleanup_command(run: Run) -> str:
    return run.kube.render_kubectl(render_cleanup_command(run.options))


def _describe_entry(entry: FleetNode) -> dict[str, Any]:
    fields = {"status": entry.status, "cause": entry.cause, "reason": entry.reason}
    found = {key: value for key, value in fields.items() if value}
    return {"event": "node", "node": entry.name, **found, "seconds": entry.seconds}


def _remove_leftovers(run: Run) -> None:
    """Delete what a run of this fleet has left that was killed or lost the API server.

    A failure only warns.
    """
    for earlier in run.before.runs if run.before else ():
        if earlier.state == FINISHED:
            continue
        deadline = time.monotonic() + CLEANUP_S
        found = read_inventory(run.kube, earlier.namespace, earlier.run_id, deadline)
        for answer in delete_listed(run.kube, found.objects, deadline):
            if isinstance(answer, SnapshotError) and answer.status != NOT_FOUND:
                message = f"objects of run {earlier.run_id} may be left: {answer}"
                run.config.agent.on_event({"event": "warning", "message": message})


def _clean_up(run: Run, created: list[CreatedObject]) -> bool:
    """Delete what was created; return whether the API server answered."""
    left = delete_created(run.kube, created, time.monotonic() + CLEANUP_S)
    if left:
        reasons = [f"{item.kind} {item.name}: {error}" for item, error in left]
        commands = [_cleanup_command(run)]
        run.config.agent.on_event(
            {"event": "left-behind", "reasons": reasons, "commands": commands}
        )
    return all(error.status for _, error in left)


def _start_cluster_facts(run: Run) -> ClusterFacts | None:
    """Read the cluster-wide facts once, while the pods run; K8s.node is of one node only."""
    if run.options.cluster_scope != CLIENT or not run.nodes:
        return None
    facts = ClusterFacts(
        Capture(
            kube=run.kube,
            options=run.options,
            collectors=run.collectors,
            deadline=run.deadline,
            expires="",
            on_event=run.config.agent.on_event,
        )
    )
    facts.start(run.nodes[0].name)
    return facts


def build_work(
    run: Run, job_uid: str, expires: str, cancel: threading.Event, cluster: ClusterFacts | None
) -> FleetWork:
    """Return what the engine needs for this run."""
    options = run.options
    pods = PodRequests(
        kube=run.kube,
        options=options,
        build=choose_builder(options, job_uid, expires),
        indexes={node.name: index for index, node in enumerate(run.nodes)},
        limit=RateLimit(run.config.qps),
        deadline=run.deadline,
    )
    documents = DocumentWriter(run, cluster if run.config.self_contained else None)
    return FleetWork(
        pods=pods,
        nodes=run.nodes,
        parallel=run.config.window,
        max_failures=run.config.max_failures,
        deadline=run.deadline,
        accept=documents.accept,
        on_event=run.config.agent.on_event,
        cancel=cancel,
    )
