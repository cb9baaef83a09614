from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.choose import choose_collectors
from kubectl_snapshot.collectors.node_collectors import NODE_COLLECTORS
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.settings import CollectSettings


def choose(
    collectors: str = "", skipped: str = "", reads_cluster: bool = True, require_gpu: bool = False
) -> list[str]:
    settings = CollectSettings(collectors=tuple(collectors.split()), skipped=tuple(skipped.split()))
    return [c.TYPE for c in choose_collectors(settings, reads_cluster, require_gpu)]


@pytest.mark.parametrize(
    ("collectors", "skipped", "chosen"),
    [
        ("OS GPU", "", ["GPU", "OS"]),
        ("", "NodeTopology K8s", [*NODE_COLLECTORS]),
        ("OS GPU", "GPU", ["OS"]),
        ("NodeTopology", "", ["NodeTopology"]),
    ],
)
def test_the_chosen_types_are_collected_in_the_documents_order(
    collectors: str, skipped: str, chosen: list[str]
) -> None:
    assert choose() == list(ALL_COLLECTORS)
    assert choose(collectors, skipped) == chosen


def test_a_capture_of_the_node_alone_leaves_the_clusters_types_out() -> None:
    assert choose("K8s OS", reads_cluster=False) == ["OS"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("os", "OS"), ("k8S", "K8s"), ("Systemd", "SystemD"), ("nodetopolgy", "NodeTopology")],
)
def test_names_are_case_sensitive_and_the_closest_is_suggested(name: str, meant: str) -> None:
    for settings in (CollectSettings(collectors=(name,)), CollectSettings(skipped=(name,))):
        with pytest.raises(InvalidRequest, match=f"unknown collector '{name}'") as caught:
            choose_collectors(settings)
        assert caught.value.hint.startswith(f"did you mean {meant}? ")


@pytest.mark.parametrize(
    ("collectors", "skipped", "reads_cluster"),
    [("OS", "OS", True), ("", " ".join(ALL_COLLECTORS), True), ("K8s", "", False)],
)
def test_a_capture_of_nothing_is_refused(
    collectors: str, skipped: str, reads_cluster: bool
) -> None:
    with pytest.raises(InvalidRequest, match="no collector is left"):
        choose(collectors, skipped, reads_cluster)


def test_a_required_gpu_needs_its_collector() -> None:
    assert choose("GPU", require_gpu=True) == ["GPU"]
    assert len(choose_collectors(CollectSettings())) == len(ALL_COLLECTORS)
    with pytest.raises(InvalidRequest, match="--require-gpu needs the collector GPU: "):
        choose(skipped="GPU", require_gpu=True)
