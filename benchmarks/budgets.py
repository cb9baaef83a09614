"""The table of figures, their budgets and verdicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

BASE = "base"
INFORMATION, OK, MISSED, NOT_MEASURED = "", "ok", "missed", "not measured"


@dataclass(frozen=True)
class Budget:
    """The maximum of a figure. If an ADR shows that it cannot be met, `limit` is the ADR's."""

    at_most: float
    adr: str = ""
    limit: float = 0.0


@dataclass(frozen=True)
class Row:
    """One figure. `value` is None if it was not measured; `note` has the reason."""

    name: str
    value: float | None
    unit: str
    budget: Budget | None = None
    median_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    cpu_ms: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return NOT_MEASURED
        if self.budget is None:
            return INFORMATION
        if self.value <= self.budget.at_most:
            return OK
        if self.budget.adr and self.value <= self.budget.limit:
            return f"over; ADR {self.budget.adr} allows {self.budget.limit:g}"
        return MISSED


BUDGETS = {
    "--help": Budget(4),
    "version --client": Budget(4),
    "completion, by the shim": Budget(4),
    "collect, up to its first collector": Budget(4, adr="0019", limit=9),
    "first API answer (version)": Budget(12),
    "node collectors over the slowest, which waits": Budget(10),
    # Three times the reference, which took 35 ms where the base took 10 ms.
    "collect --profile reference": Budget(10.5, adr="0093", limit=15),
    # The reference reads less than half of it.
    "collect, whole process": Budget(10.5, adr="0093", limit=22),
    "--local --profile reference, from the cache": Budget(6, adr="0093", limit=8),
    "--local, from the cache": Budget(6, adr="0093", limit=15),
    "eight slow GPUs, against one": Budget(1.5),
    "one node, against a bare client": Budget(1.3),
    "one node, against kubectl": Budget(0.35),
    "one node: client CPU": Budget(150, adr="0094", limit=220),
    "one node: client's peak memory": Budget(34, adr="0086", limit=36),
    "one node: requests": Budget(10, adr="0094", limit=18),
    "collect: peak memory": Budget(20, adr="0093", limit=23),
    "cluster collector, time": Budget(3),
    "cluster collector, memory": Budget(150),
    "two real nodes, against one": Budget(1.5),
    "fake nodes, against a bare client": Budget(1.3),
    "fleet, CPU per node": Budget(8, adr="0097", limit=15),
    "fleet, memory": Budget(150),
    "fleet of 5,000, memory": Budget(250),
    "5,000, against 1,000": Budget(6),
    "fleet, requests per node": Budget(1),
    "fleet, watches": Budget(3),
    "fleet, missing": Budget(0),
    "zipapp": Budget(1_000_000),
    "our code and all licences in it": Budget(640_000),
    "clean builds whose bytes differ": Budget(0),
}


def is_missed(rows: Sequence[Row]) -> bool:
    return any(row.verdict == MISSED for row in rows)


def render_table(rows: Sequence[Row]) -> str:
    """Return the rows in columns: name, median, range, CPU, figure, budget, verdict, note."""
    head = ("", "median ms", "min – max", "CPU ms", "figure", "budget", "", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "".join(
        "  ".join(
            cell.ljust(width) if column in (0, 6, 7) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        + "\n"
        for line in lines
    )


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{**asdict(row), "verdict": row.verdict} for row in rows]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        _ms(row.median_ms),
        f"{_ms(row.min_ms)} – {_ms(row.max_ms)}" if row.min_ms is not None else "",
        _ms(row.cpu_ms),
        "" if row.value is None else _figure(row.value, row.unit),
        "" if row.budget is None else _figure(row.budget.at_most, row.unit),
        row.verdict,
        row.note,
    )


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _figure(value: float, unit: str) -> str:
    return f"{value:.2f} x" if unit == "x" else f"{value:,.0f} {unit}"
