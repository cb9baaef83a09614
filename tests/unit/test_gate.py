"""gate.sh of docs/examples, and the pipelines of its page: their shell, with a kubectl of ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from tests import docs_support as docs

PAGE = "docs/howto/gate-a-rollout-in-ci.md"
GATE = docs.ROOT / "docs" / "examples" / "gate" / "gate.sh"
RULE = "- {name: gpus, constraint: GPU.smi.gpu-count == 8}\n"
# Nodes of the cluster are in $NODES; a file of that name holds how its capture ends.
KUBECTL = f"""#!/bin/sh
if [ "$1" = get ]; then
    for node in $NODES; do echo "node/$node"; done
    exit
fi
shift
if [ "$1" != --node ]; then
    PYTHONPATH="{docs.ROOT}" exec "{sys.executable}" -m kubectl_snapshot "$@"
fi
node=$2 output=$5
[ -e "$HOME/$node" ] && exit "$(cat "$HOME/$node")"
cp "{docs.ROOT}/docs/examples/snapshots/$node.yaml" "$output"
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A checkout of a pipeline: the script, rules that one of the two nodes breaks, the program."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "kubectl").write_text(KUBECTL)
    (tmp_path / "tools" / "kubectl").chmod(0o755)
    (tmp_path / "kubectl-snapshot").touch()
    (tmp_path / "rules.yaml").write_text(RULE)
    shutil.copy(GATE, tmp_path)
    return tmp_path


def run(here: Path, text: str, nodes: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": f"{here / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(here),
        "NODES": nodes,
        "LANG": "C.UTF-8",
        "GATE_KUBECONFIG": "kubeconfig",
        "GITHUB_PATH": str(here / "github-path"),
        "GITHUB_STEP_SUMMARY": str(here / "summary.md"),
    }
    command = ["bash", "-e", "-c", text]
    return subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((0, 0), 0),
        ((10, 0), 10),
        ((10, 5), 5),
        ((5, 10), 5),
        ((6, 4), 4),
        ((4, 6), 4),
        ((8, 7), 8),
        ((3, 10), 3),
        ((2, 5), 2),
        ((7, 8), 8),
        ((4, 8), 4),
        ((143, 1), 143),
    ],
)
def test_the_gate_exits_with_the_worst_code(here: Path, codes: tuple[int, int], worst: int) -> None:
    (here / "rules.yaml").write_text("- {name: any, constraint: OS.release.ID != none}\n")
    names = ("gpu-17", "gpu-23")
    for name, code in zip(names, codes):
        if code:
            (here / name).write_text(str(code))
    done = run(here, "sh gate.sh a=b rules.yaml gate", " ".join(names))
    assert done.returncode == worst, done.stdout + done.stderr


@pytest.mark.parametrize("nodes", ["gpu-17 gpu-23 gone", "gone gpu-23 gpu-17"])
def test_a_broken_rule_is_worse_than_a_node_without_a_result(here: Path, nodes: str) -> None:
    (here / "gone").write_text("4")
    done = run(here, "sh gate.sh a=b rules.yaml gate", nodes)
    assert done.returncode == 1, done.stdout + done.stderr
    assert (here / "gate" / "gpu-17.xml").exists() and (here / "gate" / "gpu-23.xml").exists()


def test_no_node_is_no_success(here: Path) -> None:
    done = run(here, "sh gate.sh a=b rules.yaml gate", "")
    assert (done.returncode, done.stderr) == (3, "error: no node has the label a=b\n")


def read_steps() -> dict[str, list[str]]:
    """Return the shell of each pipeline on the page, a text a step."""
    gitlab, github, jenkins = (b.text for b in docs.read_blocks("", "text") if b.page == PAGE)
    [job] = yaml.safe_load(gitlab).values()
    steps = [s["run"] for s in yaml.safe_load(github)["node-gate"]["steps"] if "run" in s]
    shell = textwrap.dedent(re.findall(r"'''\n(.*?)'''", jenkins, re.DOTALL)[0])
    return {"gitlab": ["\n".join(job["script"])], "github": steps, "jenkins": [shell]}


@pytest.mark.parametrize("system", ["gitlab", "github", "jenkins"])
@pytest.mark.parametrize(("nodes", "code"), [("gpu-17", 0), ("gpu-17 gpu-23", 1)])
def test_the_pipelines_of_the_page_pass_and_fail(
    here: Path, system: str, nodes: str, code: int
) -> None:
    ended = [run(here, step, nodes) for step in read_steps()[system]]
    assert max(done.returncode for done in ended) == code, [done.stderr for done in ended]
    assert (here / "bin" / "kubectl-snapshot").exists()
    assert sorted(path.name for path in (here / "gate").glob("*.xml")) == [
        f"{node}.xml" for node in nodes.split()
    ]
    if system == "github":
        assert (here / "summary.md").read_text()
        assert (here / "gate.kubeconfig").read_text() == "kubeconfig"
