"""The script of docs/howto/gate-a-rollout-in-ci.md where nodes do not pass."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import prometheus
from tests.cluster.support import ROOT, Cluster, assert_nothing_left, run

GATE = str(ROOT / "docs" / "examples" / "gate" / "gate.sh")
RULE = "- {{name: node, constraint: K8s.node.{}}}\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


def gate(cluster: Cluster, zipapp: Path, rules: Path, *flags: str) -> tuple[int, str]:
    words = ["sh", GATE, "kubernetes.io/os=linux", str(rules), str(rules.parent / "gate"), *flags]
    ended = run(words, {**cluster.environment(), "KUBECTL_SNAPSHOT_ZIPAPP": str(zipapp)}, 120)
    return ended.returncode, ended.stdout + ended.stderr


def test_one_node_that_fails_stops_the_rollout_after_all_were_looked_at(
    cluster: Cluster, zipapp: Path, namespace: str, rules: Path
) -> None:
    first, last = cluster.nodes[0], cluster.nodes[-1]
    rules.write_text(RULE.format(f"source-node != {first}"))
    code, reported = gate(cluster, zipapp, rules, "-n", namespace)
    assert code == 1, reported
    (suite,) = ElementTree.parse(rules.parent / "gate" / f"{first}.xml").getroot()
    assert suite.get("failures") == "1"
    (suite,) = ElementTree.parse(rules.parent / "gate" / f"{last}.xml").getroot()
    assert suite.get("failures") == ("1" if first == last else "0")
    assert_nothing_left(cluster)


def test_what_nobody_knows_stops_the_rollout(
    cluster: Cluster, zipapp: Path, namespace: str, rules: Path
) -> None:
    rules.write_text(RULE.format("provider-id == x"))
    code, reported = gate(cluster, zipapp, rules, "-n", namespace)
    assert code == 10, reported


def test_a_node_that_cannot_be_captured_leaves_nothing_that_could_pass_for_it(
    cluster: Cluster, zipapp: Path, restricted_namespace: str, rules: Path
) -> None:
    node = cluster.nodes[0]
    directory = rules.parent / "gate"
    directory.mkdir()
    for ending in ("yaml", "xml"):
        (directory / f"{node}.{ending}").write_text("of an earlier run")
    rules.write_text(RULE.format(f"source-node == {node}"))
    code, reported = gate(cluster, zipapp, rules, "-n", restricted_namespace)
    assert code == 4, reported
    assert {path.suffix for path in directory.iterdir()} == {".prom"}
    found = prometheus.read_metrics((directory / f"{node}.prom").read_text())
    assert found[prometheus.SUCCESS] == {(node,): 0}
