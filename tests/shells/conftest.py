"""The built file and kubectl in a home of their own, and a cluster that answers what they ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.http_server import Exchange, Server, serve
from tests.servers.kubeconfigs import write_kubeconfig
from tests.shells.shell import SETUP, Shell, open_shell

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist" / "kubectl-snapshot"
LAB_KUBECTL = "kubectl-snapshot-lab/*/bin/kubectl"

NODES = [
    {
        "metadata": {"name": name, "labels": {"pool": pool, "node.example.com/a-b": "c"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "yes", "effect": "NoSchedule"}]},
    }
    for name, pool in (("cpu-1", "cpu"), ("gpu-17", "gpu"))
]
ANSWERS = {"/api/v1/nodes": NODES, "/api/v1/namespaces": [{"metadata": {"name": "ops"}}]}


def find_kubectl() -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = shutil.which("kubectl") or next(map(str, cache.glob(LAB_KUBECTL)), "")
    if not found and os.environ.get("SNAPSHOT_REQUIRE_CLUSTER") != "1":
        pytest.skip("kubectl is neither on the PATH nor built by tests/lab")
    assert found, "kubectl is neither on the PATH nor built by tests/lab"
    return found


def answer(exchange: Exchange) -> None:
    items = ANSWERS.get(exchange.path.partition("?")[0])
    exchange.send(403 if items is None else 200, {"items": items or []})


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serve(answer) as running:
        yield running


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """A home with programs in bin/ and a kubeconfig, in which completion has been installed."""
    assert DIST.exists(), "there is no dist/kubectl-snapshot: run make zipapp"
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    (home / ".kube").mkdir()
    (home / "work").mkdir()
    (home / "work" / "snap.yaml").touch()
    shutil.copy(DIST, home / "bin")
    (home / "bin" / "kubectl").symlink_to(find_kubectl())
    (home / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    path = Path(write_kubeconfig(home / ".kube" / "config", {"server": server.url}))
    config = json.loads(path.read_text())
    config["contexts"].append({"name": "arn:aws:eks:one/two", "context": {"cluster": "test"}})
    path.write_text(json.dumps(config))
    command = ["kubectl", "snapshot", "completion", "bash", "--install"]
    subprocess.run(command, env=environment_of(home), check=True, stdout=subprocess.DEVNULL)
    warm_up(home)
    return home


def warm_up(home: Path) -> None:
    """Have everything unpacked and compiled: until then an answer may come too late."""
    shim = [str(home / "bin" / "kubectl_complete-snapshot"), "--node", ""]
    for _ in range(20):
        done = subprocess.run(shim, env=environment_of(home), stdout=subprocess.PIPE, check=True)
        if b"gpu-17" in done.stdout:
            return
    raise AssertionError("the API server's nodes are not offered")


def environment_of(home: Path) -> dict[str, str]:
    path = os.pathsep.join([str(home / "bin"), os.defpath])
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}


@pytest.fixture(scope="session", params=SETUP)
def shell(request: pytest.FixtureRequest, home: Path) -> Iterator[Shell]:
    with open_shell(request.param, environment_of(home), home / "work") as opened:
        yield opened
