"""Capture a fleet into a tar file: through a directory beside it, or a temporary one.

The tar file may go into ConfigMaps.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.files.outputfile import check_writable
from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.errors import Internal, InvalidRequest
from kubectl_snapshot.fleet.files.pack import pack, pack_file, remove_directory

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from kubectl_snapshot.commands.flags.fleet import FleetPlace
    from kubectl_snapshot.document.fleet.manifest import FleetManifest

STDOUT = "-"


@contextlib.contextmanager
def use_directory(place: FleetPlace, args: argparse.Namespace) -> Iterator[str]:
    """Yield the directory to capture into; a temporary one is removed at the end.

    Raises InvalidRequest for a tar file on a terminal, Internal if it could not be written.
    """
    if place.archive == STDOUT and sys.stdout.isatty():
        raise InvalidRequest(
            "cannot write a tar file to a terminal", hint="use -o FILE.tar.gz, or pipe it"
        )
    if place.is_configmap:
        from kubectl_snapshot.storage import fleet_configmap

        configmap = fleet_configmap.parse_fleet_place(place.archive)
        fleet_configmap.check_fleet_configmap(configmap, connect_with(args))
    elif place.archive not in ("", STDOUT):
        check_writable(place.archive)
    if place.directory:
        yield place.directory
        return
    try:
        temporary = tempfile.mkdtemp(prefix="kubectl-snapshot-fleet-")
    except OSError as error:
        raise Internal("cannot make a temporary directory", error.strerror or str(error)) from error
    try:
        yield os.path.join(temporary, "fleet")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_archive(
    place: FleetPlace, directory: str, manifest: FleetManifest, args: argparse.Namespace
) -> None:
    """Write the tar file or the ConfigMaps, and remove the directory that was made for it."""
    if place.archive == STDOUT:
        pack(directory, manifest, sys.stdout.buffer, is_compressed=False)
        sys.stdout.buffer.flush()
    elif place.is_configmap:
        from kubectl_snapshot.storage import fleet_configmap

        content = io.BytesIO()
        pack(directory, manifest, content, is_compressed=True)
        configmap = fleet_configmap.parse_fleet_place(place.archive)
        kube = connect_with(args)
        fleet_configmap.write_fleet_configmaps(content.getvalue(), configmap, kube)
    elif place.archive:
        pack_file(directory, manifest, place.archive)
        if place.directory == f"{place.archive}.part":
            remove_directory(directory, manifest)
