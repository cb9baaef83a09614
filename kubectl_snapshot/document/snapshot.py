"""The document: Snapshot, Measurement, Subtype. Pure."""

from __future__ import annotations

from time import gmtime, strftime

from kubectl_snapshot.constants import FULL_API_VERSION, KIND
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, field, replace

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    # Contract 1.3: never null, list, map or date. Integers are signed or unsigned 64 bit.
    Scalar = Union[str, int, float, bool]
else:
    Scalar = object

# Contract 1.2: AICR's types in the order of a document, and ours; other types come last.
TYPES = (
    "K8s",
    "GPU",
    "OS",
    "SystemD",
    "Network",
    "Runtime",
    "Driver",
    "Hardware",
    "Accelerator",
    "NodeTopology",
)

# The subtypes of K8s that are of one node: the rest is equal for all nodes of a cluster.
NODE_SUBTYPES = (
    *("node", "node-status", "kubelet", "device-plugin", "resource-slice", "csi-node"),
)

OK, PARTIAL, ABSENT, UNAVAILABLE = "ok", "partial", "absent", "unavailable"
FORBIDDEN, TIMEOUT, ERROR = "forbidden", "timeout", "error"
STATUSES = (OK, PARTIAL, ABSENT, UNAVAILABLE, FORBIDDEN, TIMEOUT, ERROR)
# `absent` is not a gap: the collector checked, and it does not exist.
GAP_STATUSES = (PARTIAL, UNAVAILABLE, FORBIDDEN, TIMEOUT, ERROR)


# The measurement type under which document/items shows a fingerprint.
FINGERPRINT = "fingerprint"


@dataclass(frozen=True)
class Item:
    """One record of a list in a subtype; `context` identifies and describes it."""

    context: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Subtype:
    """One group of readings. `context` describes how it was read: status, reason, elapsed-ms.

    `items` is a list of records, which today's AICR writes (document/items).
    """

    name: str
    data: Mapping[str, Scalar] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()

    @property
    def status(self) -> str:
        """Return the status; it is written only when it is not `ok`."""
        return self.context.get("status", OK)

    @property
    def is_left_out(self) -> bool:
        """Return whether it has only a reason: it was not asked for, which is no gap."""
        return not self.data and self.status == OK and "reason" in self.context


@dataclass(frozen=True)
class Measurement:
    """All subtypes of one type, in the order of contract 1.2."""

    type: str
    subtypes: tuple[Subtype, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A whole document. `metadata` and every value of a context are text.

    `fingerprint` is AICR's identity of the cluster, a subtype for each dimension. `not_read` are
    the places of fields that this program does not know.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    kind: str = KIND
    api_version: str = FULL_API_VERSION
    fingerprint: tuple[Subtype, ...] = ()
    not_read: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line: the node, the time, the number of readings and of gaps."""
        node = self.metadata.get("source-node") or "an unnamed node"
        time = self.metadata.get("timestamp") or "an unknown time"
        count = sum(len(s.data) for m in self.measurements for s in m.subtypes)
        return f"snapshot of {node} at {time}: {count} readings, {len(gaps(self))} gaps"


def new_snapshot() -> Snapshot:
    """Return an empty document of our kind and version."""
    return Snapshot()


def gaps(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the gaps, as `K8s.node=forbidden`, in document order."""
    return tuple(
        f"{measurement.type}.{subtype.name}={subtype.status}"
        for measurement in snapshot.measurements
        for subtype in measurement.subtypes
        if subtype.status in GAP_STATUSES
    )


def in_order(measurements: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
    """Return the measurements in the order of contract 1.2; other types come last, as they are."""
    return tuple(sorted(measurements, key=lambda m: rank_type(m.type)))


def rank_type(type_: str) -> int:
    """Return the place of a measurement type in a document."""
    return TYPES.index(type_) if type_ in TYPES else len(TYPES)


def list_types(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the format's measurement types and those that only this document has."""
    return tuple(dict.fromkeys((*TYPES, *(m.type for m in snapshot.measurements))))


def parse_type(text: str) -> str | None:
    """Return the measurement type of exactly this spelling, None if there is none."""
    return text if text in TYPES else None


def validate_measurement(measurement: Measurement) -> None:
    """Raise InvalidRequest if the type, its subtypes or the data of one is empty (contract 1.2)."""
    if not measurement.type:
        raise InvalidRequest("a measurement has no type")
    if not measurement.subtypes:
        raise InvalidRequest(f"measurement {measurement.type} has no subtypes")
    for subtype in measurement.subtypes:
        if not subtype.data:
            raise InvalidRequest(f"subtype {measurement.type}.{subtype.name} has no data")


def merge_measurements(first: Measurement, second: Measurement) -> Measurement:
    """Return both as one, subtypes joined by name, the second one's values winning."""
    if first.type != second.type:
        raise InvalidRequest(
            f"measurements of type {first.type} and {second.type} cannot be merged"
        )
    merged = {subtype.name: subtype for subtype in first.subtypes}
    for subtype in second.subtypes:
        before = merged.get(subtype.name, Subtype(subtype.name))
        merged[subtype.name] = replace(
            before,
            data={**before.data, **subtype.data},
            context={**before.context, **subtype.context},
        )
    return Measurement(first.type, tuple(merged.values()))


def gpu_count(snapshot: Snapshot) -> int:
    """Return the largest integer `gpu-count` of any GPU subtype, 0 if none was counted."""
    counts = [
        subtype.data.get("gpu-count")
        for measurement in snapshot.measurements
        if measurement.type == "GPU"
        for subtype in measurement.subtypes
    ]
    return max((n for n in counts if isinstance(n, int) and not isinstance(n, bool)), default=0)


def render_time(seconds: float) -> str:
    """Return a time of the Unix epoch as RFC 3339 in UTC, whole seconds."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))
