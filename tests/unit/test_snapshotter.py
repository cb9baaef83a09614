"""The public library without a cluster: what its records mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from kubectl_snapshot import __version__
from kubectl_snapshot.agent.capture_node import log_event
from kubectl_snapshot.agent.plan import build_job_options, validate_settings
from kubectl_snapshot.clients.kube.client import ConnectionOptions
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Measurement, Subtype
from kubectl_snapshot.errors import InvalidRequest, NotFound, ServiceUnavailable
from kubectl_snapshot.snapshotter import (
    AgentConfig,
    CollectSettings,
    NodeSnapshotter,
    Snapshot,
    check_snapshot,
    default_factory,
    deploy_and_get_snapshot,
    diff_snapshots,
    file_serializer,
    load_snapshot,
    new_snapshot,
    query,
)
from tests.servers.kubeconfigs import write_kubeconfig

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "snapshots"


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


SNAPSHOT = Snapshot({"source-node": "gpu-17"}, (Measurement("OS"),))


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


def test_a_template_that_is_not_there_is_reported_before_anything_is_made() -> None:
    with pytest.raises(NotFound, match="no such file: "):
        build_job_options(AgentConfig(agent="image", template_path="none.j2"), "ops")


def test_debug_logs_each_event_as_a_line_and_passes_it_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events: list[object] = []
    log_event(events.append, {"event": "warning", "message": "a\x1b\nb"})
    assert capsys.readouterr().err == '{"event": "warning", "message": "a\\u001b\\nb"}\n'
    assert events == [{"event": "warning", "message": "a\x1b\nb"}]


@pytest.mark.parametrize(
    ("version", "factory", "written"),
    [
        ("1.2.3", None, "1.2.3"),
        ("1.2.3", "4.5.6", "1.2.3"),
        ("", "4.5.6", "4.5.6"),
        ("", None, __version__),
    ],
)
def test_the_version_of_the_snapshotter_comes_before_the_factorys(
    version: str, factory: str | None, written: str, tmp_path: Path
) -> None:
    chosen = None if factory is None else replace(default_factory(factory), collectors=())
    taken: list[Snapshot] = []
    NodeSnapshotter(version, chosen, serializer=Taker(taken)).measure()
    assert [snapshot.metadata["version"] for snapshot in taken] == [written]


@dataclass(frozen=True)
class Taker:
    taken: list[Snapshot]

    def serialize(self, snapshot: Snapshot) -> None:
        self.taken.append(snapshot)


@pytest.mark.parametrize("timeout", ["30s", "30", True, -1, math.nan, math.inf, [1]])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    for act in (
        lambda: AgentConfig(timeout=timeout),
        lambda: deploy_and_get_snapshot(AgentConfig(), timeout),
        lambda: NodeSnapshotter().measure(timeout),
    ):
        with pytest.raises(InvalidRequest, match="invalid timeout") as caught:
            act()
        assert caught.value.hint == "as in timeout=30.0"


@pytest.mark.parametrize("timeout", [0, 0.0, 30, 0.5])
def test_zero_and_whole_seconds_are_timeouts(timeout: float) -> None:
    assert AgentConfig(timeout=timeout).timeout == timeout


def test_a_snapshot_prints_as_one_line() -> None:
    lost = Subtype("gpu-0", {}, {"status": "error"})
    measurements = (Measurement("GPU", (lost, Subtype("smi", {"a": 1, "b": 2}))),)
    metadata = {"source-node": "gpu-17", "timestamp": "2026-11-23T09:12:44Z"}
    assert str(Snapshot(metadata, measurements)) == (
        "snapshot of gpu-17 at 2026-11-23T09:12:44Z: 2 readings, 1 gaps"
    )
    assert str(new_snapshot()) == (
        "snapshot of an unnamed node at an unknown time: 0 readings, 0 gaps"
    )


def test_snapshots_are_loaded_compared_checked_and_queried() -> None:
    before, after = (load_snapshot(str(EXAMPLES / f"{name}.yaml")) for name in ("gpu-17", "gpu-23"))
    assert diff_snapshots(before, before).is_empty
    diff = diff_snapshots(before, after)
    assert not diff.is_empty
    path = diff.changes[0].path
    assert {change.path for change in diff_snapshots(before, after, only=[path]).changes} == {path}
    ignored = diff_snapshots(before, after, ignore=[path])
    assert path not in {change.path for change in ignored.changes}
    everything = diff_snapshots(before, after, everything=True)
    assert len(everything.changes) > len(diff.changes)
    constraints = ["OS.release.ID == ubuntu", "OS.release.ID == rhel"]
    assert [f.outcome for f in check_snapshot(before, constraints)] == ["held", "failed"]
    assert query(before, "OS.release.ID") == {"OS.release.ID": "ubuntu"}
    assert query(before, "OS.release") == query(before, "OS.release.*") != {}
    assert query(before, "metadata.source-node") == {"metadata.source-node": "gpu-17"}


def test_snapshots_are_checked_against_rule_files(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- {name: a, path: OS.release.ID, constraint: rhel, severity: warning}\n"
        "- {name: b, path: GPU.hardware.gpu-count, constraint: == 8, when: OS.release.ID == rhel}\n"
    )
    snapshot = load_snapshot(str(EXAMPLES / "gpu-17.yaml"))
    found = check_snapshot(snapshot, ["OS.release.ID == ubuntu"], rules=[str(rules)])
    assert [(f.rule.name, f.outcome, f.is_applied) for f in found] == [
        ("OS.release.ID == ubuntu", "held", True),
        ("a", "warned", True),
        ("b", "skipped", False),
    ]
    assert found[1].rule.place == f"{rules} line 1"
    shipped = [str(EXAMPLES.parent / "rules" / name) for name in ("gpu-node.yaml",)]
    assert "failed" not in {f.outcome for f in check_snapshot(snapshot, rules=shipped)}
    with pytest.raises(NotFound, match="no such file"):
        check_snapshot(snapshot, rules=[str(tmp_path / "none.yaml")])


def test_a_path_that_cannot_exist_is_an_error_in_the_library_too() -> None:
    snapshot = load_snapshot(str(EXAMPLES / "gpu-17.yaml"))
    for call in (
        lambda: check_snapshot(snapshot, ["K8s.servr.version >= 1.32"]),
        lambda: query(snapshot, "OS.release.nothing"),
        lambda: query(snapshot, "K8s.servr"),
        lambda: diff_snapshots(snapshot, snapshot, only=["os.*"]),
        lambda: diff_snapshots(snapshot, snapshot, ignore=["OS.nothing"]),
    ):
        with pytest.raises(InvalidRequest):
            call()
    # Declared, and this GPU does not have it.
    assert query(snapshot, "GPU.gpu-0.egm-capability") == {}
    assert [f.outcome for f in check_snapshot(new_snapshot(), ["OS.release.ID == a"])] == [
        "unknown"
    ]


def test_what_cannot_be_loaded_or_checked_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        load_snapshot(str(tmp_path / "none.yaml"))
    with pytest.raises(ServiceUnavailable):
        load_snapshot("cm://ops/a", ConnectionOptions(server="http://127.0.0.1:1"))
    with pytest.raises(InvalidRequest):
        check_snapshot(new_snapshot(), ["OS.release.ID"])
