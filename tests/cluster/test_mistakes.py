"""tests/corpora/cli/mistakes.yaml with a cluster at hand: nothing is created in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import support
from tests.lab.machine import PATIENCE_S
from tests.mistakes import Answer, Case, find_faults, read_cases, write_files


@pytest.fixture(scope="module")
def nothing_made(cluster: support.Cluster) -> Iterator[None]:
    before = support.ours(cluster)
    yield
    assert support.ours(cluster) == before


@pytest.mark.usefixtures("nothing_made")
@pytest.mark.parametrize("case", read_cases())
def test_a_mistake_has_its_answer_on_a_cluster(
    case: Case, cluster: support.Cluster, zipapp: Path, tmp_path: Path
) -> None:
    if case["needs_cluster"] and "node2" not in cluster.nodes:
        pytest.skip("this needs the lab's nodes, node1 and node2")
    write_files(tmp_path)
    done = subprocess.run(
        [support.PYTHON, str(zipapp), *case["argv"]],
        cwd=tmp_path,
        env=cluster.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert find_faults(case, answer, tmp_path) == [], done.stderr


@pytest.mark.parametrize("verb", [[], ["preflight"]])
def test_a_missing_node_is_found_before_anything_is_created(
    verb: list[str], run_snapshot: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_snapshot(*verb, "--node", "no-such-node")
    assert done.returncode == 3
    assert 'node "no-such-node" not found' in done.stdout + done.stderr
    assert "kubectl get nodes" in done.stdout + done.stderr
