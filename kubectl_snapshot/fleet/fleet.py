"""Fleet: the nodes of a capture as they come, or those of a directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.fleet.directory import read_manifest, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
    from kubectl_snapshot.document.snapshot import Snapshot

    Running = Generator[FleetNode, None, FleetManifest]


@dataclass
class Fleet:
    """A fleet in a directory. Iterating yields the entry of each node.

    A capture runs while it is iterated, and yields nodes as they end; once it has ended, and of a
    fleet that was loaded, `manifest` has all of them.
    """

    directory: str
    _manifest: FleetManifest | None = None
    _running: Running | None = field(default=None, repr=False)

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
        entry = next((node for node in self.manifest.nodes if node.name == name), None)
        if entry is None:
            raise NotFound(f'node "{name}" not found in {self.directory}')
        if not entry.has_file:
            raise NotFound(
                f"no snapshot of node {name}", f"{entry.status}, {entry.cause}: {entry.reason}"
            )
        return read_snapshot(self.directory, entry.file, entry.sha256)

    def read_cluster(self) -> Snapshot | None:
        """Return the document of the cluster-wide facts, None if they were not read."""
        file = self.manifest.cluster_file
        return read_snapshot(self.directory, file) if file else None


def load_fleet(path: str) -> Fleet:
    """Return the fleet in a directory; NotFound or InvalidRequest if there is none."""
    return Fleet(path, read_manifest(path))
