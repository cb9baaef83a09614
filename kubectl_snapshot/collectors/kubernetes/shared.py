"""The interface of a K8s subtype, and the state that the subtypes of one collection share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.collectors.run.context import Context, Right
    from kubectl_snapshot.document.registry import SubtypeSpec
    from kubectl_snapshot.document.snapshot import Subtype


class Shared(NamedTuple):
    """What several subtypes use, each read once, and `finished`, the subtypes so far.

    `read_groups` returns the server's API groups, `read_node` the node object.
    """

    read_groups: Callable[[], Sequence[Mapping[str, Any]]]
    read_node: Callable[[], Mapping[str, Any]]
    finished: Mapping[str, Subtype]


class KubernetesSubtype(Protocol):
    """A module, or a record, that declares and reads one subtype."""

    @property
    def SPEC(self) -> SubtypeSpec: ...

    @property
    def RIGHTS(self) -> tuple[Right, ...]: ...

    def read(self, context: Context, shared: Shared, /) -> Subtype: ...
