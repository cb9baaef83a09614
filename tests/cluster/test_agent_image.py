"""`--agent image`, with the image that scripts/build-image makes on the stock one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.integration.releases import ROOT
from tests.lab import images
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]
REFERENCE = "example.org/kubectl-snapshot:test"
STOCK_IMAGE = images.IMAGES / "python-3.11.tar"


@pytest.fixture(scope="module")
def image(cluster: Cluster, zipapp: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The reference of the image, which every node has."""
    directory = tmp_path_factory.mktemp("image")
    archive, base = directory / "agent.tar", directory / "base.tar"
    options = {"base": base, "zipapp": zipapp, "output": archive, "tag": REFERENCE}
    flags = [f"--{name}={value}" for name, value in options.items()]
    flags.append("--platform=linux/arm64,linux/amd64")
    cluster.require_lab()
    write_index(STOCK_IMAGE, base)
    program = ROOT / "scripts" / "build-image"
    subprocess.run([sys.executable, str(program), *flags], check=True, stdout=subprocess.DEVNULL)
    cluster.load_image(archive)
    return REFERENCE


def write_index(archive: Path, output: Path) -> None:
    """Write an archive of two platforms: the image of another one, also called arm64's."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.isfile()]
        files = {m.name: tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]
    index = json.loads(files["index.json"])
    [entry] = index["manifests"]
    manifest = read_blob(files, entry)
    other = {**read_blob(files, manifest["config"]), "architecture": "arm64"}
    config = add_blob(files, other, manifest["config"])
    there = add_blob(files, {**manifest, "config": config}, entry)
    index["manifests"] = [{**there, "platform": {"architecture": "arm64", "os": "linux"}}, entry]
    images.write_tar(output, {**files, "index.json": json.dumps(index).encode()})


def read_blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> Any:
    return json.loads(files["blobs/" + descriptor["digest"].replace(":", "/")])


def add_blob(files: dict[str, bytes], value: object, like: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    files[f"blobs/sha256/{digest}"] = data
    return {**like, "digest": f"sha256:{digest}", "size": len(data)}


def test_it_needs_no_config_map(
    cluster: Cluster, run_snapshot: Run, namespace: str, image: str
) -> None:
    before = cluster.audit_size()
    words = ["--agent", "image", "--image", image, "--privileged=host-read"]
    ended = run_snapshot("-n", namespace, *words, "--node", "node2")
    assert ended.returncode == 0, ended.stderr
    assert subtype(parse_valid(ended.stdout), "OS", "release").data["VARIANT_ID"] == "node2"
    made = {
        event["objectRef"]["resource"]
        for event in cluster.audit(before)
        if event.get("userAgent", "").startswith("kubectl-snapshot/") and event["verb"] == "create"
    }
    assert made == {"selfsubjectrulesreviews", "jobs", "pods", "secrets"}
    assert_nothing_left(cluster)


def test_it_runs_where_pods_are_restricted(
    cluster: Cluster, run_snapshot: Run, restricted_namespace: str, image: str
) -> None:
    words = ["--agent", "image", "--image", image, "--privileged=false", "--node", "node1"]
    ended = run_snapshot("-n", restricted_namespace, *words)
    assert ended.returncode == 0, ended.stderr
    snapshot = parse_valid(ended.stdout)
    assert snapshot.metadata["mode"] == "agent-unprivileged"
    assert subtype(snapshot, "OS", "release").status == "unavailable"
    assert_nothing_left(cluster)


@pytest.mark.parametrize("words", [(), ("collect", "--level=restricted", "--cluster-scope=skip")])
def test_by_itself_it_is_not_root(
    cluster: Cluster, namespace: str, image: str, words: tuple[str, ...]
) -> None:
    flags = [f"--image={image}", "--restart=Never", "--quiet", "-n", namespace]
    overrides = '--overrides={"spec": {"securityContext": {"runAsNonRoot": true}}}'
    run = cluster.kubectl("run", "itself", *flags, overrides, "--", *words)
    assert run.returncode == 0, run.stderr
    wait = ("wait", "pod/itself", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=110s")
    ended = cluster.kubectl("-n", namespace, *wait)
    assert ended.returncode == 0, ended.stderr
    printed = cluster.kubectl("-n", namespace, "logs", "itself", "--container=itself").stdout
    if not words:
        assert "kubectl snapshot" in printed
        return
    assert parse_valid(printed).metadata["mode"] == "local"
