"""FleetConfig: the configuration of a capture of many nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.agent.config import AgentConfig
from kubectl_snapshot.constants import FULL_API_VERSION
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.fleet.planning.selection import FleetSelection, validate_selection
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Sequence

# Measured (docs/adr/0044): the window hardly matters to the API server; this many pods may pull
# their image at a time.
DEFAULT_PARALLEL = 64
MAX_PARALLEL = 256
NODE_TIMEOUT_S = 120.0
FLEET_TIMEOUT_S = 1800.0
# Create, log, delete.
REQUESTS_PER_NODE = 3


@dataclass(frozen=True)
class FleetConfig:
    """Configuration of a fleet: which nodes, into which directory, how fast, when to stop.

    One of `all_nodes`, `selector` (as kubectl's -l) and `nodes` selects; with `resume` the
    directory's own selection is the default. `agent` is the configuration of each node's pod; of
    its fields `node_name`, `node_selector`, `output` and `timeout` are not used. `timeout` bounds
    the whole run and `node_timeout` one node, in seconds. At most `parallel` pods exist at a time,
    and at most `qps` requests a second create, read and delete them (0: no limit). After
    `max_failures` failed nodes no further pod is created (0: no limit). `self_contained` writes the
    cluster-wide facts into every node's document, too; `api_version` is that of all documents.
    """

    directory: str
    all_nodes: bool = False
    selector: str = ""
    nodes: Sequence[str] = ()
    agent: AgentConfig = field(default_factory=AgentConfig)
    timeout: float = FLEET_TIMEOUT_S
    node_timeout: float = NODE_TIMEOUT_S
    parallel: int = DEFAULT_PARALLEL
    qps: float = 0.0
    max_failures: int = 0
    resume: bool = False
    self_contained: bool = False
    api_version: str = FULL_API_VERSION

    @property
    def selection(self) -> FleetSelection:
        """Return what the configuration selects."""
        return FleetSelection(self.all_nodes, self.selector, tuple(dict.fromkeys(self.nodes)))

    @property
    def window(self) -> int:
        """Return how many pods may exist: `parallel`, or fewer if `qps` is low.

        With too many, requests would wait for each other until the nodes' time is over.
        """
        if not self.qps:
            return self.parallel
        in_half_s = self.qps * self.node_timeout / 2
        return max(1, min(self.parallel, int(in_half_s / REQUESTS_PER_NODE)))


def validate_config(config: FleetConfig) -> None:
    """Raise InvalidRequest for values that contradict each other or that no run can have."""
    if config.selection.is_given or not config.resume:
        validate_selection(config.selection)
    if not 1 <= config.parallel <= MAX_PARALLEL:
        raise InvalidRequest(
            f"invalid number of parallel pods {config.parallel}", hint=f"use 1 to {MAX_PARALLEL}"
        )
    agent = config.agent
    if agent.cluster_scope == "agent":
        raise InvalidRequest(
            "--cluster-scope agent captures one node only",
            why="a fleet reads the cluster-wide facts once, with the client's permissions",
            hint="use --cluster-scope client or skip",
        )
    for flag, value in (
        ("--node-selector", agent.node_selector),
        ("--job-name", agent.job_name),
        ("--template", agent.template_path),
    ):
        if value:
            raise InvalidRequest(
                f"{flag} is for the capture of one node", hint=f"leave {flag} out, or use -l"
            )
