"""--metrics-file of the verbs that collect, read back as Prometheus does."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.collectors.run.timing import capture_with_metrics_file
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.errors import NotFound
from kubectl_snapshot.main import main
from tests import prometheus
from tests.unit.hosts import VM_UBUNTU, copy_host
from tests.validation import parse_valid

NODE = "gpu-17"
# No server listens there.
ELSEWHERE = ["capture", "--agent", "image", "--server", "https://127.0.0.1:1"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "textfile"
    directory.mkdir()
    return directory / "snapshot.prom"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host tree, and no cluster to be found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NODE_NAME", NODE)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return copy_host(VM_UBUNTU, tmp_path / "host")


def test_a_collection_leaves_its_document_and_its_times(
    root: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["collect", f"--host-root={root}", "--metrics-file", str(path)]) == 0
    snapshot = parse_valid(capsys.readouterr().out)
    found = prometheus.read_metrics(path.read_text())
    prometheus.assert_recent(found, NODE)
    assert found[prometheus.SUCCESS] == {(NODE,): 1}
    types = {(NODE, measurement.type) for measurement in snapshot.measurements}
    assert set(found[prometheus.COLLECTOR_DURATION]) == types
    gaps = snapshot.metadata["gaps"].split(",")
    assert found[prometheus.GAPS] == {
        (NODE, kind): sum(gap.startswith(f"{kind}.") for gap in gaps) for _, kind in types
    }


def test_this_machine_is_recorded_by_the_capture_too(
    root: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--local", "--metrics-file", str(path), "--quiet"]) == 0
    assert prometheus.read_metrics(path.read_text())[prometheus.SUCCESS] == {(NODE,): 1}


@pytest.mark.parametrize(
    ("words", "code", "node"),
    [
        ([*ELSEWHERE, "--node", "gpu-18"], 6, "gpu-18"),
        (ELSEWHERE, 6, ""),
        (["capture", "--node", "gpu-18", "--kubeconfig", "/nowhere"], 3, "gpu-18"),
        (["collect", "--host-root=/nowhere", "--require-gpu"], 3, NODE),
    ],
)
def test_a_collection_that_fails_says_so_and_ends_as_it_would(
    root: Path, path: Path, words: list[str], code: int, node: str
) -> None:
    path.write_text("old")
    assert main([*words, "--metrics-file", str(path), "--timeout", "20s"]) == code
    found = prometheus.read_metrics(path.read_text())
    prometheus.assert_recent(found, node)
    assert found[prometheus.SUCCESS] == {(node,): 0}
    assert found[prometheus.GAPS] == {}


def test_a_name_that_node_exporter_passes_over_is_refused_before_anything_is_read(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--local", "--metrics-file", str(path.with_suffix(".txt"))]) == 2
    ended = capsys.readouterr()
    assert ended.out == ""
    assert "hint: use --metrics-file " in ended.err
    assert not list(path.parent.iterdir())


def test_metrics_that_cannot_be_written_cost_neither_document_nor_error(path: Path) -> None:
    messages: list[str] = []
    snapshot = Snapshot()

    def remove_the_directory(on_event: object) -> Snapshot:
        path.parent.rmdir()
        return snapshot

    def fail(on_event: object) -> Snapshot:
        path.parent.rmdir()
        raise NotFound("no GPU")

    def on_event(event: object) -> None:
        assert isinstance(event, dict)
        messages.append(event["message"])

    assert capture_with_metrics_file(str(path), NODE, remove_the_directory, on_event) is snapshot
    path.parent.mkdir()
    with pytest.raises(NotFound):
        capture_with_metrics_file(str(path), NODE, fail, on_event)
    assert messages == [f"cannot write {path}: No such file or directory"] * 2


def test_a_dry_run_collects_nothing_and_writes_no_metrics(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECTL_SNAPSHOT_METRICS_FILE", str(path))
    assert main([*ELSEWHERE, "--dry-run"]) == 0
    assert not path.exists()
