"""An API server's answers by path, for collectors: what they make of them is what is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.errors import NotFound, SnapshotError

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube


@dataclass(frozen=True)
class Api:
    """Stands for the connection. An answer that is an error is raised, also as an item of a list.

    What has no answer is not found; a list without one is empty. `asked` notes method and path,
    `queries` and `accepted` what was asked of each list and in which form.
    """

    answers: Mapping[str, Any]
    asked: list[tuple[str, str]] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    queries: dict[str, Mapping[str, str]] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)

    def context(self, **settings: Any) -> Context:
        """Return the context of a collector that asks this server."""
        return Context(HostPath(None), kube=cast("Kube", self), **settings)

    def request(self, method: str, path: str, *, doing: str, deadline: float) -> Any:
        self.asked.append((method, path))
        self.deadlines.append(deadline)
        answer = self.answers.get(path, NotFound(f"cannot {doing}", why="404", status=404))
        if isinstance(answer, SnapshotError):
            raise answer
        return SimpleNamespace(status=200, body=answer, warnings=())

    def list_items(
        self,
        path: str,
        *,
        doing: str,
        query: Mapping[str, str] | None = None,
        deadline: float,
        page_size: int = 500,
        accept: str = "",
    ) -> Iterator[dict[str, Any]]:
        self.asked.append(("LIST", path))
        self.deadlines.append(deadline)
        self.queries[path] = query or {}
        self.accepted[path] = accept
        answer = self.answers.get(path, [])
        for item in [answer] if isinstance(answer, SnapshotError) else answer:
            if isinstance(item, SnapshotError):
                raise item
            yield item
