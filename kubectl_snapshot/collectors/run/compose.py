"""Run collectors and compose the snapshot: redaction, order, and gaps in the metadata."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.files.keyfile import new_key
from kubectl_snapshot.collectors.run.context import EXTENSION, build_registry
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.redaction.values import (
    DISABLED,
    KEY_BYTES,
    REDACTION_KEY,
    describe_paths,
    find_redacted,
    name_key,
)
from kubectl_snapshot.document.snapshot import (
    Snapshot,
    Subtype,
    gaps,
    gpu_count,
    in_order,
    render_time,
)
from kubectl_snapshot.errors import NotFound
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.collectors.run.context import Collector, Context
    from kubectl_snapshot.document.snapshot import Measurement
    from kubectl_snapshot.settings import CollectSettings


def collect_snapshot(
    collectors: Sequence[Collector],
    context: Context,
    timeout_s: float,
    metadata: Mapping[str, str],
    on_event: Callable[[Mapping[str, object]], None],
    stop: threading.Event | None = None,
) -> Snapshot:
    """Run the collectors in parallel; return the redacted snapshot within `timeout_s`.

    Once `stop` is set, readings that are not finished become gaps.
    """
    deadline = time.monotonic() + timeout_s
    measurements = collect_redacted(collectors, context, deadline, on_event, stop)
    redaction = context.settings.redaction
    if not redaction.is_on:
        metadata = {**metadata, "redaction": DISABLED}
    own = {
        "source-node": context.node_name,
        "timestamp": render_time(time.time()),
        **describe_choice(context.settings, collectors),
    }
    return compose_snapshot(measurements, {**own, **metadata}, redaction.key)


def describe_choice(settings: CollectSettings, collectors: Sequence[Collector]) -> dict[str, str]:
    """Return the metadata of --profile, and the collectors that --collect and --skip left."""
    profile = {"profile": settings.profile}
    if not settings.collectors and not settings.skipped:
        return profile
    return {**profile, "collectors": ",".join(collector.TYPE for collector in collectors)}


def ensure_key(settings: CollectSettings) -> CollectSettings:
    """Return the settings with a redaction key: their own, or a new random one."""
    redaction = settings.redaction
    if redaction.key:
        return settings
    return replace(settings, redaction=replace(redaction, key=new_key(KEY_BYTES)))


def collect_redacted(
    collectors: Sequence[Collector],
    context: Context,
    deadline: float,
    on_event: Callable[[Mapping[str, object]], None],
    stop: threading.Event | None = None,
) -> tuple[Measurement, ...]:
    """Run the collectors and return their measurements, each redacted within its own deadline."""
    registry = build_registry(collectors)

    def redact(type_: str, subtype: Subtype, last: float) -> Subtype:
        # Imported while nobody waits for a collector's start.
        from kubectl_snapshot.document.redaction.measurements import redact_subtype

        redaction = context.settings.redaction
        return redact_subtype(type_, subtype, redaction, registry, lambda: time.monotonic() >= last)

    return run_collectors(collectors, context, deadline, on_event, stop, redact)


def compose_snapshot(
    measurements: Sequence[Measurement], metadata: Mapping[str, str], key: bytes = b""
) -> Snapshot:
    """Return the snapshot in the document's order, with gaps and redacted paths in its metadata.

    `key` is the redaction key, unless the metadata already identify it.
    """
    keeps_extensions = metadata.get("profile") != REFERENCE
    snapshot = Snapshot(metadata, in_order(place_extensions(measurements, keeps_extensions)))
    redacted = find_redacted(snapshot)
    found = {"gaps": ",".join(gaps(snapshot)), "redacted": describe_paths(redacted)}
    if redacted and key:
        # The pod may have used its own key; its redacted values then differ from the client's.
        found[REDACTION_KEY] = metadata.get(REDACTION_KEY) or name_key(key)
    known = {name: value for name, value in metadata.items() if name not in found}
    named = {name: value for name, value in found.items() if value}
    return replace(snapshot, metadata={**known, **named})


def place_extensions(
    measurements: Sequence[Measurement], is_kept: bool = True
) -> tuple[Measurement, ...]:
    """Return the measurements with Talos's extensions as OS.extensions, if they are kept.

    They are labels of the node, which the OS collector cannot read; AICR has them there, too.
    """
    nodes = (s for m in measurements if m.type == "K8s" for s in m.subtypes if s.name == "node")
    node = next(nodes, Subtype("node"))
    labels = {key: text for key, text in node.context.items() if key.startswith(EXTENSION)}
    if not labels or not any(m.type == "OS" for m in measurements):
        return tuple(measurements)
    rest = {key: text for key, text in node.context.items() if key not in labels}
    data = {key[len(EXTENSION) :]: version for key, version in labels.items()}
    extensions = Subtype("extensions", data, {"source": "labels of the node"})
    return tuple(
        replace(
            m,
            subtypes=(
                *(replace(s, context=rest) if s is node else s for s in m.subtypes),
                *([extensions] if m.type == "OS" and is_kept else ()),
            ),
        )
        for m in measurements
    )


def check_gpu_count(snapshot: Snapshot) -> None:
    """Raise NotFound unless a GPU subtype counts at least one GPU."""
    if gpu_count(snapshot):
        return
    node = snapshot.metadata.get("source-node", "") or "this machine"
    subtypes = [s for m in snapshot.measurements if m.type == "GPU" for s in m.subtypes]
    reasons = (s.context["reason"] for s in subtypes if "reason" in s.context)
    raise NotFound(
        f"no GPU found on {node}",
        why=next(reasons, "no GPU subtype of the snapshot has a gpu-count above 0"),
        hint="use another node, or leave out --require-gpu",
    )
