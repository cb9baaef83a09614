"""What the pod tells of its times reaches the file of metrics; what it makes up does not."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_snapshot.collectors.node_collectors import NODE_MODULES
from tests import prometheus
from tests.cluster.conftest import Finished, Started
from tests.cluster.lying_agent import make_lying_agent
from tests.cluster.support import Cluster, assert_nothing_left
from tests.lab.machine import PATIENCE_S
from tests.validation import parse_valid

Run = Callable[..., Finished]

CLUSTER_COLLECTORS = ("K8s", "NodeTopology")

# Times that it cannot know, cannot be, and one that is its own.
LIES = """
for collector, elapsed in [("K8s", 7), ("Made-up", 7), ("GPU", 10**9), ("SystemD", -1), ("OS", 3)]:
    event = {"collector": collector, "event": "finished", "status": "ok", "elapsed-ms": elapsed}
    print(frame.render_progress(event), flush=True)
metadata = {"version": "0", "source-node": "other", "timestamp": "2026-11-23T08:00:00Z"}
send(json.dumps({"kind": "Snapshot", "apiVersion": "aicr.nvidia.com/v1alpha1",
                 "metadata": metadata, "measurements": []}).encode())
return 0
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "snapshot.prom"


@pytest.mark.parametrize("scope", ["client", "agent"])
def test_the_times_of_all_collectors_are_those_of_events_and_document(
    cluster: Cluster, run_snapshot: Run, namespace: str, path: Path, scope: str
) -> None:
    node = cluster.nodes[-1]
    words = ["--node", node, "--cluster-scope", scope, "--log-json", "--metrics-file", str(path)]
    ended = run_snapshot("-n", namespace, *words)
    assert ended.returncode == 0, ended.stderr
    found = prometheus.read_metrics(path.read_text())
    prometheus.assert_recent(found, node)
    assert found[prometheus.SUCCESS] == {(node,): 1}

    events = [json.loads(line) for line in ended.stderr.splitlines()]
    reported = {e["collector"]: e["elapsed-ms"] for e in events if e["event"] == "finished"}
    assert set(reported) == {*NODE_MODULES, *CLUSTER_COLLECTORS}
    seconds = found[prometheus.COLLECTOR_DURATION]
    assert seconds == {(node, name): ms / 1000 for name, ms in reported.items()}

    longest = 0
    for measurement in parse_valid(ended.stdout).measurements:
        parts = [int(subtype.context["elapsed-ms"]) for subtype in measurement.subtypes]
        whole = reported[measurement.type]
        # Each part is rounded; what a collector does after its last part is in no part.
        assert sum(parts) <= whole + len(parts) / 2 + 1, measurement.type
        longest = max(longest, *parts)
        gaps = [s for s in measurement.subtypes if s.status not in ("ok", "absent")]
        assert found[prometheus.GAPS][(node, measurement.type)] == len(gaps)
    assert longest > 0


def test_a_capture_that_is_refused_leaves_a_file_that_says_so(
    cluster: Cluster, run_snapshot: Run, restricted_namespace: str, path: Path
) -> None:
    words = ["-n", restricted_namespace, "--node", cluster.nodes[0], "--metrics-file", str(path)]
    assert run_snapshot(*words).returncode == 4
    found = prometheus.read_metrics(path.read_text())
    prometheus.assert_recent(found, cluster.nodes[0])
    assert found[prometheus.SUCCESS] == {(cluster.nodes[0],): 0}
    assert found[prometheus.COLLECTOR_DURATION] == {}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_capture_leaves_a_file_that_says_so(
    cluster: Cluster,
    start_snapshot: Callable[..., Started],
    namespace: str,
    path: Path,
    number: int,
    code: int,
) -> None:
    words = ["--node-selector", "no-such/label=x", "--wait-for-schedule", "-n", namespace]
    process = start_snapshot(*words, "--metrics-file", str(path))
    assert process.stderr is not None
    assert "starting the agent" in process.stderr.readline()
    process.send_signal(number)
    assert process.wait(timeout=PATIENCE_S) == code
    found = prometheus.read_metrics(path.read_text())
    prometheus.assert_recent(found, "")
    assert found[prometheus.SUCCESS] == {("",): 0}
    assert_nothing_left(cluster)


def test_a_node_is_believed_about_its_own_collectors_alone(
    cluster: Cluster,
    run_snapshot: Run,
    zipapp: Path,
    namespace: str,
    path: Path,
    tmp_path: Path,
) -> None:
    lying = make_lying_agent(zipapp, tmp_path / "lying-agent", LIES)
    words = ["--cluster-scope", "skip", "--log-json", "--metrics-file", str(path)]
    ended = run_snapshot("-n", namespace, *words, env={"KUBECTL_SNAPSHOT_ZIPAPP": str(lying)})
    assert ended.returncode == 0, ended.stderr
    found = prometheus.read_metrics(path.read_text())
    assert [node for (node,) in found[prometheus.SUCCESS]] != [""]
    assert {name: s for (_, name), s in found[prometheus.COLLECTOR_DURATION].items()} == {
        "OS": 0.003
    }
    assert "Made-up" not in ended.stderr
    assert_nothing_left(cluster)
