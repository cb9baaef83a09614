"""What a collector is given and what it declares. No collector and no I/O lives here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kubectl_snapshot.document.registry import MeasurementSpec
from kubectl_snapshot.document.snapshot import PARTIAL, Subtype
from kubectl_snapshot.errors import SnapshotError, Unavailable
from kubectl_snapshot.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.registry import Registry, SubtypeSpec

# A collector's scope: it describes the node it runs on, or what is the same from every node.
NODE, CLUSTER = "node", "cluster"
# Instead of a list of namespaces: all of them.
ALL_NAMESPACES = "*"
# Reasons that one status tells; the rest is counted.
MAX_REASONS = 10


@dataclass(frozen=True)
class Right:
    """One right a collector needs, as in RBAC; the core API group is the empty text.

    Without an optional one the document is still worth reading as this user. `helm_only` rights
    hold in the namespaces that the user named for Helm, others in the whole cluster. `purpose`
    is a sentence for the administrator who grants it.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    is_optional: bool = False
    helm_only: bool = False
    purpose: str = ""


@dataclass(frozen=True)
class Context:
    """All that a collector may look at. Without `kube`, `kube_error` says why there is none.

    `deadline` is a time.monotonic() value; the runner gives each collector its own.
    """

    host: HostPath
    node_name: str = ""
    kube: Kube | None = None
    kube_error: SnapshotError | None = None
    settings: CollectSettings = field(default_factory=CollectSettings)
    deadline: float = math.inf


class Collector(Protocol):
    """A module with these names: one measurement.

    `collect` hands over each subtype as soon as it is read, so that one that hangs costs itself and
    what it would have read after it, and nothing before. Every name of SUBTYPES is filled, in the
    order of the document; a further one stands behind the one handed over before it. It shares
    nothing and changes no state of the process.
    """

    @property
    def TYPE(self) -> str: ...

    @property
    def SCOPE(self) -> str: ...

    @property
    def RIGHTS(self) -> tuple[Right, ...]: ...

    @property
    def SUBTYPES(self) -> tuple[SubtypeSpec, ...]: ...

    @property
    def DEADLINE_S(self) -> float: ...

    def collect(self, context: Context) -> Iterable[Subtype]: ...


def expected_subtypes(collector: Collector, context: Context) -> tuple[str, ...]:
    """Return the subtypes that a document has in any case.

    Those of SUBTYPES that are no patterns, unless the module has `choose_subtypes(context)`.
    """
    choose = getattr(collector, "choose_subtypes", None)
    if choose:
        names: tuple[str, ...] = choose(context)
        return names
    return tuple(spec.name for spec in collector.SUBTYPES if not spec.is_pattern)


def build_registry(collectors: Iterable[Collector]) -> Registry:
    """Return what collectors declare about their subtypes; DEVICES of a module is optional."""
    return tuple(
        MeasurementSpec(collector.TYPE, collector.SUBTYPES, getattr(collector, "DEVICES", None))
        for collector in collectors
    )


def read_subtype(name: str, read: Callable[[], Subtype]) -> Subtype:
    """Return what `read` returns; where it fails, an empty subtype with status and reason."""
    try:
        return read()
    except SnapshotError as error:
        return build_failed_subtype(name, error.collector_status, explain(error))


def build_failed_subtype(name: str, status: str, reason: str) -> Subtype:
    """Return a subtype of which nothing could be read."""
    return Subtype(name, context={"status": status, "reason": reason})


def build_partial_subtype(
    name: str,
    data: Mapping[str, str],
    errors: Sequence[SnapshotError],
    context: Mapping[str, str],
    nothing_read: bool = False,
) -> Subtype:
    """Return what was read of several sources; where some failed, with a status and the reasons."""
    if not errors:
        return Subtype(name, data, context)
    status = errors[0].collector_status if nothing_read else PARTIAL
    reasons = [explain(error) for error in errors[:MAX_REASONS]]
    if len(errors) > MAX_REASONS:
        reasons.append(f"and {len(errors) - MAX_REASONS} more")
    return Subtype(name, data, {**context, "status": status, "reason": "; ".join(reasons)})


def require_kube(context: Context) -> Kube:
    """Return the connection; raise Unavailable, with the cause, where there is none."""
    if context.kube is None:
        cause = context.kube_error
        why = explain(cause) if cause else "no connection was asked for"
        raise Unavailable("the cluster cannot be asked", why=why) from cause
    return context.kube


def explain(error: BaseException) -> str:
    """Return an error as a reason: its own words, and the type of one that nobody expected."""
    if isinstance(error, SnapshotError):
        text = f"{error.what}: {error.why}" if error.why else error.what
    else:
        text = f"{type(error).__name__}: {error}"[:300]
    # An exception may quote undecodable bytes; a document holds none.
    return text.encode("utf-8", "backslashreplace").decode()
