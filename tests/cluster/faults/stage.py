"""Run the faults, in parallel where they do not interfere, and keep their outcomes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.cluster.faults.fault import ALONE, NODE2, SHARED, Fault
from tests.cluster.faults.scene import RUNS_S, Scene
from tests.cluster.faults.servers import Servers
from tests.cluster.support import PYTHON, Cluster, temporary_namespace, wait_until_gone
from tests.lab.machine import PATIENCE_S, wait_for

# Parallel faults of the shared lane; with more, the machine limits the time, not the client, whose
# seconds count in `make faults` alone.
PARALLEL = 4 if "PYTEST_XDIST_WORKER" in os.environ else 3
ENDED_S = 2 * PATIENCE_S
NODES = {SHARED: "node1", NODE2: "node2", ALONE: "node1"}
COLUMNS = "{:45} {:>4} {:>6} {:>4}  {}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one fault: the client's error and events, and the objects that remain."""

    fault: Fault
    code: int
    seconds: float
    document: str
    error: Mapping[str, str]
    stderr: str
    left: tuple[str, ...]
    foretold: int | None = None

    @property
    def text(self) -> str:
        return " | ".join(self.error.get(key, "") for key in ("what", "why", "hint"))

    @property
    def message(self) -> str:
        if self.error:
            return self.error["what"]
        return "captured" if self.code == 0 else "interrupted"


def run_faults(
    cluster: Cluster, servers: Servers, zipapp: Path, faults: Mapping[str, Fault], directory: Path
) -> dict[str, Future[Outcome]]:
    """Start all faults and return futures of their outcomes; those that run alone come last."""
    lanes = defaultdict(list)
    for name, fault in faults.items():
        lanes[fault.lane].append(name)
    futures: dict[str, Future[Outcome]] = {}
    for lane, room in ((SHARED, PARALLEL), (NODE2, 1)):
        pool = ThreadPoolExecutor(room)
        for name in lanes[lane]:
            place = directory / f"fault{len(futures)}"
            futures[name] = pool.submit(run_fault, cluster, servers, zipapp, faults[name], place)
        pool.shutdown(wait=False)
    before = list(futures.values())
    pool = ThreadPoolExecutor(1)
    for name in lanes[ALONE]:
        place = directory / f"fault{len(futures)}"
        futures[name] = pool.submit(
            run_after, before, cluster, servers, zipapp, faults[name], place
        )
    pool.shutdown(wait=False)
    return futures


def run_after(before: Iterable[Future[Outcome]], *arguments: Any) -> Outcome:
    wait(before)
    return run_fault(*arguments)


def run_fault(
    cluster: Cluster, servers: Servers, zipapp: Path, fault: Fault, directory: Path
) -> Outcome:
    """Run a fault; again, up to its `tries`, if what provokes it came too late."""
    for attempt in range(fault.tries):
        place = directory.with_name(f"{directory.name}-{attempt}")
        longer = replace(fault, timeout_s=fault.timeout_s * 3**attempt)
        outcome = run_once(cluster, servers, zipapp, longer, place)
        if outcome.code == fault.code and not longer.find_missing(outcome.text):
            break
    return outcome


def run_once(
    cluster: Cluster, servers: Servers, zipapp: Path, fault: Fault, directory: Path
) -> Outcome:
    directory.mkdir()
    with temporary_namespace(cluster) as namespace:
        scene = Scene(cluster, servers, namespace, directory)
        with fault.arrange(scene):
            foretold = run_preflight(scene, fault, zipapp)
            started = time.monotonic()
            scene.client = client = start_client(scene, fault, zipapp)
            try:
                if fault.provoke:
                    if fault.waits_for_run:
                        wait_for("the agent to run", scene.is_running, RUNS_S)
                    started = time.monotonic()
                    fault.provoke(scene)
                document, stderr = client.communicate(timeout=ENDED_S)
                seconds = time.monotonic() - started
            finally:
                client.kill()
                client.communicate()
            events = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
            if fault.is_left:
                run_cleanup_commands(cluster, events)
            return Outcome(
                fault=fault,
                code=client.returncode,
                seconds=seconds,
                document=document,
                error=next((event for event in events if event["event"] == "error"), {}),
                stderr=stderr,
                left=find_left(cluster, events),
                foretold=foretold,
            )


def build_flags(scene: Scene, fault: Fault) -> list[str]:
    place = [] if "-n" in fault.flags else ["-n", scene.namespace]
    flags = [*place, *fault.all_flags]
    if not fault.is_any_node and not {"--node", "--node-selector"} & set(fault.flags):
        flags += ["--node", NODES[fault.lane]]
    return flags


def run_preflight(scene: Scene, fault: Fault, zipapp: Path) -> int | None:
    """Return the exit code of a preflight of the fault's capture, if one is to be run."""
    if fault.preflight is None:
        return None
    command = [PYTHON, str(zipapp), "preflight", *build_flags(scene, fault)]
    environment = scene.cluster.environment(scene.kubeconfig)
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def start_client(scene: Scene, fault: Fault, zipapp: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PYTHON, str(zipapp), *build_flags(scene, fault), "--log-json", "-o", "json"],
        env=scene.cluster.environment(scene.kubeconfig),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run_cleanup_commands(cluster: Cluster, events: Iterable[Mapping[str, Any]]) -> None:
    (left,) = [event for event in events if event["event"] == "left-behind"]
    for command in left["commands"]:
        done = cluster.kubectl(*command.strip("`").split()[1:])
        assert done.returncode == 0, done.stderr


def find_left(cluster: Cluster, events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the run's objects that remain after the cluster had time to remove them."""
    run_id = next((event["run-id"] for event in events if event["event"] == "start"), "")
    if not run_id:
        return ()
    return tuple(wait_until_gone(cluster, run_id))


def render_row(name: str, outcome: Outcome) -> str:
    """Return the row of `make faults`: exit code, seconds, remaining objects, message."""
    seconds = f"{outcome.seconds:.1f}"
    return COLUMNS.format(name, outcome.code, seconds, len(outcome.left), outcome.message[:110])
