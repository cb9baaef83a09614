"""Fleet: the nodes of a capture as they come, or those of a directory."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from kubectl_snapshot.document.codec.yaml.lines import LineReader
from kubectl_snapshot.document.fleet.node_part import join_cluster
from kubectl_snapshot.errors import InvalidRequest, NotFound, SnapshotError
from kubectl_snapshot.fleet.files.directory import (
    MANIFEST,
    read_manifest,
    read_snapshot,
    read_verified,
)
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.fleet.files.archive import Archive
    from kubectl_snapshot.fleet.files.directory import Place

    Running = Generator[FleetNode, None, FleetManifest]


STDIN = "-"


@dataclass
class Fleet:
    """A fleet in a directory or a tar file. Iterating yields the entry of each node.

    A capture runs while it is iterated, and yields nodes as they end; once it has ended, and of a
    fleet that was loaded, `manifest` has all of them. `directory` is the path of either.
    """

    directory: str
    _manifest: FleetManifest | None = None
    _running: Running | None = field(default=None, repr=False)
    _archive: Archive | None = field(default=None, repr=False, compare=False)
    _reader: LineReader = field(default_factory=LineReader, repr=False, compare=False)

    def __iter__(self) -> Iterator[FleetNode]:
        if self._running is None:
            yield from self.manifest.nodes
            return
        running, self._running = self._running, None
        self._manifest = yield from running

    @property
    def manifest(self) -> FleetManifest:
        """Return the manifest; InvalidRequest for a capture that has not ended."""
        if self._manifest is None:
            raise InvalidRequest("the capture of this fleet has not ended", hint="iterate over it")
        return self._manifest

    def read_node(self, name: str) -> Snapshot:
        """Return the document of one node; NotFound, with the node's reason, if it has none."""
        entry = self._entries.get(name)
        if entry is None:
            raise NotFound(f'node "{name}" not found in {self.directory}')
        if not entry.has_file:
            raise NotFound(
                f"no snapshot of node {name}", f"{entry.status}, {entry.cause}: {entry.reason}"
            )
        return read_snapshot(self._place, entry.file, entry.sha256, self._reader)

    def read_cluster(self) -> Snapshot | None:
        """Return the document of the cluster-wide facts, None if they were not read."""
        file = self.manifest.cluster_file
        return read_snapshot(self._place, file, reader=self._reader) if file else None

    def verify(self, entry: FleetNode) -> None:
        """Raise InvalidRequest or NotFound unless a node's document is that of the manifest."""
        read_verified(self._place, entry.file, entry.sha256)

    def read_all(self) -> Iterator[tuple[FleetNode, Snapshot | SnapshotError]]:
        """Yield each node that has a document, with the cluster-wide facts, or why it has none."""
        try:
            cluster = self.read_cluster()
        except SnapshotError:
            cluster = None
        for node in self.manifest.nodes:
            try:
                yield node, join_cluster(self.read_node(node.name), cluster)
            except SnapshotError as error:
                yield node, error

    @property
    def _place(self) -> Place:
        return self._archive or self.directory

    @cached_property
    def _entries(self) -> dict[str, FleetNode]:
        return {node.name: node for node in self.manifest.nodes}


def load_fleet(path: str) -> Fleet:
    """Return the fleet in a directory, a tar file, or a tar on stdin (`-`).

    Raises NotFound or InvalidRequest if there is none.
    """
    if not os.path.isdir(path):
        return _load_archive(path)
    if not os.path.exists(os.path.join(path, MANIFEST)):
        raise InvalidRequest(
            f"{path} is not a fleet",
            f"it has no {MANIFEST}",
            "capture one with `kubectl snapshot --all-nodes -o DIR/`",
        )
    return Fleet(path, read_manifest(path))


def _load_archive(path: str) -> Fleet:
    name = "stdin" if path == STDIN else path
    try:
        if path == STDIN:
            return open_fleet_archive(sys.stdin.buffer, name)
        with open(path, "rb") as source:
            return open_fleet_archive(source, name)
    except FileNotFoundError as error:
        raise NotFound(
            f"no such file: {path}", hint="pass a fleet's directory or tar file"
        ) from error
    except OSError as error:
        raise InvalidRequest(f"cannot read {name}", error.strerror or str(error)) from error


def open_fleet_archive(source: BinaryIO, name: str) -> Fleet:
    """Return the fleet in a tar file; InvalidRequest or Internal as `open_archive`."""
    from kubectl_snapshot.fleet.files.archive import open_archive

    archive = open_archive(source, name)
    return Fleet(name, read_manifest(archive), _archive=archive)
