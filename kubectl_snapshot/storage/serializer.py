"""Write snapshots to a file, a ConfigMap or stdout, for programs that use the library."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.files.outputfile import write_whole
from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect, use_api_client
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import Internal, InvalidRequest
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.render.all_renderers import RENDERERS, format_from_path
from kubectl_snapshot.storage.configmap import DEFAULT_FORMAT, parse_place, write_configmap
from kubectl_snapshot.storage.source import read_template

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.clients.kube.transport import ApiClient
    from kubectl_snapshot.document.snapshot import Snapshot


@dataclass
class FileSerializer:
    """Writes each snapshot over the last one; a context manager.

    With `template_path` it writes the rendered template instead.
    """

    path: str
    is_closed: bool = False
    connection: ConnectionOptions | None = None
    template_path: str = ""
    api_client: ApiClient | None = None

    def serialize(self, snapshot: Snapshot) -> None:
        """Write a snapshot; a file is written atomically."""
        if self.is_closed:
            raise InvalidRequest(f"the serializer to {self.path or 'stdout'} is closed")
        if self.path.startswith(CONFIGMAP_SCHEME):
            self._write_configmap(snapshot)
        elif self.path in ("", "-"):
            write_stdout(self._render(snapshot, "json"))
        else:
            write_whole(self.path, self._render(snapshot, format_from_path(self.path)))

    def _render(self, snapshot: Snapshot, format_name: str) -> str:
        if not self.template_path:
            return RENDERERS[format_name](snapshot)
        from kubectl_snapshot.render.user_template import render_user_template

        return render_user_template(read_template(self.template_path), snapshot, self.path)

    def _write_configmap(self, snapshot: Snapshot) -> None:
        if self.template_path:
            raise InvalidRequest(
                f"cannot write a template to {self.path}", "a ConfigMap can hold snapshots only"
            )
        place = parse_place(self.path)
        write_configmap(snapshot, place, DEFAULT_FORMAT, self._connect())

    def _connect(self) -> Kube:
        options = self.connection or ConnectionOptions()
        if self.api_client is not None:
            return use_api_client(self.api_client, options)
        return connect(options, os.environ)

    def close(self) -> None:
        """Close the serializer; another snapshot raises InvalidRequest."""
        self.is_closed = True

    def __enter__(self) -> FileSerializer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def write_stdout(text: str) -> None:
    """Write and flush a text; raises Internal if stdout is closed or full."""
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise Internal("cannot write to stdout", error.strerror or str(error)) from error
