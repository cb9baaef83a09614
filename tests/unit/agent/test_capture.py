"""What run_capture makes of the agent's result. The run itself is tested on a cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_snapshot.agent import capture as module
from kubectl_snapshot.agent.capture import (
    NODE_AGE_S,
    Capture,
    find_read_node,
    run_cancellable,
    run_capture,
)
from kubectl_snapshot.collectors.node_collectors import load_node_collectors
from kubectl_snapshot.document.codec.json_codec import canonical_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import NotFound
from kubectl_snapshot.job.options import RESTRICTED, JobOptions
from kubectl_snapshot.job.run import Result


class NoKube:
    """A client that sends nothing: only commands are rendered."""

    def render_kubectl(self, command: str) -> str:
        return f"kubectl {command}"


@pytest.fixture
def capture_gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Snapshot]:
    """Return a function that captures a node whose agent says that it has so many GPUs."""

    def capture(count: int, **options: Any) -> Snapshot:
        subtype = Subtype("hardware", {"gpu-count": count})
        metadata = {"source-node": "another", "timestamp": "2026-11-28T00:00:00Z", "version": "0"}
        said = Snapshot(metadata, (Measurement("GPU", (subtype,)),))
        result = Result(canonical_json(said), "node2")
        monkeypatch.setattr(module, "run_agent", lambda *_: result)
        settings = JobOptions(run_id="a", namespace="default", cluster_scope="skip", **options)
        return run_capture(
            Capture(
                kube=NoKube(),  # type: ignore[arg-type]
                options=settings,
                collectors=tuple(load_node_collectors().values()),
                deadline=time.monotonic() + 5,
                expires="",
                on_event=lambda event: None,
            )
        )

    return capture


def test_a_node_without_gpus_is_refused_only_if_gpus_are_required(
    capture_gpus: Callable[..., Snapshot],
) -> None:
    assert capture_gpus(0).measurements
    assert capture_gpus(1, require_gpu=True).measurements
    with pytest.raises(NotFound, match="no GPU found on node2"):
        capture_gpus(0, require_gpu=True)


def test_the_metadata_are_the_clients(capture_gpus: Callable[..., Snapshot]) -> None:
    metadata = capture_gpus(1).metadata
    assert metadata["source-node"] == "node2"
    assert (metadata["run-id"], metadata["cluster-scope"]) == ("a", "skip")
    assert metadata["mode"] == "agent"
    assert capture_gpus(1, level=RESTRICTED).metadata["mode"] == "agent-unprivileged"


def test_a_node_is_known_from_preflight_for_as_long_as_a_kubelets_report() -> None:
    nodes = tuple({"metadata": {"name": name}} for name in ("node1", "node2"))
    capture = Capture(
        kube=NoKube(),  # type: ignore[arg-type]
        options=JobOptions(run_id="a", namespace="default"),
        collectors=(),
        deadline=0.0,
        expires="",
        on_event=lambda event: None,
        nodes=nodes,
        nodes_read_at=100.0,
    )
    assert find_read_node(capture, "node2", 100.0 + NODE_AGE_S) is nodes[1]
    assert find_read_node(capture, "node2", 100.1 + NODE_AGE_S) is None
    assert find_read_node(capture, "node3", 100.0) is None


def test_a_cancelled_read_ends_at_once_and_another_returns_its_result() -> None:
    cancel, stuck = threading.Event(), threading.Event()
    assert run_cancellable(lambda: 3, cancel) == 3
    assert run_cancellable(lambda: 4, None) == 4
    with pytest.raises(NotFound):
        run_cancellable(lambda: fail(), cancel)
    threading.Timer(0.2, cancel.set).start()
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_cancellable(lambda: stuck.wait(30), cancel)
    finally:
        stuck.set()
    assert 0.2 <= time.monotonic() - started < 10


def fail() -> int:
    raise NotFound("x")
