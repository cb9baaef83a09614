"""Run Kueue beside a lab cluster: its webhooks for Jobs and its controllers, as one process.

It is built from its Go module (16 minutes on two busy cores, 87 MB). Its deployment would run it as
a pod; here the API server calls the webhooks at the machine's address.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.lab import build, kube
from tests.lab.layout import Cluster
from tests.lab.machine import Problem, wait_for
from tests.servers.certificates import Certificate, make_authority, sign

MODULE, VERSION = "sigs.k8s.io/kueue", "v0.17.0"
GROUP = "/apis/kueue.x-k8s.io/v1beta2"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PORT = 9443
# Kueue manages every Job of such a namespace.
MANAGED = {"lab/kueue": "managed"}
KINDS = ("jobs", "workloads", "clusterqueues", "localqueues", "resourceflavors")
CONFIG = {
    "apiVersion": "config.kueue.x-k8s.io/v1beta2",
    "kind": "Configuration",
    "namespace": "kueue-system",
    "manageJobsWithoutQueueName": True,
    "managedJobsNamespaceSelector": {"matchLabels": MANAGED},
    "leaderElection": {"leaderElect": False},
    "internalCertManagement": {"enable": False},
    "health": {"healthProbeBindAddress": "127.0.0.1:0"},
    "metrics": {"bindAddress": "0"},
    "integrations": {"frameworks": ["batch/job"]},
}


def build_kueue() -> None:
    with build.lock():
        build.go_build("kueue", MODULE, VERSION, {"kueue": f"{MODULE}/cmd/kueue"})


@contextlib.contextmanager
def running(cluster: Cluster, client: kube.Client, directory: Path) -> Iterator[None]:
    """Run Kueue until the end of the block, with a queue `research` in no namespace yet."""
    module, address = find_module(), cluster.ip(254)
    kubeconfig = cluster.kubeconfig("admin")
    define_kinds(module, kubeconfig)
    authority = make_authority(directory)
    command = prepare_program(directory, address, authority, kubeconfig)
    log_path = directory / "kueue.log"
    with (
        open(log_path, "wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):

        def is_serving() -> bool:
            if process.poll() is not None:
                raise Problem(f"Kueue ended: {log_path.read_text()[-2000:]}")
            return is_listening(address)

        try:
            wait_for("Kueue's webhooks", is_serving, seconds=120)
            with webhooks(client, module, address, authority.certificate):
                yield
        finally:
            process.terminate()


def define_kinds(module: Path, kubeconfig: Path) -> None:
    """Create the CRDs, and wait until discovery has all of them: Kueue ends where one is missing.

    The API server publishes one some time after it is Established; kubectl asks as Kueue does.
    """
    kubectl = [str(build.BIN / "kubectl"), "--kubeconfig", str(kubeconfig)]
    directory = str(module / "config/components/crd/bases")
    apply = ["apply", "--server-side", "-o", "name", "-f", directory]
    applied = subprocess.run([*kubectl, *apply], check=True, stdout=subprocess.PIPE, text=True)
    kinds = {line.partition("/")[2].partition(".")[0] for line in applied.stdout.splitlines()}
    ask = ["api-resources", "--no-headers", "--cached=false", f"--api-group={GROUP.split('/')[2]}"]

    def are_known() -> bool:
        asked = subprocess.run([*kubectl, *ask], stdout=subprocess.PIPE, text=True)
        rows = [line.split() for line in asked.stdout.splitlines()]
        known = {row[0] for row in rows if GROUP.partition("/apis/")[2] in row}
        return asked.returncode == 0 and kinds <= known

    wait_for("the kinds of Kueue", are_known, seconds=60)


def prepare_program(
    directory: Path, address: str, authority: Certificate, kubeconfig: Path
) -> list[str]:
    """Write Kueue's configuration and certificates; return its command."""
    place = directory / "certs"
    place.mkdir(parents=True)
    own = sign(authority, directory, "kueue", "/CN=kueue", f"subjectAltName=IP:{address}")
    # The certificates of its metrics have a fixed place below /etc.
    metrics = directory / "etc/kueue/metrics/certs"
    metrics.mkdir(parents=True)
    for target in (place, metrics):
        shutil.copy(own.certificate, target / "tls.crt")
        shutil.copy(own.key, target / "tls.key")
    config = directory / "kueue.json"
    webhook = {"port": PORT, "host": address, "certDir": str(place)}
    config.write_text(json.dumps({**CONFIG, "webhook": webhook}))
    own_etc = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"']
    program = [str(build.BIN / "kueue"), "--config", str(config), "--kubeconfig", str(kubeconfig)]
    # It needs an aggregated API server.
    program += ["--feature-gates", "VisibilityOnDemand=false"]
    return [*own_etc, str(directory / "etc"), *program]


def find_module() -> Path:
    work = build.CACHE / "build" / "kueue"
    work.mkdir(parents=True, exist_ok=True)
    shown = build.go("mod", "download", "-json", f"{MODULE}@{VERSION}", cwd=work)
    return Path(json.loads(shown)["Dir"])


def is_listening(address: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, PORT), 1):
        return True
    return False


@contextlib.contextmanager
def webhooks(client: kube.Client, module: Path, address: str, authority: Path) -> Iterator[None]:
    """Register Kueue's own webhook configurations, for Jobs and its own kinds."""
    bundle = base64.b64encode(authority.read_bytes()).decode()
    manifests = (module / "config/components/webhook/manifests.yaml").read_text()
    made = []
    for body in yaml.safe_load_all(manifests):
        body["metadata"]["name"] = f"lab-kueue-{body['kind'].lower()}"
        body["webhooks"] = [hook for hook in body["webhooks"] if is_needed(hook)]
        for hook in body["webhooks"]:
            path = hook["clientConfig"]["service"]["path"]
            url = f"https://{address}:{PORT}{path}"
            hook["clientConfig"] = {"url": url, "caBundle": bundle}
        resource = f"{ADMISSION}/{body['kind'].lower()}s"
        client.call("POST", resource, body)
        made.append(f"{resource}/{body['metadata']['name']}")
    try:
        yield
    finally:
        for path in made:
            client.call("DELETE", path)


def is_needed(hook: Any) -> bool:
    return any(
        resource.partition("/")[0] in KINDS
        for rule in hook["rules"]
        for resource in rule["resources"]
    )


def create_queues(client: kube.Client, namespace: str, cpu: str) -> None:
    """Create the queue `research` of a namespace, with a quota of CPUs."""
    flavor = {"metadata": {"name": "default"}}
    with contextlib.suppress(kube.ApiError):
        create(client, f"{GROUP}/resourceflavors", "ResourceFlavor", flavor)
    quotas = [
        {"name": "cpu", "nominalQuota": cpu},
        {"name": "memory", "nominalQuota": "8Gi"},
        {"name": "ephemeral-storage", "nominalQuota": "8Gi"},
    ]
    flavors = [{"name": "default", "resources": quotas}]
    group = {"coveredResources": [q["name"] for q in quotas], "flavors": flavors}
    spec = {"namespaceSelector": {}, "resourceGroups": [group]}
    queue = {"metadata": {"name": namespace}, "spec": spec}
    create(client, f"{GROUP}/clusterqueues", "ClusterQueue", queue)
    local = {"metadata": {"name": "research"}, "spec": {"clusterQueue": namespace}}
    create(client, f"{GROUP}/namespaces/{namespace}/localqueues", "LocalQueue", local)


def create(client: kube.Client, path: str, kind: str, body: dict[str, Any]) -> None:
    client.call("POST", path, {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, **body})
