"""What injectors and policies of real clusters do to a pod: each edit changes it in place.

Istio and Vault: the fields that istio/istio (manifests/charts/istio-control/istio-discovery/files)
and hashicorp/vault-k8s (agent-inject/agent) add, with stand-ins for their programs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.cluster.faults.edits import STOCK_IMAGE, agents

Edit = Callable[[dict[str, Any]], object]

STAY = ["sh", "-c", "while true; do sleep 1; done"]
VAULT = "/vault/secrets"
MEMORY = {"medium": "Memory"}


def inject_istio(pod: dict[str, Any], is_native: bool) -> None:
    """Inject istio-init and istio-proxy; like Istio, not into a pod in the host's network."""
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        return
    pod["metadata"].setdefault("labels", {})["security.istio.io/tlsMode"] = "istio"
    spec.setdefault("volumes", []).extend(
        [
            {"name": "workload-socket", "emptyDir": {}},
            {"name": "istio-envoy", "emptyDir": MEMORY},
            {"name": "istio-podinfo", "downwardAPI": {"items": [labels_item()]}},
            {"name": "istio-token", "projected": {"sources": [token_source()]}},
        ]
    )
    capabilities = {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}
    init = {
        "name": "istio-init",
        "image": STOCK_IMAGE,
        "command": ["sh", "-c", "echo iptables-restore --noflush"],
        "securityContext": {"capabilities": capabilities, "runAsUser": 0, "runAsNonRoot": False},
    }
    proxy: dict[str, Any] = {
        "name": "istio-proxy",
        "image": STOCK_IMAGE,
        "command": STAY,
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom"}],
        "volumeMounts": [{"name": "istio-envoy", "mountPath": "/etc/istio/proxy"}],
    }
    if is_native:
        probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 600}
        spec["initContainers"] = [init, {**proxy, "restartPolicy": "Always", "startupProbe": probe}]
        return
    # holdApplicationUntilProxyStarts: the first container, and a hook that the next one waits for.
    hook = {"postStart": {"exec": {"command": ["sleep", "1"]}}}
    spec["initContainers"] = [init]
    spec["containers"].insert(0, {**proxy, "lifecycle": hook})


def labels_item() -> dict[str, Any]:
    return {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}


def token_source() -> dict[str, Any]:
    return {"serviceAccountToken": {"audience": "istio-ca", "path": "istio-token"}}


def inject_vault(pod: dict[str, Any], *init: str) -> None:
    """Inject vault-agent-init, vault-agent and the memory volume that they share with the agent."""
    spec = pod["spec"]
    names = ("home-init", "home-sidecar", "vault-secrets")
    spec.setdefault("volumes", []).extend({"name": n, "emptyDir": MEMORY} for n in names)
    mount = {"name": "vault-secrets", "mountPath": VAULT}
    for container in agents(pod):
        container["volumeMounts"].append(mount)
    own = {"image": STOCK_IMAGE, "volumeMounts": [mount]}
    command = list(init) or ["sh", "-c", f"echo secret > {VAULT}/config"]
    spec["initContainers"] = [{**own, "name": "vault-agent-init", "command": command}]
    spec["containers"].append({**own, "name": "vault-agent", "command": STAY})


def set_fields(pod: dict[str, Any], **fields: Any) -> None:
    pod["spec"].update(fields)


def set_on_agent(pod: dict[str, Any], **fields: Any) -> None:
    for container in agents(pod):
        container.update(fields)


def set_security(pod: dict[str, Any], **fields: Any) -> None:
    for container in agents(pod):
        container["securityContext"].update(fields)


def add_env(pod: dict[str, Any], **variables: str) -> None:
    for container in agents(pod):
        added = [{"name": name, "value": value} for name, value in variables.items()]
        container.setdefault("env", []).extend(added)


def add_secret_env(pod: dict[str, Any]) -> None:
    reference = {"secretKeyRef": {"name": "nobody-made-it", "key": "token"}}
    for container in agents(pod):
        container["env"].append({"name": "TOKEN", "valueFrom": reference})


def add_volume(pod: dict[str, Any], **source: Any) -> None:
    pod["spec"].setdefault("volumes", []).append({"name": "added", **source})
    for container in agents(pod):
        container["volumeMounts"].append({"name": "added", "mountPath": "/added"})


def read_mounts(container: dict[str, Any]) -> list[dict[str, Any]]:
    return container.setdefault("volumeMounts", [])  # type: ignore[no-any-return]


