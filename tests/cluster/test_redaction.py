"""What leaves a node and a cluster: tokens for secrets by one key, and nothing of either."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left, ours
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

NODES = ("node1", "node2")
UNIT = "snapshot-test-secrets.service"
UNIT_FILE = f"/run/systemd/system/{UNIT}"
PASSWORD = "Tr0ub4dor" + "-and-3"
PHRASE = "correct horse" + " battery staple"
TOKEN = re.compile(r"redacted:hmac-sha256:[0-9a-f]{16}")


@pytest.fixture(scope="module")
def unit(cluster: Cluster) -> Iterator[str]:
    """A unit of both nodes that is never started, with secrets where units have them."""
    proxy = f"https://user:{PASSWORD}@proxy.example:3128"
    lines = [
        "[Service]",
        f'Environment="APP_PASSWORD={PHRASE}" MODE=fast HTTPS_PROXY={proxy}',
        f"ExecStart=/bin/echo --token {PASSWORD} --mode=fast",
        f'ExecStopPost=/bin/sh -c "exec echo --password={PASSWORD} --fast"',
    ]
    write = f"printf '%s\\n' {' '.join(map(quote, lines))} > {UNIT_FILE}; systemctl daemon-reload"
    for node in NODES:
        cluster.node_exec(node, "sh", "-c", write)
    yield UNIT
    for node in NODES:
        cluster.node_exec(node, "sh", "-c", f"rm {UNIT_FILE}; systemctl daemon-reload")


def quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.fixture
def release(cluster: Cluster, namespace: str) -> str:
    """A Helm release of the namespace, as Helm stores it, with the same password in its values."""
    content = {
        "name": "app",
        "namespace": namespace,
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "app", "version": "1.0.0"}},
        "config": {"auth": {"password": PASSWORD}, "replicas": 3},
    }
    packed = b64encode(gzip.compress(json.dumps(content).encode()))
    secret = {
        "metadata": {
            "name": "sh.helm.release.v1.app.v1",
            "labels": {"owner": "helm", "status": "deployed", "name": "app", "version": "1"},
        },
        "type": "helm.sh/release.v1",
        "data": {"release": b64encode(packed).decode()},
    }
    cluster.client.call("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
    return "app"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32) + "\n")
    return path


@pytest.fixture
def limited_user(cluster: Cluster, namespace: str) -> str:
    """A user who may run a capture in the namespace and make no Secret."""
    rules = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "patch", "delete"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    group = "rbac.authorization.k8s.io"
    path = f"/apis/{group}/v1/namespaces/{namespace}"
    cluster.client.call("POST", f"{path}/roles", {"metadata": {"name": "few"}, "rules": rules})
    binding = {
        "metadata": {"name": "few"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "few"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "limited"}],
    }
    cluster.client.call("POST", f"{path}/rolebindings", binding)
    return "limited"


def capture(run: Run, namespace: str, *words: str) -> tuple[Snapshot, Finished]:
    ended = run("-n", namespace, "--systemd-service", UNIT, *words)
    assert ended.returncode == 0, ended.stderr
    return parse_valid(ended.stdout), ended


def environment_of(snapshot: Snapshot) -> str:
    return str(subtype(snapshot, "SystemD", UNIT).data["Environment"])


def proxy_token(snapshot: Snapshot) -> str:
    (token,) = re.findall(f"https://user:({TOKEN.pattern})@", environment_of(snapshot))
    return str(token)


def read_kept_log(cluster: Cluster, namespace: str) -> str:
    """Return what the agent wrote, its frame unpacked."""
    core = f"/api/v1/namespaces/{namespace}/pods"
    (pod,) = cluster.client.get(core)["items"]
    log = cluster.kubectl("logs", "-n", namespace, pod["metadata"]["name"]).stdout
    frame = [line.split(" ") for line in log.splitlines() if ":frame1 " in line][1:-1]
    packed = b"".join(b64decode(words[-1]) for words in sorted(frame, key=lambda w: int(w[2])))
    return log + gzip.decompress(packed).decode()


def delete_job(cluster: Cluster, namespace: str, run_id: str) -> None:
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/kubectl-snapshot-{run_id}"
    cluster.client.call("DELETE", path, {"propagationPolicy": "Background"})
    assert_nothing_left(cluster, run_id)


def test_both_halves_have_equal_tokens_for_equal_secrets(
    run_snapshot: Run, namespace: str, unit: str, release: str
) -> None:
    words = ["--node", "node2", "--helm-namespace", namespace, "-v", "--debug"]
    snapshot, ended = capture(run_snapshot, namespace, *words)
    assert PASSWORD not in ended.stdout + ended.stderr
    assert "horse" not in ended.stdout + ended.stderr
    assert "redaction" not in snapshot.metadata
    helm = subtype(snapshot, "K8s", "helm").data
    token = helm["app.values.auth.password"]
    assert TOKEN.fullmatch(str(token))
    assert helm["app.values.replicas"] == "3"
    data = subtype(snapshot, "SystemD", unit).data
    assert data["Environment"] == (
        f"[APP_PASSWORD={TOKEN.findall(environment_of(snapshot))[0]} MODE=fast "
        f"HTTPS_PROXY=https://user:{token}@proxy.example:3128]"
    )
    assert f"[/bin/echo --token {token} --mode=fast]" in str(data["ExecStart"])
    assert f"exec echo --password={token} --fast]" in str(data["ExecStopPost"])
    paths = snapshot.metadata["redacted"].split(",")
    assert {"K8s.helm.app.values.auth.password", f"SystemD.{unit}.Environment"} <= set(paths)


def test_the_agents_log_has_tokens_and_its_secret_goes_with_the_job(
    cluster: Cluster, run_snapshot: Run, namespace: str, unit: str, key_file: Path
) -> None:
    words = ["--node", "node2", "--no-cleanup", "--redact-key-file", str(key_file)]
    snapshot, ended = capture(run_snapshot, namespace, *words)
    log = read_kept_log(cluster, namespace)
    assert proxy_token(snapshot) in log
    assert PASSWORD not in log

    run_id = snapshot.metadata["run-id"]
    path = f"/api/v1/namespaces/{namespace}/secrets/kubectl-snapshot-{run_id}"
    secret = cluster.client.get(path)
    key = key_file.read_text().strip()
    assert b64decode(secret["data"]["key"]).decode() == key
    assert secret["immutable"] is True
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["kind"] == "Job"
    job = f"/apis/batch/v1/namespaces/{namespace}/jobs/kubectl-snapshot-{run_id}"
    reported = [json.dumps(cluster.client.get(job)), log, ended.stdout, ended.stderr]
    assert not [
        text for text in reported if key in text or b64encode(key.encode()).decode() in text
    ]
    delete_job(cluster, namespace, run_id)


@pytest.mark.parametrize("level", ["host-read", "true"])
def test_a_key_file_makes_nodes_and_runs_comparable(
    run_snapshot: Run, namespace: str, unit: str, key_file: Path, level: str
) -> None:
    words = [f"--privileged={level}", "--redact-key-file", str(key_file)]
    first, _ = capture(run_snapshot, namespace, "--node", "node1", *words)
    second, _ = capture(run_snapshot, namespace, "--node", "node2", *words)
    assert environment_of(first) == environment_of(second)
    other, _ = capture(run_snapshot, namespace, "--node", "node2", f"--privileged={level}")
    assert proxy_token(other) != proxy_token(second)
    keys = [snapshot.metadata["redaction-key"] for snapshot in (first, second, other)]
    assert keys[0] == keys[1] != keys[2]
    by_one_key, by_two = (
        diff_snapshots(first, after, REGISTRY, selection=Selection(("SystemD.*.Environment",)))
        for after in (second, other)
    )
    assert by_one_key.changes == ()
    assert [change.kind for change in by_two.changes] == ["unknown"]


def test_a_restricted_pod_can_read_the_key(
    run_snapshot: Run, restricted_namespace: str, key_file: Path
) -> None:
    words = ["--privileged=false", "--redact-key-file", str(key_file), "--redact", "OS.sysctl.*"]
    first, _ = capture(run_snapshot, restricted_namespace, "--node", "node1", *words)
    second, _ = capture(run_snapshot, restricted_namespace, "--node", "node1", *words)
    key = "/proc/sys/kernel/osrelease"
    values = [subtype(found, "OS", "sysctl").data[key] for found in (first, second)]
    assert TOKEN.fullmatch(str(values[0]))
    assert values[0] == values[1]


def test_whoever_may_make_no_secret_is_reported_that_the_key_is_the_pods_own(
    cluster: Cluster,
    run_snapshot: Run,
    namespace: str,
    unit: str,
    key_file: Path,
    limited_user: str,
) -> None:
    before = cluster.audit_size()
    words = ["--node", "node2", "--as", limited_user]
    snapshot, ended = capture(run_snapshot, namespace, *words)
    assert snapshot.metadata["redaction"] == "own-key"
    assert PASSWORD not in ended.stdout
    assert "own redaction key" not in ended.stderr
    again, ended = capture(run_snapshot, namespace, *words, "--redact-key-file", str(key_file))
    assert proxy_token(again) != proxy_token(snapshot)
    assert again.metadata["redaction-key"] != snapshot.metadata["redaction-key"]
    assert "warning: the pod used its own redaction key" in ended.stderr
    made = [
        event["objectRef"]["resource"]
        for event in cluster.audit(before)
        if event["verb"] == "create" and event["objectRef"].get("namespace") == namespace
    ]
    assert "secrets" not in made
    assert_nothing_left(cluster)


def test_without_redaction_the_secrets_are_there_and_the_document_says_so(
    cluster: Cluster, run_snapshot: Run, namespace: str, unit: str, release: str
) -> None:
    words = ["--no-redact", "--no-cleanup", "--helm-namespace", namespace, "--node", "node2"]
    snapshot, _ = capture(run_snapshot, namespace, *words)
    assert snapshot.metadata["redaction"] == "disabled"
    assert "redacted" not in snapshot.metadata
    assert f"APP_PASSWORD={PHRASE} MODE=fast" in environment_of(snapshot)
    assert subtype(snapshot, "K8s", "helm").data["app.values.auth.password"] == PASSWORD
    run_id = snapshot.metadata["run-id"]
    assert "Secret" not in {line.split()[0] for line in ours(cluster, run_id)}
    delete_job(cluster, namespace, run_id)


def test_a_pattern_redacts_more_in_both_halves(run_snapshot: Run, namespace: str) -> None:
    words = ["--redact", "K8s.node.*id", "--redact", "OS.release.ID", "--node", "node2"]
    snapshot, _ = capture(run_snapshot, namespace, *words)
    node = subtype(snapshot, "K8s", "node").data
    hidden = {key for key, value in node.items() if TOKEN.fullmatch(str(value))}
    assert hidden == {key for key in node if key.endswith("id")} != set()
    release = subtype(snapshot, "OS", "release").data
    assert [key for key, value in release.items() if TOKEN.fullmatch(str(value))] == ["ID"]


@pytest.mark.parametrize("mode", ["client", "server"])
def test_a_dry_run_shows_the_secret_without_its_key(
    cluster: Cluster, run_snapshot: Run, namespace: str, key_file: Path, mode: str
) -> None:
    words = [f"--dry-run={mode}", "-o", "json", "--redact-key-file", str(key_file)]
    ended = run_snapshot("-n", namespace, *words)
    assert ended.returncode == 0, ended.stderr
    objects: list[dict[str, Any]] = json.loads(ended.stdout)["items"]
    (secret,) = [o for o in objects if o["kind"] == "Secret"]
    assert secret["data"] == {"key": "<88 characters of base64>"}
    key = key_file.read_text().strip()
    assert key not in ended.stdout
    assert b64encode(key.encode()).decode() not in ended.stdout
    assert_nothing_left(cluster)


def test_a_short_key_is_refused_before_anything_is_made(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("hunter22\n")
    before = cluster.audit_size()
    ended = run_snapshot("-n", namespace, "--redact-key-file", str(tmp_path / "key"))
    assert ended.returncode == 2
    assert "a key has 16 to" in ended.stderr
    assert "hunter22" not in ended.stderr
    agents = {event.get("userAgent", "") for event in cluster.audit(before)}
    assert not [agent for agent in agents if agent.startswith("kubectl-snapshot/")]
