"""Build the nodes' images as OCI archives from this machine's files, without a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab import build
from tests.lab.machine import Problem, say

# A node imports every archive of this directory at its start; `cluster load` imports those of the
# subdirectory, built by `cluster image --python`.
IMAGES = build.CACHE / "images"
MORE_IMAGES = IMAGES / "more"
PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
DEFAULT_PYTHON = "/usr/bin/python3.11"

MEDIA_TYPE = "application/vnd.oci.image."
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Not needed at run time; `config-*` and `*.a` are for compiling against Python.
SKIPPED_OF_STDLIB = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "config-*",
    "__pycache__",
    "*.a",
)
ROOTFS_DIRECTORIES = (
    "usr/bin",
    "usr/local/bin",
    "usr/local/lib",
    "bin",
    "etc",
    "proc",
    "sys",
    "dev",
    "run",
    "root",
    "tmp",
)
DESCRIBE_PYTHON = """
import os, platform, sys
print(os.path.realpath(sys.executable))
print(os.path.dirname(os.__file__))
print("%d.%d" % sys.version_info[:2])
print(platform.python_version())
"""


def ensure_stock_images() -> None:
    """Build the images of every node if they are missing or stale."""
    ensure_pause_image()
    ensure_python_image(DEFAULT_PYTHON, IMAGES)


def ensure_pause_image() -> Path:
    out = IMAGES / "pause.tar"
    source = build.HERE / "src/pause.c"
    recipe = source.read_bytes() + Path(__file__).read_bytes()
    if not build.is_current(out, recipe):
        with tempfile.TemporaryDirectory() as directory:
            rootfs = Path(directory) / "root"
            argv = ["gcc", "-Os", "-static", "-s", "-o", str(rootfs / "pause"), str(source)]
            rootfs.mkdir()
            subprocess.run(argv, check=True)
            write_oci_archive(out, PAUSE_IMAGE, rootfs, Entrypoint=["/pause"], User="65535:65535")
        build.mark_current(out, recipe)
    return out


def ensure_python_image(interpreter: str, directory: Path = MORE_IMAGES) -> tuple[str, Path]:
    """Return (reference, archive) of a stand-in for python:X.Y-slim.

    It contains an interpreter of this machine, its standard library and busybox.
    """
    executable, stdlib, version, patch_version = describe_python(interpreter)
    out = directory / f"python-{version}.tar"
    reference = f"docker.io/library/python:{version}-slim"
    recipe = f"{executable} {patch_version} ".encode() + Path(__file__).read_bytes()
    if not build.is_current(out, recipe):
        with tempfile.TemporaryDirectory() as temporary:
            rootfs = Path(temporary) / "root"
            fill_python_rootfs(rootfs, Path(executable), Path(stdlib), version)
            environment = ["PYTHONDONTWRITEBYTECODE=1", "LANG=C.UTF-8"]
            write_oci_archive(out, reference, rootfs, Cmd=["python3"], Env=environment)
        build.mark_current(out, recipe)
    return reference, out


def describe_python(interpreter: str) -> list[str]:
    """Return executable, standard library, version X.Y and version X.Y.Z of an interpreter."""
    try:
        return subprocess.run(
            [interpreter, "-I", "-c", DESCRIBE_PYTHON], check=True, capture_output=True, text=True
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"cannot run Python {interpreter}: {error}") from error


def fill_python_rootfs(rootfs: Path, executable: Path, stdlib: Path, version: str) -> None:
    for name in ROOTFS_DIRECTORIES:
        (rootfs / name).mkdir(parents=True)
    (rootfs / "tmp").chmod(0o1777)
    python = rootfs / f"usr/local/bin/python{version}"
    shutil.copy(executable, python)
    for link in ("python3", "python"):
        python.with_name(link).symlink_to(python.name)
    ignored = shutil.ignore_patterns(*SKIPPED_OF_STDLIB)
    shutil.copytree(stdlib, rootfs / f"usr/local/lib/python{version}", ignore=ignored)
    shutil.copy("/bin/busybox", rootfs / "bin/busybox")
    # The path in the shebang of scripts, present in every distribution's image.
    (rootfs / "usr/bin/env").symlink_to("/bin/busybox")
    applets = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            (rootfs / "bin" / applet).symlink_to("busybox")
    for library in shared_libraries([executable, *stdlib.glob("lib-dynload/*.so")]):
        target = rootfs / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    etc = {
        "os-release": f'NAME="python stand-in"\nID=python-stand-in\nVERSION_ID="{version}"\n',
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
        "group": "root:x:0:\nnogroup:x:65534:\n",
    }
    for name, text in etc.items():
        (rootfs / "etc" / name).write_text(text)


def shared_libraries(binaries: list[Path]) -> set[str]:
    """Return the paths of the shared libraries that binaries need, as in `ldd`."""
    found: set[str] = set()
    for binary in binaries:
        shown = subprocess.run(["ldd", str(binary)], capture_output=True, text=True).stdout
        for line in shown.splitlines():
            words = line.split()
            found.update(word for word in words[:1] + words[2:3] if word.startswith("/"))
    return found


def write_oci_archive(out: Path, reference: str, rootfs: Path, **config: Any) -> None:
    """Write a tree as a one-layer archive for `ctr images import`, reproducibly."""
    write_oci_images(out, rootfs, {reference: config})


def write_oci_images(out: Path, rootfs: Path, configs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one tree as several images, {reference: configuration}, that share a layer.

    Format: OCI image-spec, image-layout.md; the annotation is containerd's own.
    """
    layer = pack_layer(rootfs)
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs["blobs/sha256/" + digest] = data
        return {
            "mediaType": MEDIA_TYPE + media_type,
            "digest": "sha256:" + digest,
            "size": len(data),
        }

    packed = blob(gzip.compress(layer, 6, mtime=0), "layer.v1.tar+gzip")
    entries = []
    for reference, config in configs.items():
        image = build_image_config(layer, config)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE + "manifest.v1+json",
            "config": blob(to_json(image), "config.v1+json"),
            "layers": [packed],
        }
        entry = blob(to_json(manifest), "manifest.v1+json")
        entry["platform"] = {"architecture": "amd64", "os": "linux"}
        entry["annotations"] = {
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
        }
        entries.append(entry)
    index = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE + "index.v1+json",
        "manifests": entries,
    }
    layout = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": to_json(index)}
    write_tar(out, {**layout, **blobs})
    size = out.stat().st_size / 1e6
    say(f"{', '.join(configs)}  {out}  {size:.1f} MB, unpacked {len(layer) / 1e6:.1f} MB")


def build_image_config(layer: bytes, config: Mapping[str, Any]) -> dict[str, Any]:
    environment = config.get("Env", [])
    if not any(variable.startswith("PATH=") for variable in environment):
        environment = [PATH, *environment]
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {"WorkingDir": "/", **config, "Env": environment},
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()],
        },
    }


def pack_layer(rootfs: Path) -> bytes:
    def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
        return entry

    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(os.listdir(rootfs)):
            tar.add(rootfs / name, arcname=name, filter=neutral)
    return raw.getvalue()


def write_tar(out: Path, members: dict[str, bytes]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    with tarfile.open(part, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    part.rename(out)


def to_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
