"""Captures at once, some killed, two with a wrong clock, and a cleanup of all in their midst.

SNAPSHOT_CROWD is their number (`make crowd`: 30, of which 5 are killed).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import FIGURES
from tests.cluster.support import PYTHON, Cluster, assert_nothing_left, ours
from tests.lab.machine import wait_for
from tests.validation import parse_valid, subtype

CROWD = int(os.environ.get("SNAPSHOT_CROWD") or 6)
KILLED = max(1, CROWD // 6)
SKEW_S = 1200
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
# Without libfaketime: the same program with another time.time().
SKEWED = (
    "import runpy, sys, time; now = time.time; time.time = lambda: now() + {}; del sys.argv[0]; "
)
RUN = "runpy.run_path(sys.argv[0], run_name='__main__')"
STARTED_S = 120
ENDED_S = 300


@pytest.fixture
def clients() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for client in started:
        client.kill()
        client.communicate()


def build_command(zipapp: Path, skew_s: int) -> tuple[list[str], Mapping[str, str]]:
    """Return the program's command with a wrong clock, and the variables that it needs."""
    if not skew_s:
        return [PYTHON, str(zipapp)], {}
    if FAKETIME.exists():
        own = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{skew_s:+d}"}
        return [PYTHON, str(zipapp)], {**own, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return [PYTHON, "-c", SKEWED.format(skew_s) + RUN, str(zipapp)], {}


def test_a_crowd_with_killed_clients_and_wrong_clocks_keeps_apart(
    cluster: Cluster,
    zipapp: Path,
    namespace: str,
    tmp_path: Path,
    clients: list[subprocess.Popen[str]],
    record_property: object,
) -> None:
    cluster.require_lab()
    began = time.monotonic()
    environment = cluster.environment()
    for index in range(CROWD):
        # The last ones are killed; of the others every third creates roles of its own.
        command, own = build_command(zipapp, {0: SKEW_S, 1: -SKEW_S}.get(index, 0))
        flags = ["-n", namespace, "--node", cluster.nodes[index % 2], "--log-json"]
        if index == 1:
            # The lab's certificates may be younger than the time that this clock is behind.
            flags.append("--insecure-skip-tls-verify")
        flags += ["--timeout", "4m", "--cluster-scope", "agent" if index % 3 == 0 else "client"]
        flags += ["-o", str(tmp_path / f"{index}.yaml")]
        with open(tmp_path / f"{index}.log", "w") as log:
            client = subprocess.Popen(
                [*command, *flags],
                env={**environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                encoding="utf-8",
            )
        clients.append(client)
    victims = range(CROWD - KILLED, CROWD)
    source = random.Random(16)
    for index in victims:
        wait_for(f"client {index}", partial(find_run, tmp_path, index), STARTED_S, 0.02)
        threading.Event().wait(source.random() / 2)
        clients[index].kill()
    everywhere = [PYTHON, str(zipapp), "cleanup", "-A"]
    swept = subprocess.run(everywhere, env=environment, capture_output=True, text=True)
    assert swept.returncode == 0, swept.stderr
    removed = [line for line in swept.stdout.splitlines() if line.startswith("removed")]
    run_ids, late = set(), 0
    for index in range(CROWD - KILLED):
        reported = tmp_path / f"{index}.log"
        assert clients[index].wait(ENDED_S) == 0, reported.read_text()
        snapshot = parse_valid((tmp_path / f"{index}.yaml").read_text())
        node = cluster.nodes[index % 2]
        assert snapshot.metadata["source-node"] == node
        late += not expect_own_values(snapshot, node)
        assert subtype(snapshot, "K8s", "node").data["source-node"] == node
        assert snapshot.metadata["run-id"] == find_run(tmp_path, index)
        assert not any(find_run(tmp_path, index) in line for line in removed)
        run_ids.add(snapshot.metadata["run-id"])
    assert len(run_ids) == CROWD - KILLED
    seconds = time.monotonic() - began
    left = {find_run(tmp_path, index) for index in victims}
    remaining = {one for one in ours(cluster) if not any(run in one for run in left)}
    assert not remaining, "left by runs that ended"
    again = [*everywhere, "--older-than", "0s"]
    assert subprocess.run(again, env=environment, capture_output=True).returncode == 0
    assert_nothing_left(cluster)
    tell = f"{CROWD} at once, {KILLED} killed, clocks ±20 min: {len(run_ids)} right documents"
    tell += f", {late} of them with readings that timed out" if late else ""
    record_property(FIGURES, f"{tell}, 0 left, {seconds:.1f} s")  # type: ignore[operator]


def expect_own_values(snapshot: Snapshot, node: str) -> bool:
    """Expect the node's own values; return False where a busy machine was too slow to read them."""
    sysctl = subtype(snapshot, "OS", "sysctl")
    if sysctl.status == "timeout":
        assert "OS.sysctl=timeout" in snapshot.metadata["gaps"]
        return False
    assert sysctl.data["/proc/sys/kernel/hostname"] == node
    return True


def find_run(directory: Path, index: int) -> str:
    """Return the run id that a client has reported, empty before that."""
    for line in (directory / f"{index}.log").read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "start":
            return str(event["run-id"])
    return ""
