"""The image that scripts/build-image makes of a base and the Dockerfile."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot import __version__
from tests.integration.conftest import ROOT, Build
from tests.lab import images

OCI = "application/vnd.oci.image."
STOCK_IMAGE = images.IMAGES / "python-3.11.tar"
BASE_LAYER = b"the base's own layer, which nothing has to read"


@dataclass(frozen=True)
class Base:
    """An OCI archive of two platforms, the digest of amd64's manifest and that of the index."""

    archive: Path
    digest: str
    index_digest: str


@pytest.fixture
def base(tmp_path: Path) -> Base:
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    entries = [add_image(files, architecture) for architecture in ("amd64", "arm64")]
    # As `docker save` and a registry's own index have it: an index in the index.
    nested = add_blob(files, {"manifests": entries}, "index.v1+json")
    files["index.json"] = json.dumps({"manifests": [nested]}).encode()
    write_tar(tmp_path / "base.tar", files)
    return Base(tmp_path / "base.tar", entries[0]["digest"], nested["digest"])


def add_image(files: dict[str, bytes], architecture: str) -> dict[str, Any]:
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/bin:/usr/bin"],
            "Cmd": ["python3"],
            "Labels": {"a": "b"},
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
        "history": [{"created_by": "base"}],
    }
    layer = add_blob(files, BASE_LAYER, "layer.v1.tar+gzip")
    manifest = {"config": add_blob(files, config, "config.v1+json"), "layers": [layer]}
    entry = add_blob(files, manifest, "manifest.v1+json")
    return {**entry, "platform": {"os": "linux", "architecture": architecture}}


def add_blob(files: dict[str, bytes], content: object, media_type: str) -> dict[str, Any]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    digest = sha256(data).hexdigest()
    files[f"blobs/sha256/{digest}"] = data
    return {"mediaType": OCI + media_type, "digest": f"sha256:{digest}", "size": len(data)}


