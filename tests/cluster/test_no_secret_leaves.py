"""Secrets of every place of a cluster, in forms without a telling name: none is in any output."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, exists
from tests.cluster.test_redaction import delete_job, quote, read_kept_log
from tests.cluster.world import POLICIES, custom_resources
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

UNIT = "snapshot-test-forms.service"
UNIT_FILE = f"/run/systemd/system/{UNIT}"
HEX = "91e201e5200babb195dde1def1310dcada411c35"
# By the place where each stands.
SECRETS = {
    place: f"Tr0ub4dor-{place}-7x"
    for place in (
        *("proxy", "curl", "shell", "auth", "helm", "pair", "argo", "policy", "args"),
        *("kernel", "iscsi", "quoted"),
    )
}
ENCODED = b64encode(
    json.dumps({"auths": {"r": {"auth": "cm9ib3Q6VHIwdWI0ZG9y"}}}).encode()
).decode()


@pytest.fixture
def unit(cluster: Cluster) -> Iterator[str]:
    lines = [
        "[Service]",
        f"Environment=https_proxy=svc:{SECRETS['proxy']}@proxy:3128 REDIS_AUTH={SECRETS['auth']}",
        f"ExecStart=/usr/bin/curl -u bot:{SECRETS['curl']} https://host",
        f'ExecStop=/bin/sh -c "curl -fsS -u bot:{SECRETS["shell"]} https://host"',
    ]
    write = f"printf '%s\\n' {' '.join(map(quote, lines))} > {UNIT_FILE}; systemctl daemon-reload"
    cluster.node_exec("node2", "sh", "-c", write)
    yield UNIT
    cluster.node_exec("node2", "sh", "-c", f"rm {UNIT_FILE}; systemctl daemon-reload")


@pytest.fixture
def command_line(cluster: Cluster) -> Iterator[None]:
    """A kernel command line, mounted over the node's: that of the machine cannot be changed."""
    words = [
        "BOOT_IMAGE=/vmlinuz root=/dev/sda1 hugepages=16",
        f"rd.iscsi.password={SECRETS['kernel']}",
        f"netroot=iscsi:bot:{SECRETS['iscsi']}@10.0.0.1::3260:1:iqn.2026-11.example:root",
        f'inst.ks="http://bot:{SECRETS["quoted"]}@host/ks cfg"',
    ]
    file = "/run/snapshot-test-cmdline"
    write = f"echo {quote(' '.join(words))} > {file}; mount --bind {file} /proc/cmdline"
    cluster.node_exec("node2", "sh", "-c", write)
    yield
    cluster.node_exec("node2", "sh", "-c", f"umount /proc/cmdline; rm {file}")


