"""--require-gpu where the command collects by itself; tests/cluster has it for an agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.main import main
from tests.unit.gpus import add_kernel_module
from tests.validation import parse_valid

VARIABLE = "AICR_REQUIRE_GPU"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host tree without a GPU, and no cluster to be found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    root = tmp_path / "host"
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    (root / "proc/sys").mkdir(parents=True)
    return root


def test_without_a_gpu_nothing_is_printed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["collect", f"--host-root={root}"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("kind: Snapshot")
    assert main([*words, "--require-gpu"]) == 3
    ended = capsys.readouterr()
    assert ended.out == ""
    assert "error: no GPU found on" in ended.err
    assert "why: there is no NVIDIA GPU on the PCI bus" in ended.err
    monkeypatch.setenv(VARIABLE, "true")
    assert main(words) == 3


def test_with_a_gpu_the_document_is_printed(
    root: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = root / "usr/lib64"
    target.mkdir(parents=True)
    for name in (library.name, "fake-nvml.conf"):
        (target / name).write_bytes((library.parent / name).read_bytes())
    add_kernel_module(root)
    assert main(["collect", f"--host-root={root}", "--require-gpu"]) == 0
    snapshot = parse_valid(capsys.readouterr().out)
    assert "GPU." not in snapshot.metadata["gaps"]


@pytest.mark.skipif(Path("/proc/driver/nvidia").exists(), reason="this machine has a GPU")
def test_this_machine_is_no_exception(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--local", "--require-gpu"]) == 3
    assert capsys.readouterr().out == ""


def test_a_runtime_class_is_the_other_way_to_be_given_gpus(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--local", "--require-gpu", "--runtime-class=nvidia"]) == 2
    assert main(["--require-gpu", "--runtime-class=nvidia"]) == 2
    assert "are mutually exclusive" in capsys.readouterr().err
