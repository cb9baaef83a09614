"""State that the K8s subtypes of one collection share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.document.snapshot import Subtype


class Shared(NamedTuple):
    """`read_groups` returns the server's API groups, read once; `finished` the subtypes so far."""

    read_groups: Callable[[], Sequence[Mapping[str, Any]]]
    finished: Mapping[str, Subtype]