@pytest.fixture
def objects(cluster: Cluster, namespace: str) -> Iterator[None]:
    """A release, an Application and a ClusterPolicy."""
    values = {
        "conn": f"app:{SECRETS['helm']}@tcp(db:3306)/app",
        "env": [{"key": "DB_PASSWORD", "value": SECRETS["pair"]}],
        "registry": {"config": ENCODED},
        "external-secrets": {"image": {"tag": "v1.2.3"}},
    }
    content = {
        "name": "app",
        "namespace": namespace,
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "app", "version": "1.0.0"}},
        "config": values,
    }
    packed = b64encode(gzip.compress(json.dumps(content).encode()))
    labels = {"owner": "helm", "status": "deployed", "name": "app", "version": "1"}
    secret = {
        "metadata": {"name": "sh.helm.release.v1.app.v1", "labels": labels},
        "type": "helm.sh/release.v1",
        "data": {"release": b64encode(packed).decode()},
    }
    source = {
        "repoURL": f"https://{HEX}@gitea.corp/o/r",
        "helm": {"parameters": [{"name": "bindpw", "value": SECRETS["argo"]}]},
    }
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web"},
        "spec": {"project": "default", "source": source},
    }
    env = [{"name": "HTTP_PROXY", "value": f"http://u:{SECRETS['policy']}@p:1"}]
    spec = {"driver": {"env": env}, "validator": {"args": ["--token", SECRETS["args"]]}}
    policy = {
        "apiVersion": "nvidia.com/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "forms"},
        "spec": spec,
    }
    call = cluster.client.call
    with custom_resources(cluster):
        call("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
        call("POST", f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications", application)
        call("POST", POLICIES, policy)
        yield
        call("DELETE", f"{POLICIES}/forms")


def find_leaks(texts: dict[str, str]) -> list[str]:
    """Return where secrets are, by name of the output."""
    secrets = (*SECRETS.values(), HEX, ENCODED)
    return [
        f"{name}: {secret}" for name, text in texts.items() for secret in secrets if secret in text
    ]


def read_verbs(run_snapshot: Run, first: str, fleet: str) -> dict[str, str]:
    """Return what each verb prints and writes of a snapshot and a fleet, by name."""
    second = f"{fleet}nodes/node2.yaml"
    rule = "SystemD.snapshot-test-forms.service.Environment == x"
    calls = {
        "diff": ("diff", first, second),
        "diff json": ("diff", first, second, "-o", "json"),
        "changes": ("report", first, second, f"-o={fleet}changes.html"),
        "check": ("check", first, "-c", rule),
        "check junit": ("check", first, "-c", rule, "-o", "junit"),
        "findings": ("findings", first, "--fail-on", "warning", "-o", "json"),
        "findings junit": ("findings", first, "-o", "junit"),
        "query": ("query", first, "SystemD", "OS.grub", "K8s"),
        "table": ("convert", first, "-o", "yaml"),
        "export": ("export", first, "-o", "jsonl"),
        "export csv": ("export", fleet, "-o", "csv"),
        "outliers": ("diff", fleet),
        "fleet findings": ("findings", fleet),
        "fleet check": ("check", fleet, "-c", rule),
        "baseline": ("baseline", fleet),
        "fleet report": ("report", fleet, "-o", f"{fleet}report.html"),
    }
    texts = {}
    for name, call in calls.items():
        ended = run_snapshot(*call)
        assert ended.returncode in (0, 1, 10), (name, ended.stderr)
        texts[name] = ended.stdout
        texts[f"{name} stderr"] = ended.stderr
    return texts


def test_no_secret_is_in_any_output(
    cluster: Cluster,
    run_snapshot: Run,
    namespace: str,
    unit: str,
    command_line: None,
    objects: None,
    tmp_path: Path,
) -> None:
    where = ("-n", namespace, "--node", "node2", "-v", "--debug")
    words = (*where, "--systemd-service", unit, "--helm-namespace", namespace, "--no-cleanup")
    outputs = [f"-o={tmp_path}/a.{kind}" for kind in ("yaml", "json", "html")]
    outputs.append(f"--metrics-file={tmp_path}/a.prom")
    ended = run_snapshot(*words, *outputs, f"-o=cm://{namespace}/kept")
    assert ended.returncode == 0, ended.stderr
    texts = {"stderr": ended.stderr, "stdout": ended.stdout}
    snapshot = parse_valid((tmp_path / "a.yaml").read_text())
    run_id = snapshot.metadata["run-id"]
    texts["log"] = read_kept_log(cluster, namespace)
    texts["configmap"] = cluster.kubectl("get", "configmaps", "-n", namespace, "-o", "yaml").stdout
    texts["objects"] = cluster.kubectl("get", "jobs,pods", "-n", namespace, "-o", "yaml").stdout
    texts["events"] = cluster.kubectl("get", "events", "-n", namespace, "-o", "yaml").stdout
    delete_job(cluster, namespace, run_id)

    fleet, first = f"{tmp_path}/fleet/", f"{tmp_path}/a.yaml"
    many = ("--node", "node1", "--log-json", f"-o={fleet}")
    again = run_snapshot(*words[:-1], *many)
    assert again.returncode == 0, again.stderr
    texts["stderr of a fleet"] = again.stderr
    texts |= read_verbs(run_snapshot, first, fleet)
    assert "<testsuite" in texts["check junit"]
    texts |= {str(path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert find_leaks(texts) == []

    # The text around a secret stays, and nothing below a telling word is hidden.
    helm = subtype(snapshot, "K8s", "helm").data
    assert helm["app.values.external-secrets.image.tag"] == "v1.2.3"
    assert str(helm["app.values.conn"]).startswith("app:redacted:hmac-sha256:")
    command = str(subtype(snapshot, "SystemD", unit).data["ExecStart"])
    assert "/usr/bin/curl -u bot:redacted:hmac-sha256:" in command
    grub = subtype(snapshot, "OS", "grub").data
    assert grub["hugepages"] == "16"
    assert str(grub["rd.iscsi.password"]).startswith("redacted:hmac-sha256:")
    assert str(grub["netroot"]).startswith("iscsi:bot:redacted:hmac-sha256:")
    assert str(grub["inst.ks"]).startswith('"http://bot:redacted:hmac-sha256:')
    assert len(snapshot.metadata["redacted"].split(",")) >= 11
    assert not exists(
        cluster, f"/apis/batch/v1/namespaces/{namespace}/jobs/kubectl-snapshot-{run_id}"
    )
