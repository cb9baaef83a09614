"""The collectors of the cluster without their modules: what is told where there is no cluster."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.cluster_collectors import CLUSTER_COLLECTORS
from kubectl_snapshot.collectors.run.context import CLUSTER, Collector, Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.constants import PROFILES
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import NotFound
from kubectl_snapshot.settings import CollectSettings


@pytest.mark.parametrize("type_", ["K8s", "NodeTopology"])
def test_what_is_declared_is_what_the_module_declares(type_: str) -> None:
    declared, module = CLUSTER_COLLECTORS[type_], ALL_COLLECTORS[type_]
    assert declared.TYPE == module.TYPE == type_
    assert declared.SCOPE == module.SCOPE == CLUSTER
    assert declared.DEADLINE_S == module.DEADLINE_S
    assert declared.SUBTYPES == module.SUBTYPES
    assert declared.RIGHTS == module.RIGHTS
    optional = {"DEVICES", "choose_subtypes"}
    assert not optional & set(dir(module))


def collect(collector: Collector, settings: CollectSettings, node_name: str) -> list[Subtype]:
    error = NotFound("no cluster is configured", why="no kubeconfig")
    context = Context(HostPath("/"), node_name, kube_error=error, settings=settings)
    (found,) = run_collectors([collector], context, time.monotonic() + 60, lambda event: None)
    return [
        replace(s, context={k: v for k, v in s.context.items() if k != "elapsed-ms"})
        for s in found.subtypes
    ]


@pytest.mark.parametrize("type_", ["K8s", "NodeTopology"])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("namespaces", [(), ("gpu-operator",)])
@pytest.mark.parametrize("node_name", ["gpu-17", ""])
def test_without_a_cluster_the_subtypes_are_those_of_the_module(
    type_: str, profile: str, namespaces: tuple[str, ...], node_name: str
) -> None:
    settings = CollectSettings(profile=profile, helm_namespaces=namespaces)
    told = collect(CLUSTER_COLLECTORS[type_], settings, node_name)
    assert told == collect(ALL_COLLECTORS[type_], settings, node_name)
    assert told[0].context["reason"] == (
        "no connection to the cluster: no cluster is configured: no kubeconfig"
    )
