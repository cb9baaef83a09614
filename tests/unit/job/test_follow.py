"""Following one run, against a server that plays API server and kubelet on the wire."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from kubectl_snapshot.errors import (
    Internal,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
    Unauthorized,
)
from kubectl_snapshot.job import follow, follow_log, watchers
from kubectl_snapshot.job.frame.decode import FrameReader
from kubectl_snapshot.job.frame.encode import encode_frame, render_progress
from kubectl_snapshot.job.manifest import build_sent_pod
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.run_state import RunState
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

RUN_ID = "abcdefghij"
OPTIONS = JobOptions(RUN_ID, "ops")
PAYLOAD = bytes(range(256)) * 40
FRAME = encode_frame(PAYLOAD, RUN_ID)
RUNNING = {"running": {}}
ENDED = {"terminated": {"exitCode": 0}}
DIAL = 'Get "https://10.0.0.2:10250/containerLogs/ops/p/c": dial tcp: connection refused'
LIMIT_S = 20

Answer = Callable[[Exchange], None]


def pod(state: Mapping[str, Any] = RUNNING, **metadata: str) -> dict[str, Any]:
    statuses = [{"name": "kubectl-snapshot", "state": state}]
    sent = build_sent_pod(OPTIONS)
    return {
        "metadata": {**sent["metadata"], "name": "p", "namespace": "ops", "uid": "1", **metadata},
        "spec": {**sent["spec"], "nodeName": "node2"},
        "status": {"phase": "Running", "containerStatuses": statuses},
    }


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def refuse(status: int, message: str) -> Answer:
    """An error that no retry changes, so that no deadline cuts it short on a slow machine."""
    body = {"kind": "Status", "message": message}
    return lambda exchange: exchange.send(status, body, {"Retry-After": "3600"})


def write(data: bytes) -> Answer:
    """A log that ends in good order."""

    def answer(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(data)
        exchange.send_chunk(b"")

    return answer


def write_and_wait(data: bytes) -> Answer:
    """A log that goes on in silence."""

    def answer(exchange: Exchange) -> None:
        exchange.begin_chunks()
        if data:  # an empty chunk would end the log
            exchange.send_chunk(data)
        exchange.stopped.wait()

    return answer


@dataclass
class Wire:
    """What the cluster answers: pod events as they are put, and an answer for each log request."""

    logs: list[Answer]
    probe: Answer = field(default=lambda exchange: exchange.send(200, b""))
    pods: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    events: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    reported: list[Mapping[str, Any]] = field(default_factory=list)
    read: threading.Event = field(default_factory=threading.Event)
    watches: Answer | None = None
    job: Answer = field(default=lambda exchange: exchange.send(200, {"metadata": {}}))
    listed: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    deletion: Answer = field(default=lambda exchange: exchange.send(200, {"metadata": {}}))

    def answer(self, exchange: Exchange) -> None:
        self.asked.append(exchange.path)
        if "tailLines" in exchange.path:
            self.probe(exchange)
        elif exchange.method == "PATCH":
            self.job(exchange)
        elif exchange.method == "DELETE":
            self.deletion(exchange)
        elif "job-name%3D" in exchange.path or "job-name=" in exchange.path:
            exchange.send(200, {"items": self.listed})
        elif self.watches is not None and "/log" not in exchange.path:
            self.watches(exchange)
        elif "/log" in exchange.path:
            self.read.set()
            (self.logs.pop(0) if len(self.logs) > 1 else self.logs[0])(exchange)
        elif "watch=true" in exchange.path:
            self.watch(exchange)
        elif exchange.path.startswith(("/api/v1/namespaces/ops/pods", "/api/v1/namespaces/ops/ev")):
            exchange.send(200, {"items": [], "metadata": {"resourceVersion": "1"}})
        else:
            exchange.send(200, {"metadata": {}})

    def watch(self, exchange: Exchange) -> None:
        exchange.begin_chunks()
        seen = self.pods if "/pods" in exchange.path else self.events
        while not exchange.stopped.is_set():
            try:
                exchange.send_event(*seen.get(timeout=0.05))
            except queue.Empty:
                continue


@contextmanager
def following(wire: Wire, directory: Path) -> Iterator[RunState]:
    with serve(wire.answer) as server:
        path = write_kubeconfig(directory / "kubeconfig", {"server": server.url}, None)
        run = RunState(
            kube=connect(ConnectionOptions(kubeconfig=path), {}),
            options=OPTIONS,
            deadline=time.monotonic() + LIMIT_S,
            on_event=wire.reported.append,
            on_scheduled=lambda node: None,
            reader=FrameReader(RUN_ID),
        )
        try:
            yield run
        finally:
            run.stop.set()


def capture(wire: Wire, directory: Path) -> bytes:
    with following(wire, directory) as run:
        return follow.follow(run)


def refusal(wire: Wire, directory: Path) -> SnapshotError:
    with following(wire, directory) as run, pytest.raises(SnapshotError) as caught:
        follow.follow(run)
    return caught.value


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SILENCE_S", 0.2)
    monkeypatch.setattr(watchers, "PROBE_S", LIMIT_S)
    monkeypatch.setattr(watchers, "VERSION_S", LIMIT_S)


def test_a_run_that_starts_at_once_asks_for_its_pod_and_log_only(tmp_path: Path) -> None:
    wire = Wire([write_and_wait(lines(*FRAME))])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD
    assert [path.split("?")[0].rsplit("/", 1)[1] for path in wire.asked] == ["pods", "log"]
    assert "watch=true" in wire.asked[0] and "resourceVersion" not in wire.asked[0]


@pytest.mark.parametrize("has_pod", [True, False])
def test_a_run_that_does_not_start_asks_once_for_the_events_of_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_pod: bool
) -> None:
    monkeypatch.setattr(follow, "POD_EVENTS_S" if has_pod else "JOB_EVENTS_S", 0.0)
    monkeypatch.setattr(follow, "JOB_EVENTS_S" if has_pod else "POD_EVENTS_S", LIMIT_S)
    wire = Wire([write_and_wait(b"")])
    if has_pod:
        wire.pods.put(("ADDED", pod({"waiting": {"reason": "ContainerCreating"}})))
    with following(wire, tmp_path) as run:
        run.inbox.put(("started", {}))
        run.deadline = time.monotonic() + 3 * follow.TICK_S
        with pytest.raises(SnapshotError):
            follow.follow(run)
    asked = [path for path in wire.asked if "/events" in path and "watch=true" not in path]
    name = "p" if has_pod else OPTIONS.name
    assert [f"involvedObject.name%3D{name}&" in path for path in asked] == [True]


def test_a_run_that_sends_its_log_needs_no_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "POD_EVENTS_S", 0.0)

    def send_late(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.stopped.wait(3 * follow.TICK_S)
        exchange.send_chunk(lines(*FRAME))
        exchange.stopped.wait()

    wire = Wire([send_late])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD
    assert not [path for path in wire.asked if "/events" in path]


def test_a_cut_log_is_reread_and_merged(tmp_path: Path) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(lines(*FRAME[:2]))
        exchange.reset()

    wire = Wire([cut, write_and_wait(lines(FRAME[0], *FRAME[2:]))])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD


def test_progress_is_reported_once_although_the_log_is_reread(tmp_path: Path) -> None:
    progress = render_progress({"collector": "OS", "event": "started"})
    wire = Wire([write(lines(progress)), write_and_wait(lines(progress, *FRAME))])
    wire.pods.put(("ADDED", pod()))
    capture(wire, tmp_path)
    assert wire.reported == [{"collector": "OS", "event": "started"}]


def test_a_node_cannot_forge_events_with_commands(tmp_path: Path) -> None:
    forged = [
        {"event": "left-behind", "commands": "kubectl delete namespace ops"},
        {"event": "warning", "message": "log in at example.org"},
        {"event": "finished", "collector": "OS"},
        {"event": 7},
    ]
    wire = Wire([write_and_wait(lines(*map(render_progress, forged), *FRAME))])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD
    assert wire.reported == []


def test_an_unterminated_line_before_the_frame_is_truncated(tmp_path: Path) -> None:
    wire = Wire([write_and_wait(b"\xff" * 1_000_000 + lines(*FRAME))])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD


def test_the_agent_of_a_deleted_pod_can_still_send_its_result(tmp_path: Path) -> None:
    deleted = threading.Event()

    def send_late(exchange: Exchange) -> None:
        exchange.begin_chunks()
        deleted.wait(LIMIT_S)
        exchange.stopped.wait(2 * follow.TICK_S)
        exchange.send_chunk(lines(*FRAME))
        exchange.stopped.wait()

    wire = Wire([send_late])
    wire.pods.put(("ADDED", pod()))

    def delete() -> None:
        wire.read.wait(LIMIT_S)
        wire.pods.put(("DELETED", pod()))
        deleted.set()

    threading.Thread(target=delete, daemon=True).start()
    assert capture(wire, tmp_path) == PAYLOAD


def test_a_terminating_pod_without_further_output_ends_the_run(tmp_path: Path) -> None:
    wire = Wire([write(b"bye\n")])
    wire.pods.put(("ADDED", pod()))
    wire.pods.put(("MODIFIED", pod(deletionTimestamp="2026-01-02T03:04:05Z")))
    assert "was deleted before its result arrived" in refusal(wire, tmp_path).what


def test_a_complete_log_without_a_result_ends_the_run(tmp_path: Path) -> None:
    wire = Wire([write(b"good bye\n")])
    wire.pods.put(("ADDED", pod(ENDED)))
    error = refusal(wire, tmp_path)
    assert error.what == "the agent exited without a result"
    assert "good bye" in error.why


def test_the_log_of_an_evicted_container_is_not_retried(
    tmp_path: Path,
) -> None:
    evicted = pod({"terminated": {"exitCode": 137}})
    evicted["status"].update(phase="Failed", reason="Evicted", message="no disk left")
    wire = Wire([refuse(400, "container not found")])
    wire.pods.put(("ADDED", evicted))
    error = refusal(wire, tmp_path)
    assert error.what == "node node2 terminated the agent's pod: Evicted"
    assert error.why == "no disk left"


def test_a_result_with_lost_lines_has_a_hint_to_collect_less(tmp_path: Path) -> None:
    wire = Wire([write(lines(FRAME[0], *FRAME[2:]))])
    wire.pods.put(("ADDED", pod(ENDED)))
    error = refusal(wire, tmp_path)
    assert error.what == "the node's log lost part of the result"
    assert "1 of 1 lines are missing: 1" in error.why


def test_a_kubelet_with_logs_disabled_is_reported_at_once(tmp_path: Path) -> None:
    wire = Wire([refuse(405, "Debug endpoints are disabled.")])
    wire.pods.put(("ADDED", pod()))
    error = refusal(wire, tmp_path)
    assert isinstance(error, Internal)
    assert error.what == "node node2 does not serve container logs"


def test_credentials_that_expire_during_the_capture_are_reported_so(tmp_path: Path) -> None:
    wire = Wire([refuse(401, "Unauthorized")])
    wire.pods.put(("ADDED", pod()))
    error = refusal(wire, tmp_path)
    assert isinstance(error, Unauthorized)
    assert "during the capture" in error.what


def test_a_silent_pod_with_an_unreachable_kubelet_is_on_a_lost_node(
    tmp_path: Path, impatient: None
) -> None:
    wire = Wire([write_and_wait(b"")], probe=refuse(500, DIAL))
    wire.pods.put(("ADDED", pod()))
    error = refusal(wire, tmp_path)
    assert isinstance(error, ServiceUnavailable)
    assert error.what.startswith("node node2 does not respond")
    assert error.why == DIAL


def test_a_kubelet_that_times_out_is_lost_if_the_api_server_responds(
    tmp_path: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "PROBE_S", 0.2)
    wire = Wire([write_and_wait(b"")], probe=lambda exchange: exchange.stopped.wait() and None)
    wire.pods.put(("ADDED", pod()))
    assert refusal(wire, tmp_path).what.startswith("node node2 does not respond")


@pytest.mark.parametrize("end_of_log", [b"", lines(FRAME[0])])
def test_a_silent_pod_with_a_responding_kubelet_is_waited_for(
    tmp_path: Path, impatient: None, end_of_log: bytes
) -> None:
    probed = threading.Semaphore(0)

    def send_after_probes(exchange: Exchange) -> None:
        exchange.begin_chunks()
        for _ in range(2):
            assert probed.acquire(timeout=LIMIT_S)
        exchange.send_chunk(lines(*FRAME))
        exchange.stopped.wait()

    def answer_probe(exchange: Exchange) -> None:
        write(end_of_log)(exchange)
        probed.release()

    wire = Wire([send_after_probes], probe=answer_probe)
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD
    assert wire.reported == []


def test_an_outage_until_the_deadline_is_not_the_nodes(tmp_path: Path, impatient: None) -> None:
    wire = Wire([write_and_wait(b"")], probe=refuse(503, "no backend is up"))
    wire.pods.put(("ADDED", pod()))
    with following(wire, tmp_path) as run:
        run.deadline = time.monotonic() + 3
        with pytest.raises(ServiceUnavailable) as caught:
            follow.follow(run)
    assert caught.value.what == "the API server did not respond until the run's deadline"
    assert "no backend is up" in caught.value.why


def test_a_log_that_is_always_cut_ends_the_run(
    tmp_path: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_log, "LOG_BACKOFF_S", 0.01)
    monkeypatch.setattr(follow_log, "MAX_LOG_BACKOFF_S", 0.01)
    cut = write(lines(FRAME[0]))
    wire = Wire([cut] * 20)
    wire.pods.put(("ADDED", pod()))
    error = refusal(wire, tmp_path)
    assert isinstance(error, ServiceUnavailable)
    assert error.what == "the log of pod ops/p is cut each time it is read"
    # The first stream brought new lines.
    assert 20 - len(wire.logs) == follow_log.MAX_CUTS + 1


def test_an_api_server_outage_is_waited_for_and_reported_once(
    tmp_path: Path, impatient: None
) -> None:
    probed = threading.Semaphore(0)

    def send_after_outages(exchange: Exchange) -> None:
        exchange.begin_chunks()
        for _ in range(3):
            assert probed.acquire(timeout=LIMIT_S)
        exchange.send_chunk(lines(*FRAME))
        exchange.stopped.wait()

    def be_out(exchange: Exchange) -> None:
        refuse(503, "no backend is up")(exchange)
        probed.release()

    wire = Wire([send_after_outages], probe=be_out)
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD
    (warning,) = wire.reported
    assert "the API server does not respond (no backend is up)" in warning["message"]


def test_a_bound_pod_without_a_status_is_probed(tmp_path: Path, impatient: None) -> None:
    bound = {**pod(), "status": {"phase": "Pending"}}
    wire = Wire([write(b"")], probe=refuse(500, DIAL))
    wire.pods.put(("ADDED", bound))
    assert refusal(wire, tmp_path).what.startswith("node node2 does not respond")


def test_a_log_that_a_gateway_refuses_ends_the_run(tmp_path: Path, impatient: None) -> None:
    wire = Wire([refuse(502, "bad gateway")], probe=refuse(502, "bad gateway"))
    wire.pods.put(("ADDED", pod()))
    error = refusal(wire, tmp_path)
    assert isinstance(error, ServiceUnavailable)
    assert error.what.startswith("the log of pod ops/p cannot be read")


def test_a_kubelet_without_a_certificate_is_told_at_its_third_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_log, "LOG_BACKOFF_S", 0.01)
    why = 'Get "https://10.0.0.1:10250/containerLogs/x": remote error: tls: internal error'
    wire = Wire([refuse(500, why)] * 9)
    wire.pods.put(("ADDED", pod()))
    error = refusal(wire, tmp_path)
    assert error.what == "the kubelet of node node2 has no serving certificate"
    assert 9 - len(wire.logs) == follow_log.CERTAIN_ATTEMPTS


def kubelet_event(reason: str, message: str = "", kind: str = "Warning") -> tuple[str, Any]:
    body = {"reason": reason, "message": message, "type": kind, "count": 1}
    source = {"component": "kubelet", "host": "node2"}
    return "ADDED", {"metadata": {"name": reason, "uid": reason}, "source": source, **body}


CREATING = {**pod({"waiting": {"reason": "ContainerCreating"}})}
CREATING["status"]["phase"] = "Pending"
NO_PLUGIN = kubelet_event("FailedCreatePodSandBox", 'setup network: plugin type="x" failed (add)')


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SANDBOX_GRACE_S", 1.0)


def test_a_sandbox_that_stays_broken_is_reported_at_once_and_ends_the_run_later(
    tmp_path: Path, short_grace: None
) -> None:
    wire = Wire([write(b"")])
    wire.pods.put(("ADDED", CREATING))
    for _ in range(2):
        wire.events.put(NO_PLUGIN)
    began = time.monotonic()
    error = refusal(wire, tmp_path)
    assert time.monotonic() - began > 1.0
    assert isinstance(error, ServiceUnavailable)
    assert error.what == "node node2 has no working network plugin for pods"
    (warning,) = wire.reported
    assert warning["event"] == "warning"
    assert warning["message"].startswith(f"{error.what} ({error.why}); waiting")


def test_a_network_plugin_that_restarts_is_waited_for(tmp_path: Path, short_grace: None) -> None:
    def send_late(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.stopped.wait(2.5)
        exchange.send_chunk(lines(*FRAME))
        exchange.stopped.wait()

    wire = Wire([send_late])
    wire.pods.put(("ADDED", CREATING))
    wire.events.put(NO_PLUGIN)
    wire.pods.put(("MODIFIED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD


@pytest.mark.parametrize("reason", ["Pulling", "Pulled", "Created", "Started"])
def test_a_sandbox_that_was_created_is_not_what_the_pod_waits_for(
    tmp_path: Path, short_grace: None, reason: str
) -> None:
    wire = Wire([write(b"")])
    wire.pods.put(("ADDED", CREATING))
    wire.events.put(kubelet_event(reason, "the image", "Normal"))
    wire.events.put(NO_PLUGIN)
    with following(wire, tmp_path) as run:
        run.deadline = time.monotonic() + 3
        with pytest.raises(Timeout):
            follow.follow(run)


MISSING = f'MountVolume.SetUp failed for volume "agent" : configmap "{OPTIONS.name}" not found'


def mount_event() -> tuple[str, Any]:
    kind, event = kubelet_event("FailedMount", MISSING)
    return kind, {**event, "count": 3}


def test_an_object_that_a_kubelet_does_not_find_is_asked_for_before_it_is_missed(
    tmp_path: Path,
) -> None:
    asked = []

    def deletion(exchange: Exchange) -> None:
        asked.append(exchange.path)
        exchange.send(404, {"kind": "Status", "message": "not found"})

    wire = Wire([write_and_wait(b"")], deletion=deletion)
    wire.pods.put(("ADDED", pod({"waiting": {"reason": "ContainerCreating"}})))
    wire.events.put(mount_event())
    error = refusal(wire, tmp_path)
    assert error.what == f"ConfigMap ops/{OPTIONS.name} was deleted by another client"
    assert asked == [f"/api/v1/namespaces/ops/configmaps/{OPTIONS.name}?dryRun=All"]


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_kubelet_whose_cache_is_behind_is_waited_for(tmp_path: Path, status: int) -> None:
    def deletion(exchange: Exchange) -> None:
        exchange.send(status, {"kind": "Status"}, {"Retry-After": "3600"})
        wire.pods.put(("MODIFIED", pod()))

    wire = Wire([write_and_wait(lines(*FRAME))], deletion=deletion)
    wire.pods.put(("ADDED", pod({"waiting": {"reason": "ContainerCreating"}})))
    wire.events.put(mount_event())
    assert capture(wire, tmp_path) == PAYLOAD


def test_a_login_that_expires_meanwhile_is_reported_so(tmp_path: Path) -> None:
    wire = Wire([write_and_wait(b"")], deletion=refuse(401, "Unauthorized"))
    wire.pods.put(("ADDED", pod({"waiting": {"reason": "ContainerCreating"}})))
    wire.events.put(mount_event())
    assert isinstance(refusal(wire, tmp_path), Unauthorized)


def test_a_missing_runtime_handler_ends_the_run_at_once(tmp_path: Path) -> None:
    wire = Wire([write(b"")])
    wire.pods.put(("ADDED", CREATING))
    wire.events.put(kubelet_event("FailedCreatePodSandBox", 'no runtime for "x" is configured'))
    assert refusal(wire, tmp_path).what.endswith("has no handler x")
    assert wire.reported == []


def test_a_probe_without_an_answer_is_no_outage_while_the_api_server_responds(
    tmp_path: Path, impatient: None
) -> None:
    wire = Wire([write_and_wait(b"")], probe=lambda exchange: exchange.stopped.wait() and None)
    wire.pods.put(("ADDED", pod()))
    with following(wire, tmp_path) as run:
        run.deadline = time.monotonic() + 2
        with pytest.raises(Timeout):
            follow.follow(run)
        assert run.is_probing


def test_a_login_that_a_watch_loses_is_reported_so(tmp_path: Path) -> None:
    wire = Wire([write_and_wait(b"")], watches=refuse(401, "Unauthorized"))
    error = refusal(wire, tmp_path)
    assert isinstance(error, Unauthorized)
    assert "during the capture" in error.what


def test_a_watch_that_is_forbidden_keeps_its_own_error(tmp_path: Path) -> None:
    wire = Wire([write_and_wait(b"")], watches=refuse(403, "pods is forbidden"))
    error = refusal(wire, tmp_path)
    assert isinstance(error, Unauthorized)
    assert "during the capture" not in error.what


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.setattr(follow, "START_GRACE_S", 0.1)


def hold(wire: Wire, directory: Path) -> SnapshotError:
    """Return the error of a run whose Job was started, and which has no pod."""
    with following(wire, directory) as run:
        run.inbox.put(("started", {"spec": {**follow.LIMITED}}))
        run.deadline = time.monotonic() + 3
        with pytest.raises(SnapshotError) as caught:
            follow.follow(run)
    return caught.value


def test_a_suspended_job_is_found_out_by_asking(tmp_path: Path, hasty: None) -> None:
    suspended = {"metadata": {}, "spec": {"suspend": True}}
    wire = Wire([write(b"")], job=lambda exchange: exchange.send(200, suspended))
    error = hold(wire, tmp_path)
    assert isinstance(error, ServiceUnavailable)
    assert error.what == f"Job ops/{OPTIONS.name} is suspended"


def test_a_job_that_cannot_be_read_holds_nothing(tmp_path: Path, hasty: None) -> None:
    wire = Wire([write(b"")], job=refuse(403, "jobs is forbidden"))
    assert isinstance(hold(wire, tmp_path), Timeout)


def test_a_job_controller_that_is_slow_is_waited_for_and_reported_once(
    tmp_path: Path, hasty: None
) -> None:
    wire = Wire([write(b"")])
    error = hold(wire, tmp_path)
    assert isinstance(error, Timeout)
    (warning,) = wire.reported
    assert warning["message"].startswith("no pod was created: the Job controller has not acted")


def test_a_job_controller_that_does_not_act_ends_the_run(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "SLOW_START_S", 0.5)
    error = hold(Wire([write(b"")]), tmp_path)
    assert error.what == "no pod was created: the Job controller has not acted on the Job"


def test_a_pod_that_a_buffered_watch_hides_is_found_by_asking(tmp_path: Path, hasty: None) -> None:
    wire = Wire([write_and_wait(lines(*FRAME))], listed=[pod()])
    with following(wire, tmp_path) as run:
        run.inbox.put(("started", None))
        assert follow.follow(run) == PAYLOAD


def test_a_log_request_that_fails_is_not_a_cut_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_log, "LOG_BACKOFF_S", 0.01)
    monkeypatch.setattr(follow_log, "MAX_LOG_BACKOFF_S", 0.01)
    broken = refuse(500, "the log driver restarts")
    wire = Wire([*[broken] * (follow_log.MAX_CUTS + 2), write_and_wait(lines(*FRAME))])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD


@pytest.mark.parametrize(("node", "is_lost"), [("node2", True), ("node22", False)])
def test_a_node_that_was_deleted_is_named(
    tmp_path: Path, impatient: None, node: str, is_lost: bool
) -> None:
    gone = refuse(404, f'pods "{node}" not found')
    wire = Wire([write_and_wait(b"")], probe=gone)
    wire.pods.put(("ADDED", pod()))
    with following(wire, tmp_path) as run:
        run.deadline = time.monotonic() + 3
        with pytest.raises(SnapshotError) as caught:
            follow.follow(run)
    told = caught.value.what == "node node2 was deleted from the cluster during the capture"
    assert (told, isinstance(caught.value, Timeout)) == (is_lost, not is_lost)


@pytest.mark.parametrize("status", [400, 404, 408, 409])
def test_a_log_that_is_not_there_yet_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(follow_log, "LOG_BACKOFF_S", 0.01)
    wire = Wire([refuse(status, "the container waits to start"), write_and_wait(lines(*FRAME))])
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD


def test_a_kubelet_that_refuses_a_probe_is_alive(tmp_path: Path, impatient: None) -> None:
    probed = threading.Event()

    def send_after_probe(exchange: Exchange) -> None:
        exchange.begin_chunks()
        assert probed.wait(LIMIT_S)
        exchange.stopped.wait(2 * follow.TICK_S)
        exchange.send_chunk(lines(*FRAME))
        exchange.stopped.wait()

    def answer_probe(exchange: Exchange) -> None:
        refuse(400, "the container waits to start")(exchange)
        probed.set()

    wire = Wire([send_after_probe], probe=answer_probe)
    wire.pods.put(("ADDED", pod()))
    assert capture(wire, tmp_path) == PAYLOAD
    assert wire.reported == []