def drop_token(pod: dict[str, Any]) -> None:
    pod["spec"]["automountServiceAccountToken"] = False
    for items in (pod["spec"].get("volumes", []), *map(read_mounts, pod["spec"]["containers"])):
        items[:] = [item for item in items if not item["name"].startswith("kube-api-access")]


def shrink_memory(pod: dict[str, Any], limit: str) -> None:
    for container in agents(pod):
        container["resources"] = {"limits": {"memory": limit}, "requests": {"memory": limit}}


def choose_node_blindly(pod: dict[str, Any], cpu: str) -> None:
    """Bind to node1 without its scheduler; the kubelet decides whether it has room."""
    pod["spec"]["nodeName"] = "node1"
    for container in agents(pod):
        container["resources"] = {"limits": {"cpu": cpu}, "requests": {"cpu": cpu}}


def forbid_neighbours(pod: dict[str, Any]) -> None:
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"faults.test/neighbour": "yes"}},
    }
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    pod["spec"].setdefault("affinity", {})["podAntiAffinity"] = rule


def require_label(pod: dict[str, Any]) -> None:
    pod["spec"]["nodeSelector"]["faults.test/team"] = "research"


def drop_tolerations(pod: dict[str, Any]) -> None:
    pod["spec"]["tolerations"] = []


def break_port(pod: dict[str, Any]) -> None:
    set_on_agent(pod, ports=[{"containerPort": 99999}])


def set_job(job: dict[str, Any], **fields: Any) -> None:
    job["spec"].update(fields)


LOCALHOST = {"type": "Localhost", "localhostProfile": "nobody-made-it.json"}
INJECTIONS: dict[str, Edit] = {
    "istio": partial(inject_istio, is_native=False),
    "istio-native": partial(inject_istio, is_native=True),
    "vault": inject_vault,
    "vault-login": lambda pod: inject_vault(pod, "sh", "-c", "echo permission denied; exit 2"),
    "priority": lambda pod: set_fields(pod, priorityClassName="nobody-made-it"),
    "runtime-class": lambda pod: set_fields(pod, runtimeClassName="nobody-made-it"),
    "no-handler": lambda pod: set_fields(pod, runtimeClassName="faults-test-no-handler"),
    "deadline": lambda pod: set_fields(pod, activeDeadlineSeconds=3),
    "user-namespace": lambda pod: set_fields(pod, hostUsers=False),
    "user-namespace-only": lambda pod: set_fields(
        pod, hostUsers=False, hostNetwork=False, hostIPC=False, hostPID=False
    ),
    "never-pull": lambda pod: set_on_agent(pod, image="faults.test/no:1", imagePullPolicy="Never"),
    "always-pull": lambda pod: set_on_agent(pod, imagePullPolicy="Always"),
    "port": break_port,
    "seccomp": lambda pod: set_security(pod, seccompProfile=LOCALHOST, privileged=False),
    "apparmor": lambda pod: set_security(pod, appArmorProfile={**LOCALHOST}, privileged=False),
    "non-root": lambda pod: set_security(pod, runAsNonRoot=True),
    "nobody": lambda pod: set_security(pod, privileged=False, runAsUser=65534, runAsGroup=65534),
    "no-capabilities": lambda pod: set_security(
        pod, privileged=False, capabilities={"drop": ["ALL"]}, readOnlyRootFilesystem=True
    ),
    "python-path": lambda pod: add_env(pod, PYTHONPATH="/added", PYTHONHOME="/nowhere"),
    "preload": lambda pod: add_env(pod, LD_PRELOAD="/opt/tracer/launcher.so"),
    "api-address": lambda pod: add_env(pod, KUBERNETES_SERVICE_HOST="127.0.0.1"),
    "no-token": drop_token,
    "secret-env": add_secret_env,
    "secret-volume": lambda pod: add_volume(pod, secret={"secretName": "nobody-made-it"}),
    "host-path": lambda pod: add_volume(pod, hostPath={"path": "/no/such", "type": "Directory"}),
    "noexec": lambda pod: add_volume(pod, emptyDir={"medium": "Memory"}),
    "little-memory": lambda pod: shrink_memory(pod, "6Mi"),
    "full-node": lambda pod: choose_node_blindly(pod, "500"),
    "neighbours": forbid_neighbours,
    "label": require_label,
    "no-tolerations": drop_tolerations,
    "ttl": lambda job: set_job(job, ttlSecondsAfterFinished=0),
    "no-ttl": lambda job: set_job(job, ttlSecondsAfterFinished=None, activeDeadlineSeconds=None),
    "parallelism": lambda job: set_job(job, parallelism=1),
    "backoff": lambda job: set_job(job, backoffLimit=6),
}
