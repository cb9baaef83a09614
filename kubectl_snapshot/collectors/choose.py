"""Which collectors a capture runs: the chosen ones of a table, without the skipped ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.cluster_collectors import CLUSTER_COLLECTORS
from kubectl_snapshot.collectors.node_collectors import NODE_MODULES, load_node_collectors
from kubectl_snapshot.constants import PROFILES, STANDARD
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.settings import CollectSettings

# In the document's order.
TYPES = ("K8s", *NODE_MODULES, "NodeTopology")


def choose_collectors(
    settings: CollectSettings, reads_cluster: bool = True, require_gpu: bool = False
) -> tuple[Collector, ...]:
    """Return the chosen collectors in the document's order.

    Raises InvalidRequest for an unknown name, where none is left, where the profile leaves out what
    is asked for, and where a required GPU would not be looked for. Without `reads_cluster` the
    cluster's collectors are left out.
    """
    _check_profile(settings.profile)
    for name in (*settings.collectors, *settings.skipped):
        if name not in TYPES:
            hint = suggest(name, TYPES, f"use one of {', '.join(TYPES)}")
            raise InvalidRequest(f"unknown collector {name!r}", hint=hint)
    _check_choice(settings)
    table = TYPES if reads_cluster else tuple(NODE_MODULES)
    loaded = {**load_node_collectors(settings), **CLUSTER_COLLECTORS}
    chosen = {name: loaded[name] for name in table if name in loaded and settings.collects(name)}
    if not chosen:
        raise InvalidRequest(
            "no collector is left",
            why=f"--collect and --skip leave none of {', '.join(table)}",
            hint="choose others, or leave both out to collect everything",
        )
    if require_gpu and "GPU" not in chosen:
        raise InvalidRequest(
            "--require-gpu needs the collector GPU",
            why="--collect or --skip leaves it out",
            hint="add GPU to --collect, or leave --require-gpu out",
        )
    return tuple(chosen.values())


def _check_profile(profile: str) -> None:
    if profile not in PROFILES:
        hint = suggest(profile, PROFILES, f"use one of {', '.join(PROFILES)}")
        raise InvalidRequest(f'unknown profile "{profile}"', hint=hint)


def _check_choice(settings: CollectSettings) -> None:
    """Raise InvalidRequest for a flag that asks for what the profile leaves out."""
    left_out = [
        f"--collect {name}"
        for name in settings.collectors
        if name in NODE_MODULES and not settings.includes(NODE_MODULES[name][1])
    ]
    if settings.helm_namespaces and not settings.includes(STANDARD):
        left_out.append("--helm-namespace")
    if left_out:
        raise InvalidRequest(
            f"--profile {settings.profile} leaves out what {left_out[0]} asks for",
            hint=f"use --profile {STANDARD}, or leave {left_out[0]} out",
        )
