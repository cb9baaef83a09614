"""The public library without a cluster: what its records mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from kubectl_snapshot.agent.plan import build_job_options, validate_settings
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.errors import InvalidRequest, NotFound, ServiceUnavailable
from kubectl_snapshot.snapshotter import (
    AgentConfig,
    CollectSettings,
    NodeSnapshotter,
    Snapshot,
    default_factory,
    deploy_and_get_snapshot,
    file_serializer,
    log_event,
)
from tests.servers.kubeconfigs import write_kubeconfig


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (None, ()),
        ([], ("containerd.service",)),
        (["kubelet.service", "nvidia-*"], ("kubelet.service", "nvidia-*")),
    ],
)
def test_no_list_of_units_is_the_default_one_and_an_empty_list_is_containerd_alone(
    given: list[str] | None, chosen: tuple[str, ...]
) -> None:
    assert default_factory(systemd_services=given).systemd_services == chosen


@pytest.mark.parametrize(
    ("reference", "ours", "chosen"), [(0, 0, 0), (3, 0, 3), (0, 5, 5), (3, 5, 3)]
)
def test_the_references_name_of_an_option_overrides_ours(
    reference: int, ours: int, chosen: int
) -> None:
    config = AgentConfig(
        max_nodes_per_entry=reference, collect=CollectSettings(max_nodes_per_entry=ours)
    )
    assert validate_settings(config).max_nodes_per_entry == chosen


@pytest.mark.parametrize(
    "invalid",
    [
        CollectSettings(helm_namespaces=("../secrets",)),
        CollectSettings(systemd_services=("no-type",)),
    ],
)
def test_an_invalid_setting_of_a_program_is_refused(invalid: CollectSettings) -> None:
    with pytest.raises(InvalidRequest):
        validate_settings(AgentConfig(collect=invalid))


def test_a_registry_learns_how_long_this_machine_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NODE_NAME", "gpu-17")
    registry = CollectorRegistry()
    for _ in range(2):
        serializer = file_serializer(str(tmp_path / "a.json"))
        NodeSnapshotter(serializer=serializer, registry=registry).measure()
    node = {"node": "gpu-17"}
    duration = registry.get_sample_value("snapshot_collection_duration_seconds", node)
    assert duration is not None
    assert 0 < duration < 60
    name = "snapshot_collector_duration_seconds"
    for collector in default_factory().collectors:
        found = registry.get_sample_value(name, {**node, "collector": collector.TYPE})
        assert found is not None
        assert 0 <= found <= duration + 0.001


def test_a_registry_learns_of_a_capture_that_failed(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", {"server": "https://127.0.0.1:1"})
    registry = CollectorRegistry()
    config = AgentConfig(kubeconfig, agent="image", node_name="gpu-18", registry=registry)
    with pytest.raises(ServiceUnavailable):
        deploy_and_get_snapshot(config, timeout=20.0)
    success = registry.get_sample_value("snapshot_collection_success", {"node": "gpu-18"})
    assert success == 0


def test_a_registry_with_metrics_of_our_names_is_refused_before_anything_is_made() -> None:
    registry = CollectorRegistry()
    Gauge("snapshot_collection_success", "Another program's.", registry=registry)
    with pytest.raises(InvalidRequest, match="the registry already has metrics of these names"):
        NodeSnapshotter(registry=registry).measure()


SNAPSHOT = Snapshot({"source-node": "gpu-17"})


@pytest.mark.parametrize("name", ["a.yaml", "a.json", "a"])
def test_a_file_holds_the_document(tmp_path: Path, name: str) -> None:
    with file_serializer(str(tmp_path / name)) as file:
        file.serialize(SNAPSHOT)
    assert parse_document((tmp_path / name).read_text()) == SNAPSHOT


@pytest.mark.parametrize(
    ("name", "begin"), [("a.txt", "PATH "), ("a.table", "PATH "), ("a.html", "<!DOCTYPE html>")]
)
def test_a_file_has_the_format_of_its_ending(tmp_path: Path, name: str, begin: str) -> None:
    with file_serializer(str(tmp_path / name)) as file:
        file.serialize(SNAPSHOT)
    assert (tmp_path / name).read_text().startswith(begin)


def test_a_template_is_written_instead_of_the_document(tmp_path: Path) -> None:
    template, path = tmp_path / "a.j2", tmp_path / "a.txt"
    template.write_text("{{ reading('metadata.source-node') }}")
    with file_serializer(str(path)) as file:
        file.template_path = str(template)
        file.serialize(SNAPSHOT)
    assert path.read_text() == "gpu-17"
    with file_serializer("cm://ops/gpu-17") as file, pytest.raises(InvalidRequest):
        file.template_path = str(template)
        file.serialize(SNAPSHOT)


def test_a_template_that_is_not_there_is_told_before_anything_is_made() -> None:
    with pytest.raises(NotFound, match="no such file: "):
        build_job_options(AgentConfig(agent="image", template_path="none.j2"), "ops")


def test_debug_logs_each_event_as_a_line_and_passes_it_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events: list[object] = []
    log_event(events.append, {"event": "warning", "message": "a\x1b\nb"})
    assert capsys.readouterr().err == '{"event": "warning", "message": "a\\u001b\\nb"}\n'
    assert events == [{"event": "warning", "message": "a\x1b\nb"}]
