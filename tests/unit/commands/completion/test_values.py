from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.commands.completion.answer import find_completion
from kubectl_snapshot.commands.completion.values import filter_labels
from tests.servers.http_server import Exchange, Server, serve
from tests.servers.kubeconfigs import write_kubeconfig

LABELS = ["pool=cpu", "pool=gpu", "zone=a", "zoo=b"]
NODE: dict[str, Any] = {
    "metadata": {"name": "gpu-17", "labels": {"pool": "gpu", "nvidia.com/gpu.present": "true"}},
    "spec": {
        "taints": [
            {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
            {"key": "drained", "effect": "NoExecute"},
        ]
    },
}
ANSWERS = {
    "/api/v1/nodes": [NODE],
    "/api/v1/namespaces": [{"metadata": {"name": "ops"}}, {"metadata": {"name": "other"}}],
    "/api/v1/namespaces/ops/serviceaccounts": [{"metadata": {"name": "agent"}}],
    "/apis/node.k8s.io/v1/runtimeclasses": [{"metadata": {"name": "nvidia"}}],
    "/api/v1/configmaps": [{"metadata": {"namespace": "ops", "name": "gpu-17"}}],
}


@pytest.mark.parametrize(
    ("prefix", "offered"),
    [
        ("", ["pool=", "zone=", "zoo="]),
        ("z", ["zone=", "zoo="]),
        ("po", ["pool=cpu", "pool=gpu"]),
        ("pool=", ["pool=cpu", "pool=gpu"]),
        ("pool=g", ["pool=gpu"]),
        ("x", []),
    ],
)
def test_keys_of_labels_come_first_and_values_once_one_is_left(
    prefix: str, offered: list[str]
) -> None:
    assert filter_labels(LABELS, prefix) == offered


def answer(exchange: Exchange) -> None:
    path, _, query = exchange.path.partition("?")
    if path.endswith("/ops/secrets"):
        name = "json" if "dockerconfigjson" in query else "cfg"
        exchange.send(200, {"items": [{"metadata": {"name": name}}]})
    elif path in ANSWERS:
        exchange.send(200, {"items": ANSWERS[path]})
    else:
        exchange.send(403, {"message": "no"})


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(answer) as running:
        yield running


@pytest.fixture
def env(server: Server, tmp_path: Path) -> dict[str, str]:
    path = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url}, namespace="ops")
    (tmp_path / "cache").mkdir()
    return {"KUBECONFIG": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def candidates(env: dict[str, str], *words: str) -> list[str]:
    # Not the limit of the program: what a test imports first takes its time.
    return list(find_completion(words[:-1], words[-1], env, limit_s=20).candidates)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["--node", ""], ["gpu-17"]),
        (["--node=g"], ["gpu-17"]),
        (["--node-selector", ""], ["nvidia.com/gpu.present=", "pool="]),
        (["--node-selector", "nvidia.com/gpu.present="], ["nvidia.com/gpu.present=true"]),
        (["--node-selector=po"], ["pool=gpu"]),
        (["--node-selector", "pool=gpu", "--node-selector", "nv"], ["nvidia.com/gpu.present=true"]),
        (["--toleration", ""], ["drained:NoExecute", "nvidia.com/gpu=present:NoSchedule"]),
        (["-n", "o"], ["ops", "other"]),
        (["--helm-namespace", "op"], ["ops"]),
        (["--image-pull-secret", ""], ["cfg", "json"]),
        (["--service-account-name", ""], ["agent"]),
        (["-n", "other", "--service-account-name", ""], []),
        (["--runtime-class", ""], ["nvidia"]),
        (["--collect", ""], [*ALL_COLLECTORS]),
        (["rbac", "--skip=OS,G"], ["OS,GPU"]),
        (["query", "cm:"], ["cm://ops/gpu-17"]),
        (["--context", ""], ["test"]),
        (["--cluster", ""], ["test"]),
        (["--user", ""], ["someone"]),
        (["rbac", "--service-account-name", ""], ["agent"]),
    ],
)
def test_values_are_those_of_kubeconfig_and_cluster(
    env: dict[str, str], words: list[str], offered: list[str]
) -> None:
    assert candidates(env, *words) == offered


def test_names_are_read_from_a_table_without_objects(tmp_path: Path) -> None:
    def answer_in_a_table(exchange: Exchange) -> None:
        assert exchange.headers["Accept"].startswith("application/json;as=Table;")
        assert "includeObject=None" in exchange.path and "resourceVersion=0" in exchange.path
        columns = [{"name": "Status", "format": ""}, {"name": "Name", "format": "name"}]
        rows = [{"cells": ["Ready", f"n{number}"], "object": None} for number in (2, 1)]
        exchange.send(200, {"kind": "Table", "columnDefinitions": columns, "rows": rows})

    with serve(answer_in_a_table) as server:
        path = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url})
        assert candidates({"KUBECONFIG": path}, "--node", "") == ["n1", "n2"]


def test_only_metadata_is_asked_for_where_that_tells_enough(
    server: Server, env: dict[str, str]
) -> None:
    candidates(env, "--image-pull-secret", "")
    candidates(env, "--node", "")
    assert len(server.seen) == 3
    assert all("PartialObjectMetadataList" in seen.headers["Accept"] for seen in server.seen)


def test_the_second_press_of_tab_asks_nobody(server: Server, env: dict[str, str]) -> None:
    first = candidates(env, "--node", "")
    assert candidates(env, "--node", "gpu") == first == ["gpu-17"]
    assert len(server.seen) == 1


def test_another_namespace_is_asked_for_its_own(server: Server, env: dict[str, str]) -> None:
    assert candidates(env, "--service-account-name", "") == ["agent"]
    assert candidates(env, "-n", "other", "--service-account-name", "") == []


def test_what_is_kept_is_for_its_user_alone_and_holds_no_login(
    env: dict[str, str], tmp_path: Path
) -> None:
    candidates(env, "--node", "")
    candidates(env, "--token", "secret", "--toleration", "")
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [json.loads(path.read_text()) for path in files] == [["gpu-17"]]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]
    assert files[0].parent.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_written_is_done_without(env: dict[str, str]) -> None:
    assert candidates({**env, "XDG_CACHE_HOME": "/dev/null"}, "--node", "") == ["gpu-17"]


@contextmanager
def silent_server() -> Iterator[Server]:
    with serve(lambda exchange: exchange.stopped.wait(20) and None) as running:
        yield running


def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with silent_server() as server:
        path = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url})
        env = {"KUBECONFIG": path}
        assert candidates(env, "--context", "") == ["test"]
        began = time.monotonic()
        assert find_completion(["--node"], "", env, limit_s=0.2).candidates == {}
        assert time.monotonic() - began < 5


def test_a_search_that_is_late_gives_nothing_rather_than_a_part() -> None:
    from argparse import Namespace

    from kubectl_snapshot.commands.completion.values import PartialCommand, run_until_deadline

    ended = threading.Event()

    def search(partial: PartialCommand) -> list[str]:
        ended.wait(5)
        return ["late"]

    partial = PartialCommand(Namespace(), {}, time.monotonic() + 0.05)
    assert run_until_deadline(search, partial) == []
    ended.set()
