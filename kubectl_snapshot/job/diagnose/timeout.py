"""What the run was waiting for when --timeout passed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Timeout
from kubectl_snapshot.job.diagnose.init_containers import find_running_init
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.pod import container_state, is_unschedulable, node_name, pod_condition
from kubectl_snapshot.text import render_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions


def diagnose_timeout(
    pod: Mapping[str, Any],
    container: str,
    options: JobOptions,
    last_warning: str,
    held: str = "",
    pull: str = "",
) -> SnapshotError:
    """Return the timeout of a run, and what it was waiting for.

    `held` is what held its start, `pull` the kubelet's message that it pulls an image.
    """
    hint = "pass a longer --timeout, or inspect the pod with --no-cleanup"
    if held:
        waited = held
    elif not pod:
        waited = "no pod was created"
    elif is_unschedulable(pod):
        if not options.wait_for_schedule:
            return diagnose_unschedulable(pod, options)
        waited = f"no node accepts the pod: {pod_condition(pod, 'PodScheduled').get('message', '')}"
    else:
        init = find_running_init(pod)
        state = container_state(pod, container)
        phase = pod.get("status", {}).get("phase", "Pending")
        waiting = state.get("waiting", {}).get("reason", "")
        waited = f"the pod on {node_name(pod) or 'no node yet'} is {phase}"
        waited += f" ({waiting})" if waiting else ""
        waited += f": {pull}" if pull else ""
        waited += f": init container {init} is still running" if init else ""
    why = f"{waited}; last warning: {last_warning}" if last_warning else waited
    return Timeout(f"no result within {render_seconds(options.timeout_s)} s", why, hint)
