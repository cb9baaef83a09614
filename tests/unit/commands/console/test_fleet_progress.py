from __future__ import annotations

import argparse
import io
import json
from typing import Any

import pytest

from kubectl_snapshot.commands.console import fleet_progress
from kubectl_snapshot.commands.console.fleet_progress import (
    FleetLogger,
    choose_fleet_progress,
    render_block,
    render_node,
    render_start,
)

PROGRESS: dict[str, Any] = {
    "event": "progress",
    "nodes": 10,
    "captured": 4,
    "partial": 1,
    "failed": 0,
    "skipped": 0,
    "running": 3,
    "waiting": 2,
    "rate": 2.5,
    "eta-s": 2,
    "slowest": ["n1 9 s reading", "n2 3 s starting"],
}
FAILED = {
    "event": "node",
    "node": "n1",
    "status": "failed",
    "cause": "image pull",
    "reason": "not\x1b found",
    "seconds": 2.5,
}


def test_the_block_has_counts_rate_end_and_the_slowest_nodes() -> None:
    assert render_block(PROGRESS) == [
        "5/10 nodes: 4 captured, 1 partial, 3 running, 2 waiting, 2.5/s, 2 s left",
        "slowest: n1 9 s reading, n2 3 s starting",
    ]


def test_without_a_rate_no_end_is_guessed() -> None:
    started = {**PROGRESS, "captured": 0, "partial": 0, "rate": 0.0, "eta-s": None, "slowest": []}
    assert render_block(started) == ["0/10 nodes: 3 running, 2 waiting, 0.0/s"]


def test_a_failed_node_is_one_line_without_control_characters() -> None:
    assert render_node(FAILED) == "n1: failed after 2.5 s: image pull: not  found"
    captured = {"event": "node", "node": "n1", "status": "captured", "seconds": 1}
    assert render_node(captured) == "n1: captured after 1 s"


def test_the_start_names_what_is_captured_skipped_and_kept() -> None:
    event = {"nodes": 5, "namespace": "ops", "directory": "d", "skipped": 0, "kept": 0}
    assert render_start(event) == "capturing 5 nodes in namespace ops into d"
    assert render_start({**event, "skipped": 2, "kept": 3}) == (
        "capturing 5 nodes in namespace ops into d, 2 skipped, 3 are captured already"
    )


def test_on_a_terminal_the_next_block_replaces_the_last() -> None:
    stderr = io.StringIO()
    logger = FleetLogger(stderr, verbose=False, is_terminal=True)
    logger.log(PROGRESS)
    logger.log(FAILED)
    logger.log({"event": "fleet-done"})
    first = "".join(f"{line}\n" for line in render_block(PROGRESS))
    clear = "\r\x1b[2A\x1b[J"
    assert stderr.getvalue() == f"{first}{clear}{render_node(FAILED)}\n{first}{clear}"


def test_without_a_terminal_there_is_a_line_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr(fleet_progress.time, "monotonic", lambda: clock[0])
    stderr = io.StringIO()
    logger = FleetLogger(stderr, verbose=False, is_terminal=False)
    for clock[0] in (101.0, 104.9, 105.0, 106.0, 109.9):
        logger.log(PROGRESS)
    assert stderr.getvalue() == f"{render_block(PROGRESS)[0]}\n"
    clock[0] = 110.0
    logger.log(PROGRESS)
    assert stderr.getvalue() == f"{render_block(PROGRESS)[0]}\n" * 2


def test_ten_failures_are_reported_and_all_with_verbose() -> None:
    for verbose, count in ((False, 10), (True, 12)):
        stderr = io.StringIO()
        logger = FleetLogger(stderr, verbose, is_terminal=False)
        for _ in range(12):
            logger.log(FAILED)
        assert stderr.getvalue().count("failed") == count


def test_captured_nodes_and_collectors_are_only_logged_with_verbose() -> None:
    done = {"event": "finished", "collector": "K8s", "status": "ok", "elapsed-ms": 5}
    captured = {"event": "node", "node": "n1", "status": "captured", "seconds": 1}
    for verbose, text in ((False, ""), (True, "K8s: ok in 5 ms\nn1: captured after 1 s\n")):
        stderr = io.StringIO()
        logger = FleetLogger(stderr, verbose, is_terminal=False)
        logger.log(done)
        logger.log(captured)
        assert stderr.getvalue() == text


def test_log_json_writes_every_event_and_quiet_none() -> None:
    stderr = io.StringIO()
    args = argparse.Namespace(log_json=True, quiet=False, verbose=False)
    choose_fleet_progress(args, stderr)(PROGRESS)
    written = json.loads(stderr.getvalue())
    assert {key: written[key] for key in PROGRESS} == PROGRESS
    stderr = io.StringIO()
    args = argparse.Namespace(log_json=False, quiet=True, verbose=False)
    choose_fleet_progress(args, stderr)(PROGRESS)
    assert stderr.getvalue() == ""
