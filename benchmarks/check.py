"""Compare a short measurement with the newest results: what became much slower is printed.

`make bench-check` exits with 0 whatever it prints: a busy machine is no reason to refuse a change.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.budgets import BASE, Row
from benchmarks.chart import read_newest
from benchmarks.processes import measure
from benchmarks.size import measure_size
from benchmarks.startup import build_rows, list_starts

ROUNDS = 7
# A ratio to the base moves by a third with other work on the machine.
MARGIN = {"x": 1.5, "B": 1.05}


def main() -> int:
    with list_starts() as commands:
        rows = [*build_rows(measure(commands, ROUNDS)), *measure_size()]
    before = {row["name"]: row["value"] for row in read_newest()["rows"]}
    for line in compare(rows, before):
        print(line)
    return 0


def compare(rows: Sequence[Row], before: Mapping[str, float]) -> Iterator[str]:
    """Yield a line for each figure that grew by more than its margin, or one that none did."""
    compared = [
        (row, row.value, before[row.name])
        for row in rows
        if row.value and before.get(row.name) and row.unit in MARGIN
    ]
    worse = [found for found in compared if found[1] > found[2] * MARGIN[found[0].unit]]
    for row, now, then in worse:
        yield f"warning: {row.name}: {now:,.2f} {row.unit}, {then:,.2f} in the newest results"
    if not worse:
        names = [row.name for row, *_ in compared if row.name != BASE]
        yield f"nothing is much slower or larger than in the newest results: {', '.join(names)}"


if __name__ == "__main__":
    sys.exit(main())
