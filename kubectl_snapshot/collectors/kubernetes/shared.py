"""The interface of a K8s subtype, and the state that the subtypes of one collection share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.collectors.run.context import Context, Right
    from kubectl_snapshot.document.registry import SubtypeSpec
    from kubectl_snapshot.document.snapshot import Subtype


class Pods(NamedTuple):
    """What is kept of all pods.

    `references` are image references, in the order of the last pod with each; `daemon_sets` values
    by `<namespace>/<name>.<key>`; `priorities` are those of system pods by PriorityClass.
    """

    references: dict[str, None]
    daemon_sets: dict[str, set[str]]
    priorities: dict[str, int]


class Shared(NamedTuple):
    """What several subtypes use, each read once, and `finished`, the subtypes so far.

    `read_groups` returns the server's API groups, `read_node` the node object, `read_pods` what is
    kept of all pods; without it, each subtype lists them.
    """

    read_groups: Callable[[], Sequence[Mapping[str, Any]]]
    read_node: Callable[[], Mapping[str, Any]]
    finished: Mapping[str, Subtype]
    read_pods: Callable[[], Pods] | None = None


class KubernetesSubtype(Protocol):
    """A module, or a record, that declares and reads one subtype."""

    @property
    def SPEC(self) -> SubtypeSpec: ...

    @property
    def RIGHTS(self) -> tuple[Right, ...]: ...

    def read(self, context: Context, shared: Shared, /) -> Subtype: ...
