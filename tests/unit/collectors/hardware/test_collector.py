"""All subtypes of a host tree, and what a pod without the node's files has."""

from __future__ import annotations

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.hardware import collector
from kubectl_snapshot.collectors.run.context import Context
from tests.unit.hosts import VM_UBUNTU

NAMES = sorted(spec.name for spec in collector.SUBTYPES)


def test_every_declared_subtype_is_read_once() -> None:
    found = list(collector.collect(Context(HostPath(str(VM_UBUNTU)))))
    assert sorted(subtype.name for subtype in found) == NAMES


def test_without_the_nodes_files_nothing_but_its_boot_is_known() -> None:
    found = {s.name: s for s in collector.collect(Context(HostPath(None)))}
    assert sorted(found) == NAMES
    assert [*found.pop("identity").data] == ["boot-id"]
    for subtype in found.values():
        assert (subtype.data, subtype.status) == ({}, "unavailable"), subtype.name
        assert "--privileged=false" in subtype.context["reason"]
