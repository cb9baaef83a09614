from __future__ import annotations

import sys
import time

import pytest

from benchmarks.processes import Command, measure, run

PYTHON = (sys.executable, "-I", "-S", "-u", "-c")


def test_each_round_runs_every_command_once_and_the_first_does_not_count() -> None:
    pauses: list[int] = []

    def pause_s(index: int) -> float:
        pauses.append(index)
        return 0.0

    times = measure(
        {"a": Command((*PYTHON, "pass"), {}), "b": Command((*PYTHON, ""), {})}, 2, pause_s
    )
    assert pauses == [-1, -1, 0, 0, 1, 1]
    assert {name: len(found.wall_ms) for name, found in times.items()} == {"a": 2, "b": 2}
    assert all(
        wall > 0 and cpu > 0
        for found in times.values()
        for wall, cpu in zip(found.wall_ms, found.cpu_ms)
    )


def test_the_clock_stops_at_the_line_that_is_waited_for() -> None:
    program = "print('one'); print('two'); import threading; threading.Event().wait(0.5)"
    began = time.perf_counter()
    to_line_ms, _ = run(Command((*PYTHON, program), {}, until=b"two"))
    assert to_line_ms < 1e3 * (time.perf_counter() - began) - 250


@pytest.mark.parametrize(
    "command",
    [
        Command((*PYTHON, "raise SystemExit('no cluster')"), {}),
        Command((*PYTHON, "print('no cluster')"), {}, until=b"never said"),
    ],
)
def test_a_process_that_fails_is_no_measurement(command: Command) -> None:
    with pytest.raises(RuntimeError, match="no cluster"):
        run(command)
