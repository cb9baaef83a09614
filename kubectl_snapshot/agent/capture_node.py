"""Capture a node of the cluster with a configuration, from the connection to the snapshot."""

from __future__ import annotations

import contextlib
import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.agent.capture import run_capture, run_preflight
from kubectl_snapshot.agent.config import validate_timeout
from kubectl_snapshot.agent.plan import plan_capture
from kubectl_snapshot.constants import DEFAULT_TIMEOUT_S
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.agent.config import AgentConfig, OnEvent
    from kubectl_snapshot.clients.kube.transport import ApiClient
    from kubectl_snapshot.clients.metrics import Registry
    from kubectl_snapshot.document.snapshot import Snapshot


def deploy_and_get_snapshot(
    config: AgentConfig | None,
    timeout: float | None = None,
    api_client: ApiClient | None = None,
) -> Snapshot:
    """Return the snapshot of a node of the cluster, captured by an agent; delete its objects.

    Blocks for at most `timeout` seconds (default: the configuration's), plus the cleanup. Raises
    InvalidRequest without a configuration, Unauthorized naming every missing permission, Timeout,
    or the cause that the agent did not run; KeyboardInterrupt once `cancel` is set.
    """
    if config is None:
        raise InvalidRequest("no agent configuration given")
    validate_timeout(timeout)
    if api_client is not None:
        config = replace(config, api_client=api_client)
    config = replace(config, timeout=timeout or config.timeout or DEFAULT_TIMEOUT_S)
    on_event = partial(log_event, config.on_event) if config.debug else config.on_event
    capture = partial(_run_agent, config)
    return record_metrics(config.registry, config.node_name, capture, on_event)


def _run_agent(config: AgentConfig, on_event: OnEvent) -> Snapshot:
    return run_capture(run_preflight(plan_capture(replace(config, on_event=on_event))))


def log_event(on_event: OnEvent, event: Mapping[str, Any]) -> None:
    """Log an event to stderr as one line of JSON, then pass it on."""
    if sys.stderr is not None:  # as in a daemon
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{json.dumps(event)}\n")
    on_event(event)


def record_metrics(
    registry: Registry | None,
    node_name: str,
    capture: Callable[[OnEvent], Snapshot],
    on_event: OnEvent,
) -> Snapshot:
    """Return the snapshot; a registry gets the durations, also if the capture fails."""
    if registry is None:
        return capture(on_event)
    from kubectl_snapshot.clients.metrics import ensure_registered
    from kubectl_snapshot.collectors.run.timing import capture_timed

    return capture_timed(capture, on_event, ensure_registered(registry).add, node_name)
