"""Write a fleet's directory as a tar file, for a support case or a pipe."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
from typing import IO, TYPE_CHECKING

from kubectl_snapshot.clients.files.outputfile import HINT, MODE
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.fleet.files.directory import CLUSTER, MANIFEST, NODES

if TYPE_CHECKING:
    from kubectl_snapshot.document.fleet.manifest import FleetManifest


def pack_file(directory: str, manifest: FleetManifest, path: str) -> None:
    """Write the tar file, gzipped if its name says so, atomically.

    Raises Internal if it cannot be written; a file that is there is then unchanged.
    """
    folder, name = os.path.split(path)
    part = os.path.join(folder, f".{name[:40]}.{os.urandom(6).hex()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            with open(descriptor, "wb") as file:
                pack(directory, manifest, file, is_gzipped(path))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(part, stat.S_IMODE(os.stat(path).st_mode))
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        raise Internal(f"cannot write {path}", error.strerror or str(error), HINT) from error


def is_gzipped(path: str) -> bool:
    """Return whether the name of a tar file asks for compression."""
    return path.endswith("gz")


def pack(directory: str, manifest: FleetManifest, out: IO[bytes], is_compressed: bool) -> None:
    """Write the files that the manifest names to a stream."""
    listed = [node.file for node in manifest.nodes if node.has_file]
    names = [MANIFEST, *([manifest.cluster_file] if manifest.cluster_file else []), *listed]
    with tarfile.open(fileobj=out, mode="w|gz" if is_compressed else "w|") as tar:
        for name in names:
            path = os.path.join(directory, name)
            info = tarfile.TarInfo(f"fleet/{name}")
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                info.size, info.mtime, info.mode = status.st_size, int(status.st_mtime), MODE
                tar.addfile(info, file)


def remove_directory(directory: str, manifest: FleetManifest) -> None:
    """Remove what a run wrote into a directory that was only needed for the tar file."""
    for name in (CLUSTER, *(node.file for node in manifest.nodes if node.has_file), MANIFEST):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    for path in (os.path.join(directory, NODES), directory):
        with contextlib.suppress(OSError):
            os.rmdir(path)
