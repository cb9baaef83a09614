"""-o cm://namespace/name: written by server-side apply, read back, never over something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Measurement, Snapshot
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.snapshotter import file_serializer
from tests.aicr_gates import OLDEST, READ_BY, find_readers
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.validation import parse_valid

Run = Callable[..., Finished]

APPLY = "application/apply-patch+yaml"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def path_of(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def apply_as(
    cluster: Cluster, manager: str, namespace: str, name: str, data: dict[str, str]
) -> Any:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }
    path = f"{path_of(namespace, name)}?fieldManager={manager}"
    return cluster.client.call("PATCH", path, body, APPLY)


def test_a_configmap_is_converted_for_every_generation_of_aicr(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    uri = f"cm://{namespace}/captured"
    assert run_snapshot("-n", namespace, "--node", "node1", "-o", uri).returncode == 0
    for version, readers in READ_BY.items():
        for format_ in ("yaml", "json"):
            name = f"{version.rpartition('/')[2]}-{format_}"
            words = ["--api-version", version, "-t", format_, "-o", f"cm://{namespace}/{name}"]
            ended = run_snapshot("convert", uri, *words)
            assert ended.returncode == 0, ended.stderr
            written = cluster.client.get(path_of(namespace, name))["data"]
            assert written["format"] == format_
            document = yaml.safe_load(written[f"snapshot.{format_}"])
            assert find_readers(document) == readers
            assert ("fingerprint" in document) == (version != OLDEST)
            assert run_snapshot("diff", uri, f"cm://{namespace}/{name}", "--strict").returncode == 0


def test_a_snapshot_is_written_with_the_references_keys_and_labels_and_read_back(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    uri = f"cm://{namespace}/node1"
    ended = run_snapshot("-n", namespace, "--node", "node1", "-o", uri, "-o", "-")
    assert ended.returncode == 0, ended.stderr
    assert f"snapshot of node1 written to {uri}" in ended.stderr
    written = cluster.client.get(path_of(namespace, "node1"))
    assert set(written["data"]) == {"snapshot.yaml", "format", "timestamp"}
    assert written["data"]["format"] == "yaml"
    assert written["data"]["snapshot.yaml"] == ended.stdout
    snapshot = parse_valid(ended.stdout)
    assert written["metadata"]["labels"] == {
        "app.kubernetes.io/name": "aicr",
        "app.kubernetes.io/component": "Snapshot",
        "app.kubernetes.io/version": snapshot.metadata["version"],
    }
    assert_nothing_left(cluster)
    queried = run_snapshot("query", uri, "metadata.run-id", "metadata.source-node", "-o", "value")
    assert queried.stdout == f"{snapshot.metadata['run-id']}\nnode1\n"


def test_a_second_snapshot_takes_the_place_of_the_first(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["--local", "-o", f"cm://{namespace}/here"]
    assert run_snapshot(*words).returncode == 0
    uid = cluster.client.get(path_of(namespace, "here"))["metadata"]["uid"]
    ended = run_snapshot(*words, "-t", "json")
    assert ended.returncode == 0, ended.stderr
    written = cluster.client.get(path_of(namespace, "here"))
    assert written["metadata"]["uid"] == uid
    assert set(written["data"]) == {"snapshot.json", "format", "timestamp"}
    assert json.loads(written["data"]["snapshot.json"])["metadata"]["mode"] == "local"
    assert run_snapshot("query", f"cm://{namespace}/here", "metadata.mode").stdout == "local\n"


def test_a_table_is_written_under_the_references_key_and_not_read_back(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    uri = f"cm://{namespace}/here"
    # The keys of the document that was there do not stay beside the table's.
    for words in ([], ["-t", "table"]):
        ended = run_snapshot("--local", "-o", uri, *words)
        assert ended.returncode == 0, ended.stderr
    data = cluster.client.get(path_of(namespace, "here"))["data"]
    assert set(data) == {"snapshot.txt", "format", "timestamp"}
    assert data["format"] == "table"
    assert data["snapshot.txt"].startswith("PATH ")
    read = run_snapshot("query", uri, "OS")
    assert read.returncode == 2
    assert "it has a table, which cannot be read back" in read.stderr


def test_a_document_bears_the_version_that_was_asked_for_and_is_read_back(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    uri = f"cm://{namespace}/here"
    ended = run_snapshot("--local", "--api-version", "aicr.run/v1", "-o", uri)
    assert ended.returncode == 0, ended.stderr
    text = cluster.client.get(path_of(namespace, "here"))["data"]["snapshot.yaml"]
    assert "\napiVersion: aicr.run/v1\n" in text
    queried = run_snapshot("query", uri, "metadata.mode")
    assert (queried.stdout, queried.stderr) == ("local\n", "")


def test_what_the_reference_has_written_is_read_and_replaced(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    text = (
        "kind: Snapshot\napiVersion: aicr.run/v1\nmetadata:\n    source-node: old\n"
        "measurements:\n    - type: OS\n      subtypes:\n        - subtype: release\n"
        "          data:\n            ID: ubuntu\n"
    )
    data = {"snapshot.yaml": text, "format": "yaml", "timestamp": "2026-01-01T00:00:00Z"}
    apply_as(cluster, "aicr", namespace, "aicr-snapshot", data)
    uri = f"cm://{namespace}/aicr-snapshot"
    queried = run_snapshot("query", uri, "metadata.source-node", "OS.release.ID", "-o", "value")
    assert (queried.stdout, queried.stderr) == ("old\nubuntu\n", "")
    ended = run_snapshot("--local", "-o", uri)
    assert ended.returncode == 0, ended.stderr
    assert run_snapshot("query", uri, "metadata.mode").stdout == "local\n"


def test_a_configmap_of_something_else_is_left_alone_before_anything_is_made(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    apply_as(cluster, "someone", namespace, "coredns", {"Corefile": ".:53 {}", "format": "mine"})
    before = cluster.client.get(path_of(namespace, "coredns"))
    ended = run_snapshot("-n", namespace, "-o", f"cm://{namespace}/coredns")
    assert ended.returncode == 2
    assert "is not a snapshot's\n  why: it has the key Corefile" in ended.stderr
    assert "starting the agent" not in ended.stderr
    assert run_snapshot("--local", "-o", f"cm://{namespace}/coredns").returncode == 2
    assert cluster.client.get(path_of(namespace, "coredns")) == before
    read = run_snapshot("query", f"cm://{namespace}/coredns", "OS")
    assert read.returncode == 3
    assert "\n  why: its keys are Corefile, format" in read.stderr


def test_an_immutable_one_is_refused_before_anything_is_made(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    uri = f"cm://{namespace}/kept"
    assert run_snapshot("--local", "-o", uri).returncode == 0
    cluster.client.patch(path_of(namespace, "kept"), {"immutable": True})
    ended = run_snapshot("-n", namespace, "-o", uri)
    assert ended.returncode == 2
    assert "immutable" in ended.stderr
    assert "starting the agent" not in ended.stderr


def test_what_is_too_big_is_an_error_with_its_size(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["--node", cluster.nodes[-1], "--systemd-service", "*"]
    ended = run_snapshot("-n", namespace, *words, "-o", f"cm://{namespace}/big")
    if ended.returncode == 0:
        pytest.skip("this node has too few units to fill a ConfigMap")
    assert ended.returncode == 2
    assert "the snapshot is too large for a ConfigMap: " in ended.stderr
    assert "why: the limit is 1048576 bytes" in ended.stderr
    assert_nothing_left(cluster)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-o", "cm://no-such-namespace/a"], 3, 'namespaces "no-such-namespace" not found'),
        (["-o", "cm://default/a", "--as", "nobody"], 4, 'cannot patch resource "configmaps"'),
    ],
)
def test_a_place_that_cannot_be_written_to_is_reported_before_anything_is_made(
    run_snapshot: Run, namespace: str, words: list[str], code: int, said: str
) -> None:
    ended = run_snapshot("-n", namespace, *words)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "starting the agent" not in ended.stderr


def test_the_rights_that_the_page_names_are_enough(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    roles = f"{RBAC}/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch", "create"]}
    cluster.client.call("POST", f"{roles}/roles", {"metadata": {"name": "writer"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "writer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writer"},
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "cm-writer"}
        ],
    }
    cluster.client.call("POST", f"{roles}/rolebindings", binding)
    ended = run_snapshot("--local", "-o", f"cm://{namespace}/mine", "--as", "cm-writer")
    assert ended.returncode == 0, ended.stderr
    read = run_snapshot("query", f"cm://{namespace}/mine", "OS", "--as", "cm-writer")
    assert read.returncode == 4


def test_the_library_writes_one_too(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig)
    snapshot = Snapshot({"source-node": "gpu-17", "version": "v1"}, (Measurement("OS"),))
    with file_serializer(f"cm://{namespace}/library") as serializer:
        serializer.serialize(snapshot)
    written = cluster.client.get(path_of(namespace, "library"))
    assert parse_document(written["data"]["snapshot.yaml"]) == snapshot
    apply_as(cluster, "someone", namespace, "taken", {"mine": "1"})
    with pytest.raises(InvalidRequest, match="is not a snapshot's"):
        file_serializer(f"cm://{namespace}/taken").serialize(snapshot)


def test_one_that_is_not_there_is_not_found(run_snapshot: Run, namespace: str) -> None:
    ended = run_snapshot("query", f"cm://{namespace}/none", "OS")
    assert ended.returncode == 3
    assert f"cannot read ConfigMap {namespace}/none" in ended.stderr