def write_tar(path: Path, files: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def build_image(base: Base, build: Build, output: Path, *words: str) -> dict[str, bytes]:
    done = run(base, build, output, *words)
    assert done.returncode == 0, done.stderr
    return read_tar(output)


def read_tar(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        members = [member for member in tar if member.isfile()]
        return {m.name: tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]


def run(
    base: Base, build: Build, output: Path, *words: str, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    options = {"base": base.archive, "zipapp": build.zipapp, "output": output}
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-B", str(root / "scripts" / "build-image"), *flags, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read_blob(files: Mapping[str, bytes], descriptor: Mapping[str, Any]) -> bytes:
    """Return a blob, which has to be what its descriptor says."""
    content = files["blobs/" + descriptor["digest"].replace(":", "/")]
    assert "sha256:" + sha256(content).hexdigest() == descriptor["digest"]
    assert len(content) == descriptor["size"]
    return content


def read_image(files: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the entry of the index, the manifest and the configuration of the only image."""
    [entry] = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(read_blob(files, entry))
    return entry, manifest, json.loads(read_blob(files, manifest["config"]))


def test_it_is_the_base_with_the_built_file_on_top(
    base: Base, build: Build, tmp_path: Path
) -> None:
    files = build_image(base, build, tmp_path / "image.tar")
    _, manifest, config = read_image(files)
    below, ours = (read_blob(files, layer) for layer in manifest["layers"])
    assert below == BASE_LAYER
    with tarfile.open(fileobj=io.BytesIO(ours)) as layer:
        [member] = layer
        file = layer.extractfile(member)
        assert file and file.read() == build.zipapp.read_bytes()
    assert (member.name, member.mode) == ("usr/local/bin/kubectl-snapshot", 0o755)
    assert (member.uid, member.gid, member.uname) == (0, 0, "")
    assert len(config["rootfs"]["diff_ids"]) == len(config["history"]) == 2


def test_it_is_configured_as_the_dockerfile_says(base: Base, build: Build, tmp_path: Path) -> None:
    _, _, config = read_image(build_image(base, build, tmp_path / "image.tar"))
    assert config["config"] == {
        "Env": ["PATH=/usr/local/bin:/usr/bin"],
        "User": "65532:65532",
        "Entrypoint": ["kubectl-snapshot"],
        "Cmd": ["--help"],
        "Labels": {
            "a": "b",
            "org.opencontainers.image.title": "kubectl-snapshot",
            "org.opencontainers.image.description": "Records how a Kubernetes node is configured",
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.version": __version__,
            "org.opencontainers.image.base.digest": base.digest,
        },
    }


def test_the_same_input_gives_the_same_bytes(base: Base, build: Build, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    for output in (one, two):
        build_image(base, build, output, "--tag=example.org/snapshot:1")
    assert one.read_bytes() == two.read_bytes()


def test_containerd_finds_its_name(base: Base, build: Build, tmp_path: Path) -> None:
    files = build_image(base, build, tmp_path / "image.tar", "--tag=example.org:5000/a/b:1")
    entry, _, _ = read_image(files)
    assert entry["annotations"] == {
        "io.containerd.image.name": "example.org:5000/a/b:1",
        "org.opencontainers.image.ref.name": "1",
    }


def test_a_base_of_several_platforms_is_asked_for_one(
    base: Base, build: Build, tmp_path: Path
) -> None:
    files = build_image(base, build, tmp_path / "image.tar", "--platform=linux/arm64")
    entry, _, config = read_image(files)
    assert entry["platform"]["architecture"] == config["architecture"] == "arm64"


def test_several_platforms_make_an_index(base: Base, build: Build, tmp_path: Path) -> None:
    flags = ("--platform=linux/arm64,linux/amd64", f"--base-digest={base.index_digest}")
    files = build_image(base, build, tmp_path / "image.tar", *flags, "--tag=a/b:1")
    [outer] = json.loads(files["index.json"])["manifests"]
    assert outer["mediaType"] == OCI + "index.v1+json"
    assert outer["annotations"]["io.containerd.image.name"] == "a/b:1"
    index = json.loads(read_blob(files, outer))
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["arm64", "amd64"]
    based_on = set()
    layers = set()
    for entry in index["manifests"]:
        manifest = json.loads(read_blob(files, entry))
        config = json.loads(read_blob(files, manifest["config"]))
        assert config["architecture"] == entry["platform"]["architecture"]
        assert "annotations" not in entry
        based_on.add(config["config"]["Labels"]["org.opencontainers.image.base.digest"])
        layers.add(manifest["layers"][-1]["digest"])
    assert base.digest in based_on and len(based_on) == 2
    assert len(layers) == 1


def test_buildah_builds_the_same_image_of_the_dockerfile(build: Build, tmp_path: Path) -> None:
    if not shutil.which("buildah") or not STOCK_IMAGE.exists():
        pytest.skip("this needs buildah, and the lab's image of Python 3.11")
    context = tmp_path / "context"
    (context / "dist").mkdir(parents=True)
    shutil.copy(build.zipapp, context / "dist" / "kubectl-snapshot")
    shutil.copy(ROOT / "Dockerfile", context)
    buildah = ["buildah", f"--root={tmp_path / 'root'}", f"--runroot={tmp_path / 'run'}"]
    buildah += ["--storage-driver=vfs"]

    def run(*words: object) -> str:
        done = subprocess.run([*buildah, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    try:
        pulled = run("pull", "--quiet", f"oci-archive:{STOCK_IMAGE}")
        [digest] = {line for line in run("images", "--format={{.Digest}}").split() if line}
        arguments = (f"--build-arg=BASE_DIGEST={digest}", f"--build-arg=VERSION={__version__}")
        flags = ("--pull-never", "--isolation=chroot", "--timestamp=315532800", "--tag=a/b:1")
        run("build", *flags, *arguments, context)
        run("push", "a/b:1", f"oci-archive:{tmp_path / 'buildah.tar'}:a/b:1")
    finally:
        subprocess.run([*buildah, "rmi", "--all", "--force"], capture_output=True)
    assert pulled
    theirs = read_tar(tmp_path / "buildah.tar")
    ours = build_image(Base(STOCK_IMAGE, "", ""), build, tmp_path / "ours.tar", "--tag=a/b:1")
    (_, their_manifest, their_config), (_, our_manifest, our_config) = map(
        read_image, (theirs, ours)
    )
    labels = their_config["config"].pop("Labels")
    assert labels.pop("io.buildah.version")
    expected = our_config["config"].pop("Labels")
    # buildah stores the base anew, so that its digest is another one.
    assert labels.pop("org.opencontainers.image.base.digest") == digest
    expected.pop("org.opencontainers.image.base.digest")
    assert labels == expected
    assert their_config["config"] == our_config["config"]
    assert read_program(theirs, their_manifest) == read_program(ours, our_manifest)


def read_program(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return owner, mode and content of the program in the last layer."""
    layer = read_blob(files, manifest["layers"][-1])
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        member = tar.getmember("usr/local/bin/kubectl-snapshot")
        file = tar.extractfile(member)
        assert file
        return member.uid, member.gid, oct(member.mode & 0o7777), file.read()


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (f"--base-digest=sha256:{'0' * 64}", "the base has the digest sha256:"),
        ("--platform=linux/riscv64", "0 images for linux/riscv64\n  why: it has linux/amd64, "),
    ],
)
def test_another_base_than_was_asked_for_is_refused(
    base: Base, build: Build, tmp_path: Path, flag: str, words: str
) -> None:
    done = run(base, build, tmp_path / "image.tar", flag)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "image.tar").exists()


def test_a_damaged_base_is_refused(base: Base, build: Build, tmp_path: Path) -> None:
    base.archive.write_bytes(base.archive.read_bytes().replace(BASE_LAYER, BASE_LAYER.upper()))
    done = run(base, build, tmp_path / "image.tar")
    assert done.returncode == 2
    assert "does not match its digest\n  why: the file is damaged" in done.stderr


def test_an_instruction_that_only_docker_knows_is_refused(
    base: Base, build: Build, tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    for name in (
        "Dockerfile",
        "scripts/archives.py",
        "scripts/build-image",
        "kubectl_snapshot/__init__.py",
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    with (checkout / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN true\n")
    done = run(base, build, tmp_path / "image.tar", root=checkout)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: unsupported Dockerfile instruction RUN\n")


def test_the_dockerfile_pins_its_base_and_is_not_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "ARG BASE_DIGEST" in lines, "a digest by default would be old, or made up"
    assert "FROM ${BASE}@${BASE_DIGEST}" in lines
    assert "USER 65532:65532" in lines
