"""Options of one agent run: a frozen record that the caller creates and all of job/ reads."""

from __future__ import annotations

from base64 import b32encode
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import DEFAULT_IMAGE, DEFAULT_TIMEOUT_S, NAME
from kubectl_snapshot.records import dataclass, field
from kubectl_snapshot.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.permissions import Permission
    from kubectl_snapshot.job.selectors import Toleration

PRIVILEGED, HOST_READ, RESTRICTED = "privileged", "host-read", "restricted"
# Values of `--privileged` and AgentConfig.privileged, and the level that each selects.
LEVELS = {True: PRIVILEGED, HOST_READ: HOST_READ, False: RESTRICTED}
INJECT, IMAGE = "inject", "image"
# Who reads the cluster-wide facts: the pod, the user's client, or nobody.
AGENT, CLIENT, SKIP = "agent", "client", "skip"

# The extended resource of the NVIDIA device plugin.
GPU_RESOURCE = "nvidia.com/gpu"

# A run's life is bounded from the inside out: client timeout < pod deadline < Job deadline.
POD_DEADLINE_MARGIN_S = 30
JOB_DEADLINE_MARGIN_S = 60
TTL_S = 300

RUN_ID_LENGTH = 10


@dataclass(frozen=True)
class Zipapp:
    """The executable that a ConfigMap carries into the pod, and its digest."""

    content: bytes
    sha256: str


@dataclass(frozen=True)
class JobOptions:
    """Options of one run. `zipapp` is None if the image contains the program (`agent` is `image`).

    `reads` are the permissions to read the cluster-wide facts; whoever lacks one in
    `required_reads` is not asked to read them. `settings.redaction` has its key; without
    `shares_key` the pod generates its own. With `creates_pods` the client creates a pod on each of
    many nodes, with `creates_jobs` a Job for each; the run's Job, which owns them, creates none.
    `is_suspended` is whether admission suspends the Job, whose deadline then does not run.
    `excluded_nodes` are not Ready or virtual, `gpu_nodes` are those known to have GPUs. With
    `recursive_read_only` the node's mounts below `/` are read-only for the pod, too. `requests` and
    `limits` override single resources of the container.
    """

    run_id: str
    namespace: str
    job_name: str = ""
    image: str = DEFAULT_IMAGE
    image_pull_secrets: tuple[str, ...] = ()
    service_account_name: str = ""
    node_name: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S
    level: str = PRIVILEGED
    require_gpu: bool = False
    runtime_class: str = ""
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    agent: str = INJECT
    zipapp: Zipapp | None = None
    cluster_scope: str = CLIENT
    reads: tuple[Permission, ...] = ()
    required_reads: tuple[Permission, ...] = ()
    wait_for_schedule: bool = False
    ttl_s: int = TTL_S
    pod_deadline_margin_s: int = POD_DEADLINE_MARGIN_S
    job_deadline_margin_s: int = JOB_DEADLINE_MARGIN_S
    settings: CollectSettings = field(default_factory=CollectSettings)
    shares_key: bool = True
    creates_pods: bool = False
    creates_jobs: bool = False
    job_labels: Mapping[str, str] = field(default_factory=dict)
    is_suspended: bool = False
    excluded_nodes: tuple[str, ...] = ()
    gpu_nodes: tuple[str, ...] = ()
    recursive_read_only: bool = False

    @property
    def is_fleet(self) -> bool:
        """Return whether the run captures many nodes."""
        return self.creates_pods or self.creates_jobs

    @property
    def lifetime_s(self) -> float:
        """Return the seconds after which the cluster has removed a killed run's objects."""
        return self.timeout_s + self.job_deadline_margin_s + self.ttl_s

    @property
    def name(self) -> str:
        """Return the common name of the run's objects."""
        return self.job_name or f"{NAME}-{self.run_id}"

    @property
    def cluster_object_name(self) -> str:
        """Return the name of cluster-wide objects; two namespaces may use the same --job-name."""
        return f"{NAME}-{self.run_id}"

    @property
    def role_namespaces(self) -> tuple[str, ...]:
        """Return the namespaces in which the agent needs a Role to read the facts."""
        return tuple(dict.fromkeys(read.namespace for read in self.reads if read.namespace))

    @property
    def carries_key(self) -> bool:
        """Return whether the run creates a Secret with the pod's redaction key."""
        redaction = self.settings.redaction
        return self.shares_key and redaction.is_on and bool(redaction.key)

    @property
    def sets_up_rbac(self) -> bool:
        """Return whether the run creates its own ServiceAccount, ClusterRole and binding."""
        return self.cluster_scope == AGENT and not self.service_account_name


def new_run_id(random_bytes: bytes) -> str:
    """Return a run id: ten lower-case base32 characters (RFC 4648) of at least 7 random bytes."""
    return b32encode(random_bytes).decode("ascii").lower()[:RUN_ID_LENGTH]
