"""How much of a fleet was captured: a table by cause, and the exit code. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.fleet.manifest import CAPTURED, FAILED, PARTIAL, SKIPPED, coverage
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_OK, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode

NODES_SHOWN = 3
REASON_LENGTH = 200


def parse_coverage(text: str) -> float:
    """Return a coverage such as `95%` as a share from 0 to 1."""
    number = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text.strip())
    if number is None or float(number[1]) > 100:
        raise InvalidRequest(f'invalid coverage "{text}"', hint="use a percentage such as 95%")
    # Not `/ 100`, which rounds twice: 99.9 % would be more than 999 of 1,000 nodes.
    return float(f"{number[1]}e-2")


def choose_exit_code(manifest: FleetManifest, is_strict: bool, min_coverage: float | None) -> int:
    """Return 0, or 10 for a missing node or a gap with --strict, or below --min-coverage."""
    if is_strict and any(node.status != CAPTURED for node in manifest.nodes):
        return EXIT_GAPS
    if min_coverage is not None and coverage(manifest.nodes) < min_coverage:
        return EXIT_GAPS
    return EXIT_OK


def render_coverage(manifest: FleetManifest) -> str:
    """Return the coverage in one line, and a table of the missing nodes by cause if there are."""
    counts = manifest.counts
    total = len(manifest.nodes)
    covered = counts[CAPTURED] + counts[PARTIAL]
    # Rounded down: 100 % is said only of all.
    percent = 100 * covered // total if total else 0
    parts = [f"{count} {status}" for status, count in counts.items() if count]
    lines = [f"{covered} of {total} nodes captured ({percent} %): {', '.join(parts)}"]
    rows = [_build_row(status, cause, nodes) for (status, cause), nodes in _group(manifest)]
    if rows:
        header = ("NODES", "STATUS", "CAUSE", "EXAMPLES")
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(3)]
        for *cells, last in [header, *rows]:
            padded = [cell.ljust(width) for cell, width in zip(cells, widths)]
            lines.append(f"{'  '.join(padded)}  {last}")
    return "\n".join(lines) + "\n"


def _group(manifest: FleetManifest) -> list[tuple[tuple[str, str], list[FleetNode]]]:
    """Return the nodes without a whole document by status and cause, the largest group first."""
    groups: dict[tuple[str, str], list[FleetNode]] = {}
    for node in manifest.nodes:
        if node.status in (FAILED, SKIPPED, PARTIAL):
            groups.setdefault((node.status, node.cause), []).append(node)
    order = {FAILED: 0, SKIPPED: 1, PARTIAL: 2}
    return sorted(groups.items(), key=lambda item: (order[item[0][0]], -len(item[1]), item[0]))


def _build_row(status: str, cause: str, nodes: list[FleetNode]) -> tuple[str, str, str, str]:
    return str(len(nodes)), status, cause, describe_nodes(nodes)


def describe_nodes(nodes: Sequence[FleetNode]) -> str:
    """Return the first names, how many more there are, and the reason of the first node."""
    names = ", ".join(node.name for node in nodes[:NODES_SHOWN])
    more = f" and {len(nodes) - NODES_SHOWN} more" if len(nodes) > NODES_SHOWN else ""
    reason = (nodes[0].reason or nodes[0].gaps)[:REASON_LENGTH]
    return f"{names}{more}: {reason}" if reason else names + more
