from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kubectl_snapshot.constants import API_VERSIONS
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.codec.tree import document_warnings
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.main import main
from kubectl_snapshot.storage.configmap import (
    ConfigMapName,
    build_configmap,
    build_data,
    parse_configmap,
)

SNAPSHOT = Snapshot(
    {"source-node": "gpu-17"}, (Measurement("OS", (Subtype("release", {"ID": "ubuntu"}),)),)
)


@pytest.mark.parametrize("version", API_VERSIONS)
@pytest.mark.parametrize("verb", ["capture --local", "collect --cluster-scope=skip"])
def test_a_document_is_written_under_the_version_that_is_asked_for(
    verb: str, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb.split(), "--quiet", "--api-version", version]) == 0
    written = parse_document(capsys.readouterr().out)
    assert written.api_version == version
    assert "source-node" in written.metadata


def test_an_unknown_version_ends_with_2_and_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--local", "--api-version", "v1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(version in err for version in API_VERSIONS)


@pytest.mark.parametrize("version", API_VERSIONS)
@pytest.mark.parametrize("render", [render_yaml, render_json])
def test_each_version_is_read_back_without_a_warning(
    version: str, render: Callable[[Snapshot], str]
) -> None:
    snapshot = replace(SNAPSHOT, api_version=version)
    assert parse_document(render(snapshot)) == snapshot
    assert document_warnings(snapshot) == ()


@pytest.mark.parametrize("version", API_VERSIONS)
def test_each_version_is_read_back_from_a_configmap(version: str) -> None:
    snapshot = replace(SNAPSHOT, api_version=version)
    data = build_data(render_yaml(snapshot), "yaml", "2026-03-09T18:42:07Z")
    body = build_configmap(ConfigMapName("ops", "gpu-17"), data, "0.1")
    assert parse_document(parse_configmap(body, "cm://ops/gpu-17")) == snapshot
