"""Docker's daemon.json as readings."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.runtime.collector import collect
from kubectl_snapshot.collectors.runtime.flatten import flatten
from kubectl_snapshot.document.snapshot import Subtype


def read(root: Path, text: str | None) -> Subtype:
    (root / "etc/docker").mkdir(parents=True, exist_ok=True)
    if text is not None:
        (root / "etc/docker/daemon.json").write_text(text)
    return {s.name: s for s in collect(Context(HostPath(str(root))))}["docker"]


def test_each_setting_has_its_path(tmp_path: Path) -> None:
    text = """{"default-runtime": "nvidia", "features": {"cdi": true},
      "max-concurrent-downloads": 3,
      "exec-opts": ["native.cgroupdriver=systemd"], "insecure-registries": [],
      "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "runtimeArgs": ["a", "b"]}}}"""
    assert read(tmp_path, text) == Subtype(
        "docker",
        {
            "default-runtime": "nvidia",
            "features.cdi": True,
            "max-concurrent-downloads": 3,
            "exec-opts": "native.cgroupdriver=systemd",
            "insecure-registries": "",
            "runtimes.nvidia.path": "nvidia-container-runtime",
            "runtimes.nvidia.runtimeArgs": "a,b",
        },
    )


def test_without_docker_it_is_absent_and_an_empty_file_is_no_setting(tmp_path: Path) -> None:
    found = read(tmp_path, None)
    assert (found.data, found.status) == ({}, "absent")
    assert read(tmp_path, "") == Subtype("docker", {})


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_what_is_no_json_object_is_an_error(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert (found.data, found.status) == ({}, "error")
    assert found.context["reason"].startswith("/etc/docker/daemon.json of the node is not ")


def test_values_are_scalars_of_the_format() -> None:
    nested = {"a": [{"b": None}, 7], "c": 2**64, "d": -(2**63) - 1, "e": 1.5, "f": float("inf")}
    assert flatten({**nested, "g": [True, 1.5, "x"], "h": {}, "i": 2**64 - 1, "j": -(2**63)}) == {
        "a.0.b": "",
        "a.1": 7,
        "c": "18446744073709551616",
        "d": "-9223372036854775809",
        "e": 1.5,
        "f": "inf",
        "g": "true,1.5,x",
        "i": 2**64 - 1,
        "j": -(2**63),
    }
