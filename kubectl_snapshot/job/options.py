"""What one agent run is asked to do: a frozen record, made by the caller, read by all of job/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import DEFAULT_IMAGE, DEFAULT_TIMEOUT_S, NAME
from kubectl_snapshot.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.permissions import Permission
    from kubectl_snapshot.job.selectors import Toleration

PRIVILEGED, HOST_READ, RESTRICTED = "privileged", "host-read", "restricted"
# What `--privileged` and AgentConfig.privileged may be, and what each means.
LEVELS = {True: PRIVILEGED, HOST_READ: HOST_READ, False: RESTRICTED}
INJECT, IMAGE = "inject", "image"
# Where the cluster-wide facts are read: by the pod, by the user's own client, or not at all.
AGENT, CLIENT, SKIP = "agent", "client", "skip"

# What the NVIDIA device plugin offers.
GPU_RESOURCE = "nvidia.com/gpu"

# A run's life is bounded from the inside out: client timeout < pod deadline < Job deadline.
POD_DEADLINE_MARGIN_S = 30
JOB_DEADLINE_MARGIN_S = 60
TTL_S = 300

RUN_ID_LENGTH = 10


@dataclass(frozen=True)
class Zipapp:
    """The executable that the agent carries into its pod, and the digest that the pod checks."""

    content: bytes
    sha256: str


@dataclass(frozen=True)
class JobOptions:
    """One run. `zipapp` is None where the image has kubectl-snapshot in it (`agent` is `image`).

    `reads` is what reading the cluster-wide facts needs of whoever reads them; without the part in
    `required_reads` one is not worth asking. `settings.redaction` has its key; without `shares_key`
    the pod generates its own.
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

    @property
    def name(self) -> str:
        """Return the name that the run's objects share."""
        return self.job_name or f"{NAME}-{self.run_id}"

    @property
    def cluster_object_name(self) -> str:
        """Return the name of what is cluster-wide; two namespaces may have the same --job-name."""
        return f"{NAME}-{self.run_id}"

    @property
    def role_namespaces(self) -> tuple[str, ...]:
        """Return the namespaces in which reading the facts needs rights of its own."""
        return tuple(dict.fromkeys(read.namespace for read in self.reads if read.namespace))

    @property
    def carries_key(self) -> bool:
        """Return whether the run creates a Secret with the pod's redaction key."""
        redaction = self.settings.redaction
        return self.shares_key and redaction.is_on and bool(redaction.key)

    @property
    def sets_up_rbac(self) -> bool:
        """Return whether the run makes its own ServiceAccount, ClusterRole and binding."""
        return self.cluster_scope == AGENT and not self.service_account_name


def new_run_id(random_bytes: bytes) -> str:
    """Return ten base32 characters of RFC 4648 in lower case, made of at least 7 random bytes."""
    from base64 import b32encode

    return b32encode(random_bytes).decode("ascii").lower()[:RUN_ID_LENGTH]
