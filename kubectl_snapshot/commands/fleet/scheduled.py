"""What a schedule does once: capture a fleet, write metrics, remove captures that have expired."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.files.outputfile import write_whole
from kubectl_snapshot.clients.metrics import MODE, FleetCollection, render_fleet_metrics
from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.commands.findings import FAIL_ON
from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.commands.flags.fleet import FleetPlace
from kubectl_snapshot.commands.fleet.archive import use_directory
from kubectl_snapshot.commands.fleet.capture import capture_into
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.files import history
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.fleet.outliers import find_outliers
from kubectl_snapshot.records import replace
from kubectl_snapshot.storage import fleet_configmap
from kubectl_snapshot.storage.configmap import parse_place

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.fleet.fleet import Fleet

METRICS = "fleet.prom"


def run_into_directory(args: argparse.Namespace, severities: Sequence[str]) -> tuple[bool, int]:
    """Capture into a directory below --run-into, write metrics, remove what has expired.

    Returns whether a node has a finding of these severities, and the capture's exit code.
    """
    began = time.time()
    path = os.path.join(args.run_into, history.name_capture(began))
    found = FleetCollection()
    try:
        code = capture_into(args, FleetPlace(path), path)
        found = judge(load_fleet(path))
    finally:
        found = replace(found, began_at=began, ended_at=time.time())
        if os.path.isdir(path) and not history.has_nodes(path):
            history.remove_capture(path)
        if os.path.isdir(args.run_into):
            metrics = os.path.join(args.run_into, METRICS)
            write_whole(metrics, render_fleet_metrics(found), MODE)
    for expired in history.choose_expired(history.list_captures(args.run_into), args.keep):
        history.remove_capture(expired)
    return any(found.findings.get(severity) for severity in severities), code


def run_into_configmaps(args: argparse.Namespace, severities: Sequence[str]) -> tuple[bool, int]:
    """Do what `run_into_directory` does, with ConfigMaps for directories."""
    store, began = parse_place(args.run_into), time.time()
    archive = f"{args.run_into}-{history.name_capture(began).lower()}.tar.gz"
    place, kube, found = FleetPlace("", archive), connect_with(args), FleetCollection()
    try:
        with use_directory(place, args) as directory:
            code = capture_into(args, place, directory)
            found = judge(load_fleet(directory))
    finally:
        found = replace(found, began_at=began, ended_at=time.time())
        fleet_configmap.write_text(store, METRICS, render_fleet_metrics(found), kube)
    names = fleet_configmap.list_fleet_configmaps(store, kube)
    for name in history.choose_expired_configmaps(names, store.name, args.keep):
        fleet_configmap.delete_configmap(store._replace(name=name), kube)
    return any(found.findings.get(severity) for severity in severities), code


def judge(fleet: Fleet) -> FleetCollection:
    """Return the nodes of a fleet by status, its outliers, and its nodes by their findings."""
    findings = dict.fromkeys(FAIL_ON, 0)
    for _, snapshot in fleet.read_all():
        if not isinstance(snapshot, SnapshotError):
            of_node = find_all(snapshot, {})
            for severity in findings:
                findings[severity] += of_node.count(severity) > 0
    groups = find_outliers(fleet).groups
    outliers = sum(len(group.different) for group in groups)
    return FleetCollection(True, fleet.manifest.counts, outliers, findings)
