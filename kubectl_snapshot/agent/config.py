"""AgentConfig: the configuration of a capture through an agent."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import DEFAULT_IMAGE, DEFAULT_TIMEOUT_S
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.job.selectors import Toleration, default_tolerations
from kubectl_snapshot.records import dataclass, field
from kubectl_snapshot.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.clients.auth.access import ConnectionOptions
    from kubectl_snapshot.clients.kube.transport import ApiClient
    from kubectl_snapshot.clients.metrics import Registry

    OnEvent = Callable[[Mapping[str, Any]], None]


def ignore_event(event: Mapping[str, Any]) -> None:
    """Ignore an event of a capture."""


@dataclass(frozen=True)
class AgentConfig:
    """Configuration of the agent; the first group of fields is the reference's.

    `timeout` is in seconds, 0 means the default. `privileged` is True, False or "host-read". An
    empty `namespace` means the kubeconfig context's. With `cleanup` False the Job remains until its
    TTL. `debug` logs each event to stderr as JSON. `collect` has the collectors' options;
    `max_nodes_per_entry` is the reference's name for one of them and overrides it unless 0.
    `registry` is a CollectorRegistry of prometheus_client; None records no metrics. `api_client` is
    a kubernetes.client.ApiClient that sends all requests; of `connection` it uses only namespace
    and timeout. `requests` and `limits` override single resources of the agent's container, as in
    {"memory": "512Mi"}.
    """

    kubeconfig: str | None = None
    namespace: str = "default"
    image: str = DEFAULT_IMAGE
    image_pull_secrets: Sequence[str] = ()
    job_name: str = ""
    service_account_name: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Toleration] = default_tolerations()
    timeout: float = DEFAULT_TIMEOUT_S
    cleanup: bool = True
    output: str = "-"
    debug: bool = False
    privileged: bool | str = True
    require_gpu: bool = False
    template_path: str = ""
    max_nodes_per_entry: int = 0

    connection: ConnectionOptions | None = None
    api_client: ApiClient | None = field(default=None, repr=False)
    node_name: str = ""
    runtime_class: str = ""
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    agent: str = "inject"
    cluster_scope: str = "auto"
    wait_for_schedule: bool = False
    job_labels: Mapping[str, str] = field(default_factory=dict)
    ttl: int = 300
    pod_deadline_margin: int = 30
    job_deadline_margin: int = 60
    on_event: OnEvent = ignore_event
    cancel: threading.Event | None = None
    collect: CollectSettings = field(default_factory=CollectSettings)
    registry: Registry | None = None

    def __post_init__(self) -> None:
        """Raise InvalidRequest for an invalid timeout."""
        validate_timeout(self.timeout)


def validate_timeout(timeout: object) -> None:
    """Raise InvalidRequest for a timeout that is not a number of seconds; None means no limit."""
    if timeout is None:
        return
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not is_number or not 0 <= float(str(timeout)) < math.inf:
        raise InvalidRequest(
            f"invalid timeout {timeout!r}",
            "a timeout is a number of seconds, 0 or more",
            "as in timeout=30.0",
        )


def check_gpu_request(require_gpu: bool, runtime_class: str) -> None:
    """Raise InvalidRequest if both the device plugin and a RuntimeClass are to give GPUs."""
    if require_gpu and runtime_class:
        raise InvalidRequest(
            "--require-gpu and --runtime-class are mutually exclusive",
            why="the device plugin gives the pod one GPU, the RuntimeClass all of them",
            hint="leave one of them out",
        )
