"""Capture two real and 1,000 fake nodes, of which some fail and some differ; kill it, resume it.

`make fleet-drill` starts its own cluster and deletes it; SNAPSHOT_TEST_LAB=NAME uses one that is
up. Prints each command with its exit code and the first lines of its output, and checks them: of
the fake nodes 3 % fail, in two ways, and 1 % differ in one reading. Then a second capture is killed
at 10, 40 and 90 % of the nodes and resumed. build/fleet-drill/ keeps the page and its picture.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet import open_cluster
from benchmarks.startup import PYTHON, ZIPAPP
from kubectl_snapshot.fleet.fleet import load_fleet
from tests.cluster import support
from tests.lab import fake_nodes

KEPT = Path("build/fleet-drill")
KEY = "/proc/sys/vm/overcommit_memory"
PATH = f"OS.sysctl.{KEY}"
FAILING, DIFFERING = 0.03, 0.01
FAULTS = {"status 500": "log not served", "status 403": "log not served"}
KILLED_AT = (0.1, 0.4, 0.9)
# At the beginning, and at the end.
SHOWN_LINES = 10
MAX_PAGE_BYTES = 3_000_000
KILL_S = 600


@dataclass(frozen=True)
class Drill:
    """The cluster, a directory for captures, and which fake nodes fail and differ."""

    cluster: support.Cluster
    home: Path
    failing: list[str]
    odd: list[str]

    def run(self, *argv: str, code: int = 0) -> str:
        """Run a verb, print it, and return its stdout; RuntimeError for another exit code."""
        began = time.monotonic()
        done = subprocess.run(
            [*PYTHON, str(ZIPAPP), *argv],
            env=self.cluster.environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )
        shown = "" if done.stdout.startswith("{") else done.stdout
        lines = [line[:150] for line in (shown + done.stderr).splitlines()]
        if len(lines) > 2 * SHOWN_LINES:
            lines[SHOWN_LINES:-SHOWN_LINES] = [f"… {len(lines) - 2 * SHOWN_LINES} more lines"]
        print(f"\n$ kubectl snapshot {' '.join(argv)}", *lines, sep="\n")
        print(f"exit {done.returncode}, {time.monotonic() - began:.0f} s", flush=True)
        if done.returncode != code:
            raise RuntimeError(f"exit code {done.returncode} instead of {code}")
        return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_drill", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000)
    args = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, choose_cluster(Path(name), args.nodes) as cluster:
        drill = seed(cluster, Path(name))
        print(f"load: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
        show_capture(drill)
        show_outliers(drill)
        show_report(drill)
        show_resume(drill)
    print("\nas expected")
    return 0


@contextlib.contextmanager
def choose_cluster(home: Path, nodes: int) -> Iterator[support.Cluster]:
    name = os.environ.get("SNAPSHOT_TEST_LAB")
    if not name:
        with open_cluster(home, nodes) as cluster:
            yield cluster
        return
    with contextlib.closing(support.use_lab(name, home).client):
        yield support.use_lab(name, home)


def seed(cluster: support.Cluster, home: Path) -> Drill:
    """Give the fake nodes the document of a real one; some fail, some differ in one reading."""
    real, *_ = (name for name in cluster.nodes if not name.startswith("fake-"))
    flags = ["--node", real, "--skip", "K8s", "--skip", "NodeTopology", "-o", "json"]
    argv = [*PYTHON, str(ZIPAPP), *flags]
    done = subprocess.run(argv, env=cluster.environment(), check=True, stdout=subprocess.PIPE)
    assert cluster.state is not None
    logs = cluster.state / "fake-logs"
    for path in logs.iterdir():
        path.unlink()
    (logs / "default.json").write_bytes(done.stdout)
    fakes = [name for name in cluster.nodes if name.startswith("fake-")]
    failing = fakes[:: round(1 / FAILING)][: round(len(fakes) * FAILING)]
    rest = [name for name in fakes if name not in failing]
    odd = rest[:: round(1 / DIFFERING)][: round(len(fakes) * DIFFERING)]
    for index, name in enumerate(failing):
        (logs / f"{name}.fault").write_text(list(FAULTS)[index % len(FAULTS)])
    document = json.loads(done.stdout)
    find_sysctls(document)[KEY] = "2"
    for name in odd:
        (logs / f"{name}.json").write_text(json.dumps(document))
    return Drill(cluster, home, failing, odd)


def find_sysctls(document: dict[str, Any]) -> dict[str, Any]:
    subtypes = (s for m in document["measurements"] if m["type"] == "OS" for s in m["subtypes"])
    found: dict[str, Any] = next(s["data"] for s in subtypes if s["subtype"] == "sysctl")
    return found


def show_capture(drill: Drill) -> None:
    drill.run("--all-nodes", "-o", "fleet/", "--min-coverage", "98%", code=10)
    manifest = load_fleet(str(drill.home / "fleet")).manifest
    assert {node.name for node in manifest.nodes} == set(drill.cluster.nodes)
    missing = {node.name: node.cause for node in manifest.nodes if not node.has_file}
    expected = dict(zip(drill.failing, list(FAULTS.values()) * len(drill.failing)))
    assert missing == expected, {n: c for n, c in missing.items() if expected.get(n) != c}
    support.assert_nothing_left(drill.cluster, manifest.runs[0].run_id, within_s=60)


def show_outliers(drill: Drill) -> None:
    grouped = ("--group-by", fake_nodes_label())
    drill.run("diff", "fleet/", *grouped, code=1)
    tree = json.loads(drill.run("diff", "fleet/", *grouped, "-o", "json", code=1))
    (group,) = (group for group in tree["groups"] if "true" in group["group"].values())
    (outlier,) = group["outliers"]
    assert outlier["nodes"] == drill.odd, outlier["nodes"]
    assert [change["path"] for change in outlier["changes"]] == [PATH]
    assert sorted(one["node"] for one in tree["not-compared"]) == drill.failing
    before = outlier["changes"][0]["before"]
    drill.run("query", "fleet/", PATH, "--group")
    drill.run("check", "fleet/", "-c", f"{PATH} == {before}", "-o", "text", code=1)


def fake_nodes_label() -> str:
    """Return the label by which the real nodes, which differ in much, are apart."""
    (label,) = (key for key in fake_nodes.LABELS if key.startswith("lab/"))
    return label


def show_report(drill: Drill) -> None:
    drill.run("report", "fleet/", "-o", "fleet.html")
    page = drill.home / "fleet.html"
    size = page.stat().st_size
    print(f"{size:,} bytes")
    text = page.read_text()
    assert size <= MAX_PAGE_BYTES
    assert all(name in text for name in (*drill.odd, *drill.failing))
    shutil.copy(page, KEPT / "report.html")
    path = shutil.which("chromium")
    if path is None:
        print("no picture: chromium is missing (scripts/test-packages chromium)")
        return
    argv = [path, "--headless", "--no-sandbox", "--window-size=1280,1000", "--hide-scrollbars"]
    picture = KEPT / "report.png"
    argv += [f"--screenshot={picture}", page.as_uri()]
    subprocess.run(argv, check=True, timeout=120, stderr=subprocess.DEVNULL)


def show_resume(drill: Drill) -> None:
    """Kill a capture three times; then complete it: the full set, nothing twice, nothing left."""
    assert drill.cluster.state is not None
    for path in (drill.cluster.state / "fake-logs").glob("*.fault"):
        path.unlink()
    nodes, directory = len(drill.cluster.nodes), drill.home / "killed"
    written: dict[str, bytes] = {}
    for share in KILLED_AT:
        flags = ("--resume", "killed/") if written else ("--all-nodes", "-o", "killed/")
        run_until(drill, round(nodes * share) - len(written), *flags)
        manifest = load_fleet(str(directory)).manifest
        assert {node.name for node in manifest.nodes} == set(drill.cluster.nodes)
        found = {path.name: path.read_bytes() for path in (directory / "nodes").glob("*.yaml")}
        assert written.items() <= found.items(), "captured twice"
        print(f"killed at {share:.0%}: {len(found)} of {nodes} documents", flush=True)
        written = found
    drill.run("--resume", "killed/", "--strict")
    manifest = load_fleet(str(directory)).manifest
    assert {node.status for node in manifest.nodes} == {"captured"}
    found = {path.name: path.read_bytes() for path in (directory / "nodes").glob("*.yaml")}
    assert len(found) == nodes
    assert written.items() <= found.items(), "captured twice"
    for run in manifest.runs:
        support.assert_nothing_left(drill.cluster, run.run_id, within_s=60)
    print(f"{nodes} documents, {len(written)} of them from killed runs; nothing is left")


def run_until(drill: Drill, count: int, *flags: str) -> None:
    """Capture until so many nodes have ended, then SIGKILL."""
    argv = [*PYTHON, str(ZIPAPP), *flags, "--log-json"]
    process = subprocess.Popen(
        argv,
        env=drill.cluster.environment(),
        cwd=drill.home,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    deadline, seen = time.monotonic() + KILL_S, 0
    for line in process.stderr:
        seen += json.loads(line).get("event") == "node"
        if seen >= count or time.monotonic() > deadline:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    print(f"\n$ kubectl snapshot {' '.join(flags)}\nSIGKILL after {seen} nodes")


if __name__ == "__main__":
    sys.exit(main())
