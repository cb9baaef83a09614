"""The kubelet's configuration through the API's node proxy, and what refusals cost."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes import collector
from kubectl_snapshot.collectors.kubernetes.kubelet import MAX_WAIT_S, RIGHTS, build_kubelet
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError, Unauthorized
from tests.unit.collectors.api_answers import Api
from tests.unit.collectors.cluster_answers import NODE, VERSION

PATH = "/api/v1/nodes/gpu-a1/proxy/configz"
CONFIG = {
    "kind": "KubeletConfiguration",
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "topologyManagerPolicy": "single-numa-node",
    "evictionHard": {"memory.available": "100Mi"},
    "featureGates": {"KubeletTracing": False},
    "reservedSystemCPUs": "0-3",
    "clusterDNS": ["10.96.0.10"],
    "staticPodURLHeader": {"Authorization": ["Basic aHVudGVyMg=="]},
    "maxPods": 110,
}


def collect(answer: Any, **settings: Any) -> tuple[Api, Subtype]:
    api = Api({"/version": VERSION, "/api/v1/nodes/gpu-a1": NODE, PATH: answer})
    found = {s.name: s for s in collector.collect(api.context(node_name="gpu-a1", **settings))}
    return api, found["kubelet"]


def test_the_configuration_is_flat_text_without_headers() -> None:
    assert collect({"kubeletconfig": CONFIG})[1] == Subtype(
        "kubelet",
        {
            "topologyManagerPolicy": "single-numa-node",
            "evictionHard.memory.available": "100Mi",
            "featureGates.KubeletTracing": "false",
            "reservedSystemCPUs": "0-3",
            "clusterDNS": '["10.96.0.10"]',
            "maxPods": "110",
        },
    )


def test_who_may_not_read_it_has_a_reason_and_no_gap() -> None:
    refused = Unauthorized("cannot read it", why='cannot get resource "nodes/proxy"', status=403)
    found = collect(refused)[1]
    assert (found.data, found.status) == ({}, "ok")
    assert found.context["reason"] == 'cannot read it: cannot get resource "nodes/proxy"'


def test_no_role_of_ours_grants_it() -> None:
    assert [(r.resource, r.verbs, r.is_granted) for r in RIGHTS] == [
        ("nodes/proxy", ("get",), False)
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [(ServiceUnavailable("the kubelet is dead"), "error"), (None, "absent")],
)
def test_a_kubelet_that_does_not_answer_is_a_gap(error: SnapshotError | None, status: str) -> None:
    api = Api(
        {"/version": VERSION, "/api/v1/nodes/gpu-a1": NODE, **({PATH: error} if error else {})}
    )
    found = {s.name: s for s in collector.collect(api.context(node_name="gpu-a1"))}["kubelet"]
    assert (found.data, found.status) == ({}, status)


def test_it_is_asked_for_last_and_for_three_seconds_at_most() -> None:
    began = time.monotonic()
    api, _ = collect({}, deadline=began + 60)
    assert api.asked[-1] == ("GET", PATH)
    assert api.deadlines[-1] <= time.monotonic() + MAX_WAIT_S < began + 60
    assert collect({}, deadline=1.0)[0].deadlines[-1] == 1.0


@pytest.mark.parametrize("answer", [{}, {"kubeletconfig": None}, {"kubeletconfig": ["x"]}, []])
def test_an_answer_without_a_configuration_has_no_reading(answer: Any) -> None:
    assert build_kubelet(answer).data == {}
