"""Print where the milliseconds of one capture go, from the API server's audit log.

`make timeline` starts its own cluster and deletes it. Times are from the start of our process.
Requests of all parts of the control plane are listed that concern the run; what lies between them
is the work of the part that sends the next.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.cluster import find_reason, run_kit
from benchmarks.processes import Command, run
from benchmarks.startup import zipapp
from tests.cluster import support

# Who sends a request, by the first word of its User-Agent.
PARTS = {
    "kubectl-snapshot": "client",
    "kube-controller-manager": "controllers",
    "kube-scheduler": "scheduler",
    "kubelet": "kubelet",
}
RUN = "kubectl-snapshot-"


@dataclass(frozen=True)
class Request:
    """One request of the run: who asked for what, and when, in ms since the process began."""

    began_ms: float
    took_ms: float
    part: str
    what: str


def main() -> int:
    reason = find_reason()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as home, support.temporary_lab(run_kit) as name:
        cluster = support.use_lab(name, Path(home))
        with contextlib.closing(cluster.client):
            command = zipapp("--node", cluster.nodes[0], "--quiet", env=cluster.environment())
            run(command)
            time.sleep(2)
            print(render(*measure(cluster, command)), end="")
    return 0


def measure(cluster: support.Cluster, command: Command) -> tuple[list[Request], float, float]:
    """Return the requests of one capture, its wall time and its CPU time in ms."""
    since, began_s = cluster.audit_size(), time.time()
    wall_ms, cpu_ms = run(command)
    time.sleep(1)
    requests = select(cluster.audit(since), began_s)
    return [r for r in requests if r.began_ms <= wall_ms], wall_ms, cpu_ms


def select(events: Iterable[dict[str, Any]], began_s: float) -> list[Request]:
    """Return the completed requests of our client, and those of others that name our objects."""
    found = []
    for event in events:
        part = PARTS.get(event.get("userAgent", "").split("/")[0], "")
        is_ours = part == "client" or RUN in event["requestURI"] + str(event.get("objectRef"))
        if event["stage"] != "ResponseComplete" or not part or not is_ours:
            continue
        received, completed = (
            parse_time(event[key]) for key in ("requestReceivedTimestamp", "stageTimestamp")
        )
        took_ms = 1e3 * (completed - received)
        found.append(Request(1e3 * (received - began_s), took_ms, part, describe(event)))
    return sorted(found, key=lambda request: request.began_ms)


def parse_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def describe(event: dict[str, Any]) -> str:
    of = event.get("objectRef", {})
    title = "/".join(filter(None, (of.get("resource"), of.get("subresource"))))
    dry_run = ", dry run" * ("dryRun" in event["requestURI"])
    return f"{event['verb']} {title or event['requestURI'].split('?')[0]}{dry_run}"


def render(requests: list[Request], wall_ms: float, cpu_ms: float) -> str:
    return "".join(f"{line}\n" for line in _lines(requests, wall_ms, cpu_ms))


def _lines(requests: list[Request], wall_ms: float, cpu_ms: float) -> Iterator[str]:
    yield f"{'ms':>6}  {'took':>6}  {'who':<12}what"
    for request in requests:
        took = "" if request.what.startswith("watch") else f"{request.took_ms:.0f}"
        yield f"{request.began_ms:6.0f}  {took:>6}  {request.part:<12}{request.what}"
    yield f"{wall_ms:6.0f}  {'':>6}  {'client':<12}ends; {cpu_ms:.0f} ms of CPU"


if __name__ == "__main__":
    sys.exit(main())
