from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.choose import choose_collectors
from kubectl_snapshot.collectors.node_collectors import NODE_MODULES
from kubectl_snapshot.constants import PROFILES
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
        ("", "NodeTopology K8s", [*NODE_MODULES]),
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


def test_the_reference_is_the_five_types_of_aicr() -> None:
    chosen = choose_collectors(CollectSettings(profile="reference"))
    assert [c.TYPE for c in chosen] == ["K8s", "GPU", "OS", "SystemD", "NodeTopology"]
    assert len(choose_collectors(CollectSettings(profile="full"))) == len(ALL_COLLECTORS)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(InvalidRequest, match='unknown profile "ful"') as caught:
        choose_collectors(CollectSettings(profile="ful"))
    hint = "did you mean full? use one of reference, standard, full"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        (CollectSettings(collectors=("OS", "Network")), "--collect Network"),
        (CollectSettings(helm_namespaces=("ops",)), "--helm-namespace"),
    ],
)
def test_what_the_profile_leaves_out_cannot_be_asked_for(
    settings: CollectSettings, flag: str
) -> None:
    assert choose_collectors(settings)
    with pytest.raises(InvalidRequest) as caught:
        choose_collectors(replace(settings, profile="reference"))
    assert caught.value.what == f"--profile reference leaves out what {flag} asks for"
    assert caught.value.hint == f"use --profile standard, or leave {flag} out"


def test_the_first_profile_of_a_type_is_that_of_its_subtypes() -> None:
    for type_, (_, profile) in NODE_MODULES.items():
        found = [PROFILES.index(spec.profile) for spec in ALL_COLLECTORS[type_].SUBTYPES]
        assert min(found) == PROFILES.index(profile), type_


def test_a_required_gpu_needs_its_collector() -> None:
    assert choose("GPU", require_gpu=True) == ["GPU"]
    assert len(choose_collectors(CollectSettings())) == len(ALL_COLLECTORS)
    with pytest.raises(InvalidRequest, match="--require-gpu needs the collector GPU: "):
        choose(skipped="GPU", require_gpu=True)
