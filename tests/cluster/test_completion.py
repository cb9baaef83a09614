"""Completion through kubectl with what a real cluster has."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.support import PYTHON, Cluster

# The program's own limit is a second; the rest is for a machine that has other things to do.
PATIENCE_S = 10

Ask = Callable[..., "list[str]"]
TRIES = 3


@pytest.fixture
def environment(cluster: Cluster, zipapp: Path, tmp_path: Path) -> dict[str, str]:
    """A home of its own, in which completion has been installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(zipapp, programs / "kubectl-snapshot")
    (programs / "python3").symlink_to(PYTHON)
    path = os.pathsep.join([str(programs), os.defpath])
    env = {**cluster.environment(), "PATH": path, "HOME": str(tmp_path)}
    env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    install = [cluster.kubectl_path, "snapshot", "completion", "bash", "--install"]
    subprocess.run(install, env=env, check=True, stdout=subprocess.DEVNULL)
    return env


@pytest.fixture
def ask(cluster: Cluster, environment: dict[str, str]) -> Ask:
    """Return the candidates that kubectl hands to a shell."""

    def run(*words: str, **env: str) -> list[str]:
        # On a busy machine an answer may be later than the deadline of a completion.
        return next(filter(None, (run_once(*words, **env) for _ in range(TRIES))), [])

    def run_once(*words: str, **env: str) -> list[str]:
        done = subprocess.run(
            [cluster.kubectl_path, "__complete", "snapshot", *words],
            env={**environment, **env},
            capture_output=True,
            text=True,
            check=True,
        )
        *lines, directive = done.stdout.splitlines()
        assert directive.startswith(":")
        return [line.partition("\t")[0] for line in lines]

    # The first start unpacks the zipapp, and what is compiled is kept.
    run("--node", "")
    return run


def test_nodes_their_labels_and_taints(cluster: Cluster, ask: Ask) -> None:
    nodes = cluster.client.get("/api/v1/nodes")["items"]
    assert ask("--node", "") == cluster.nodes
    for node in nodes:
        labels = node["metadata"]["labels"]
        assert {f"{key}=" for key in labels} <= {
            candidate.partition("=")[0] + "=" for candidate in ask("--node-selector", "")
        }
        host = labels["kubernetes.io/hostname"]
        assert f"kubernetes.io/hostname={host}" in ask("--node-selector", "kubernetes.io/hostname=")
    taints = [t for node in nodes for t in node["spec"].get("taints") or ()]
    assert len(ask("--toleration", "")) == len({json.dumps(t, sort_keys=True) for t in taints})


def test_what_a_namespace_has(cluster: Cluster, ask: Ask, namespace: str) -> None:
    def make(path: str, name: str, **body: object) -> None:
        cluster.client.call("POST", path, {"metadata": {"name": name}, **body})

    path = f"/api/v1/namespaces/{namespace}"
    make(f"{path}/serviceaccounts", "agent")
    make(f"{path}/secrets", "plain", stringData={"a": "b"})
    content = {".dockerconfigjson": json.dumps({"auths": {}})}
    kind = "kubernetes.io/dockerconfigjson"
    make(f"{path}/secrets", "registry", type=kind, stringData=content)
    assert namespace in ask("-n", namespace[:-1])
    assert ask("-n", namespace, "--service-account-name", "") == ["agent", "default"]
    assert ask(f"--namespace={namespace}", "--image-pull-secret=") == ["registry"]


def test_snapshots_in_configmaps(
    cluster: Cluster, ask: Ask, namespace: str, environment: dict[str, str]
) -> None:
    place = f"cm://{namespace}/here"
    capture = [cluster.kubectl_path, "snapshot", "--local", "-o", place]
    subprocess.run(capture, env=environment, check=True, capture_output=True)
    # A busy machine may pass the time limit of one TAB.
    assert any(place in ask("query", "cm:") for _ in range(5))


def test_who_may_list_nothing_is_offered_nothing(cluster: Cluster, ask: Ask) -> None:
    nobody = cluster.nobody_kubeconfig
    if nobody is None:
        pytest.skip("only the lab has a user without rights")
    assert ask("--node", "", KUBECONFIG=nobody) == []
    assert ask("--context", "", KUBECONFIG=nobody) != []


def test_the_second_tab_is_answered_without_the_cluster(cluster: Cluster, ask: Ask) -> None:
    if not cluster.is_lab:
        pytest.skip("only the lab has an audit log")
    ask("--runtime-class", "")
    before = cluster.audit_size()
    ask("--runtime-class", "")
    events = cluster.audit(since=before)
    uris = [
        e["requestURI"] for e in events if e.get("userAgent", "").startswith("kubectl-snapshot/")
    ]
    assert not [uri for uri in uris if "runtimeclasses" in uri]


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_is_silent_or_gone_offers_nothing_in_time(
    ask: Ask, silent_server: str
) -> None:
    for server in (silent_server, "https://127.0.0.1:1"):
        began = time.monotonic()
        assert ask("--server", server, "--insecure-skip-tls-verify", "--node", "") == []
        assert time.monotonic() - began < PATIENCE_S
