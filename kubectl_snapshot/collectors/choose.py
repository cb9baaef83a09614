"""Which collectors a capture runs: the chosen ones of a table, without the skipped ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.node_collectors import NODE_MODULES
from kubectl_snapshot.collectors.run.context import list_left_out
from kubectl_snapshot.constants import PROFILES, STANDARD
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.settings import CollectSettings


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
        if name not in ALL_COLLECTORS:
            known = ", ".join(ALL_COLLECTORS)
            hint = suggest(name, ALL_COLLECTORS, f"use one of {known}")
            raise InvalidRequest(f"unknown collector {name!r}", hint=hint)
    _check_choice(settings)
    table = ALL_COLLECTORS if reads_cluster else NODE_MODULES
    chosen = {
        name: ALL_COLLECTORS[name]
        for name in table
        if settings.collects(name) and _has_any(ALL_COLLECTORS[name], settings)
    }
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
    asked = [(f"--collect {name}", ALL_COLLECTORS[name]) for name in settings.collectors]
    left_out = [flag for flag, collector in asked if not _has_any(collector, settings)]
    if settings.helm_namespaces and not settings.includes(STANDARD):
        left_out.append("--helm-namespace")
    if left_out:
        raise InvalidRequest(
            f"--profile {settings.profile} leaves out what {left_out[0]} asks for",
            hint=f"use --profile {STANDARD}, or leave {left_out[0]} out",
        )


def _has_any(collector: Collector, settings: CollectSettings) -> bool:
    return len(list_left_out(collector, settings)) < len(collector.SUBTYPES)
