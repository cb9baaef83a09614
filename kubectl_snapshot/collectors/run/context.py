"""The interface of collectors: Context, Right, Collector; statuses and reasons of subtypes."""

from __future__ import annotations

import math

from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import MeasurementSpec
from kubectl_snapshot.document.snapshot import PARTIAL, Subtype
from kubectl_snapshot.errors import SnapshotError, Unavailable
from kubectl_snapshot.records import NamedTuple, dataclass, field

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.registry import Registry, SubtypeSpec
    from kubectl_snapshot.document.snapshot import Scalar
    from kubectl_snapshot.settings import CollectSettings
else:
    Protocol = object

# A collector's scope: the node that it runs on, or the cluster.
NODE, CLUSTER = "node", "cluster"
# Means all namespaces, in place of a list.
ALL_NAMESPACES = "*"
# Labels of a Talos node for its system extensions, `<name>: <version>` (docs.siderolabs.com). They
# are in the context of K8s.node until run/compose makes them OS.extensions.
EXTENSION = "extensions.talos.dev/"
# The reason of K8s.helm where nobody asked for it, which is no gap.
NOT_ASKED = "no namespace was named with --helm-namespace"
# AICR's, in its order.
NODE_NAME_VARIABLES = ("NODE_NAME", "KUBERNETES_NODE_NAME", "HOSTNAME")
# Reasons listed for one status; further ones are counted.
MAX_REASONS = 10


class Right(NamedTuple):
    """One permission that a collector needs, as in RBAC; the core API group is empty.

    A user without an optional one still reads the cluster-wide facts. `helm_only` rights apply to
    the namespaces of --helm-namespace, others to the whole cluster. `purpose` is a sentence for the
    administrator who grants it. With `is_granted=False` our roles do not grant it: it is
    used if the user has it anyway. `profile` is the first one that needs it.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    is_optional: bool = False
    helm_only: bool = False
    is_granted: bool = True
    purpose: str = ""
    profile: str = REFERENCE


def _default_settings() -> CollectSettings:
    from kubectl_snapshot.settings import CollectSettings  # late: 4 ms of each diff and schema

    return CollectSettings()


@dataclass(frozen=True)
class Context:
    """The input of a collector. Without `kube`, `kube_error` has the cause.

    `deadline` is a time.monotonic() value; the runner gives each collector its own. `node` is the
    core/v1 Node, if it has just been read.
    """

    host: HostPath
    node_name: str = ""
    kube: Kube | None = None
    kube_error: SnapshotError | None = None
    settings: CollectSettings = field(default_factory=_default_settings)
    deadline: float = math.inf
    node: Mapping[str, Any] | None = None


class Collector(Protocol):
    """A module with these names: one measurement.

    `collect` yields each subtype as soon as it is read: a read that hangs loses only itself and the
    later ones. The runner fills the missing names of SUBTYPES and keeps their order; another
    subtype follows the one yielded before it. `collect` shares no data with other threads and
    changes no state of the process.
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


def detect_node_name(env: Mapping[str, str]) -> str:
    """Return the name of the node that this process runs on, empty if no variable has it."""
    return next((env[name] for name in NODE_NAME_VARIABLES if env.get(name)), "")


def expected_subtypes(collector: Collector, context: Context) -> tuple[str, ...]:
    """Return the names of the subtypes that the document always has.

    By default the SUBTYPES that are not patterns; a module may have `choose_subtypes(context)`.
    """
    choose = getattr(collector, "choose_subtypes", None)
    if choose:
        names: tuple[str, ...] = choose(context)
        return names
    return tuple(spec.name for spec in collector.SUBTYPES if not spec.is_pattern)


def list_left_out(collector: Collector, settings: CollectSettings) -> tuple[SubtypeSpec, ...]:
    """Return the subtypes of a collector that the profile leaves out."""
    return tuple(spec for spec in collector.SUBTYPES if not settings.includes(spec.profile))


def build_registry(collectors: Iterable[Collector]) -> Registry:
    """Return the specs of the collectors' subtypes; a module's DEVICES is optional."""
    return tuple(
        MeasurementSpec(collector.TYPE, collector.SUBTYPES, getattr(collector, "DEVICES", None))
        for collector in collectors
    )


def read_subtype(name: str, read: Callable[[], Subtype]) -> Subtype:
    """Return the subtype that `read` returns, or an empty one with the status and reason."""
    try:
        return read()
    except SnapshotError as error:
        return build_failed_subtype(name, error.collector_status, explain(error))


def build_failed_subtype(name: str, status: str, reason: str) -> Subtype:
    """Return an empty subtype with a status and a reason."""
    return Subtype(name, context={"status": status, "reason": reason})


def build_partial_subtype(
    name: str,
    data: Mapping[str, Scalar],
    errors: Sequence[SnapshotError],
    context: Mapping[str, str],
    nothing_read: bool = False,
) -> Subtype:
    """Return a subtype read from several sources; if some failed, with a status and the reasons."""
    if not errors:
        return Subtype(name, data, context)
    status = errors[0].collector_status if nothing_read else PARTIAL
    reasons = [explain(error) for error in errors[:MAX_REASONS]]
    if len(errors) > MAX_REASONS:
        reasons.append(f"and {len(errors) - MAX_REASONS} more")
    return Subtype(name, data, {**context, "status": status, "reason": "; ".join(reasons)})


def require_kube(context: Context) -> Kube:
    """Return the API client; Unavailable, with the cause, if there is none."""
    if context.kube is None:
        cause = context.kube_error
        why = explain(cause) if cause else "no connection was requested"
        raise Unavailable("no connection to the cluster", why=why) from cause
    return context.kube


def explain(error: BaseException) -> str:
    """Return an error as a reason; an error that is not a SnapshotError with its type."""
    if isinstance(error, SnapshotError):
        text = f"{error.what}: {error.why}" if error.why else error.what
    else:
        text = f"{type(error).__name__}: {error}"[:300]
    # An exception may quote undecodable bytes; a document holds none.
    return text.encode("utf-8", "backslashreplace").decode()
