"""Which collectors a capture runs: the chosen ones of a table, without the skipped ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.node_collectors import NODE_COLLECTORS
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.settings import CollectSettings


def choose_collectors(
    settings: CollectSettings, reads_cluster: bool = True, require_gpu: bool = False
) -> tuple[Collector, ...]:
    """Return the chosen collectors in the document's order.

    Raises InvalidRequest for an unknown name, where none is left, and where a required GPU would
    not be looked for. Without `reads_cluster` the cluster's collectors are left out.
    """
    for name in (*settings.collectors, *settings.skipped):
        if name not in ALL_COLLECTORS:
            known = ", ".join(ALL_COLLECTORS)
            hint = suggest(name, ALL_COLLECTORS, f"use one of {known}")
            raise InvalidRequest(f"unknown collector {name!r}", hint=hint)
    table = ALL_COLLECTORS if reads_cluster else NODE_COLLECTORS
    chosen = {name: table[name] for name in table if settings.collects(name)}
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
