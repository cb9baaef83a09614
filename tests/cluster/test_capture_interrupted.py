"""A client that dies or is stopped at any step: what is left, and that it goes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_snapshot.constants import EXPIRES_ANNOTATION, RUN_LABEL
from kubectl_snapshot.job.cleanup.selection import parse_time
from tests.cluster.conftest import FIGURES
from tests.cluster.faults.arrange import with_webhook
from tests.cluster.faults.scene import Scene
from tests.cluster.faults.servers import serve_faults
from tests.cluster.support import (
    KINDS,
    PYTHON,
    Cluster,
    assert_nothing_left,
    ours,
    temporary_namespace,
)
from tests.lab.machine import PATIENCE_S, wait_for
from tests.servers.certificates import Certificate, make_authority, sign
from tests.servers.step_gate import Gate, serve_gate

REACHED_S = PATIENCE_S
# Short, for the deadline of the Job; longer where a busy machine starts no pod in that time.
TIMEOUT_S, LONGER_S = 12, 60
# Deadline of the Job 12 + 2 s, TTL 1 s, and the controllers' own pace.
GONE_S = 2 * PATIENCE_S
# Less than the clean-up may take (CLEANUP_S of job/run.py).
AT_ONCE_S = 10

STEPS = {
    "before the Job": ("POST", "jobs", False),
    "the Job made, unheard": ("POST", "jobs", True),
    "before the ConfigMap": ("POST", "configmaps", False),
    "the ConfigMap made, unheard": ("POST", "configmaps", True),
    "before the start": ("PATCH", "jobs", False),
    "the pod started, unheard": ("PATCH", "jobs", True),
    "before the log": ("GET", "log", False),
    "before the clean-up": ("DELETE", "jobs", False),
}
# Secret and ConfigMap are made side by side.
PREPARED = {"Job", "Secret", "ConfigMap"}
LEFT_AT_MOST = {
    "before the Job": set(),
    "the Job made, unheard": {"Job"},
    "before the ConfigMap": {"Job", "Secret"},
    "the ConfigMap made, unheard": PREPARED,
    "before the start": PREPARED,
    "the pod started, unheard": {*PREPARED, "Pod"},
    "before the log": {*PREPARED, "Pod"},
    "before the clean-up": {*PREPARED, "Pod"},
}

NO_GATE = Gate("NONE", "none", False)

# Its clock is `skew` seconds ahead.
SHORT_LIVED = """
import os, time
import importer
importer.import_from(os.environ["KUBECTL_SNAPSHOT_ZIPAPP"])
time.time = (lambda now: lambda: now() + {skew})(time.time)
from kubectl_snapshot.snapshotter import AgentConfig, deploy_and_get_snapshot
deploy_and_get_snapshot(AgentConfig(
    namespace={namespace!r}, timeout={timeout_s}, ttl=1,
    pod_deadline_margin=1, job_deadline_margin=2,
    cluster_scope={scope!r}, wait_for_schedule={waits}))
"""


@dataclass(frozen=True)
class Authority:
    certificate: Path
    server: Certificate


@contextmanager
def gated(
    cluster: Cluster,
    own: Authority,
    gate: Gate,
    directory: Path,
    kubeconfig: str | None = None,
    pause_s: Callable[[], float] = lambda: 0.0,
) -> Iterator[str]:
    """The path of a kubeconfig that leads through the gate, by default the administrator's."""
    config = json.loads(Path(kubeconfig or cluster.kubeconfig).read_text())
    upstream = config["clusters"][0]["cluster"]["server"]
    assert cluster.state is not None
    authority = str(cluster.state / "pki" / "ca.crt")
    with serve_gate(upstream, authority, own.server, gate, pause_s) as server:
        config["clusters"][0]["cluster"] = {
            "server": server.url,
            "certificate-authority": str(own.certificate),
        }
        path = directory / "gated.kubeconfig"
        path.write_text(json.dumps(config))
        yield str(path)


def start_library(
    cluster: Cluster,
    zipapp: Path,
    kubeconfig: str,
    namespace: str,
    scope: str = "client",
    skew: int = 0,
    waits: bool = False,
    timeout_s: int = TIMEOUT_S,
) -> subprocess.Popen[str]:
    program = SHORT_LIVED.format(
        namespace=namespace, scope=scope, skew=skew, waits=waits, timeout_s=timeout_s
    )
    environment = {
        **cluster.environment(kubeconfig),
        "PYTHONPATH": str(zipapp),
        "KUBECTL_SNAPSHOT_ZIPAPP": str(zipapp),
    }
    return subprocess.Popen(
        [PYTHON, "-c", program],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def new_gate(step: str) -> Gate:
    method, resource, is_carried_out = STEPS[step]
    return Gate(method, resource, is_carried_out)


def ours_in(cluster: Cluster, namespace: str) -> set[str]:
    return {
        line.split()[0] for line in ours(cluster) if line.split()[1].startswith(f"{namespace}/")
    }


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    directory = tmp_path_factory.mktemp("pki")
    authority = make_authority(directory)
    return Authority(authority.certificate, sign(authority, directory, "server", "/CN=gate"))


def test_whatever_a_killed_client_leaves_goes_by_itself(
    cluster: Cluster,
    zipapp: Path,
    own: Authority,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    cluster.require_lab()

    def kill_at(step: str) -> tuple[str, set[str], float]:
        return try_to_kill_at(step, TIMEOUT_S) or require_kill_at(step)

    def require_kill_at(step: str) -> tuple[str, set[str], float]:
        found = try_to_kill_at(step, LONGER_S)
        assert found is not None, step
        return found

    def try_to_kill_at(step: str, timeout_s: int) -> tuple[str, set[str], float] | None:
        directory = tmp_path / f"{step}-{timeout_s}"
        directory.mkdir()
        gate = new_gate(step)
        with (
            temporary_namespace(cluster) as namespace,
            gated(cluster, own, gate, directory) as kubeconfig,
        ):
            client = start_library(cluster, zipapp, kubeconfig, namespace, timeout_s=timeout_s)
            try:
                wait_for(step, lambda: gate.reached.is_set() or client.poll() is not None)
            finally:
                client.kill()
                client.communicate()
            if not gate.reached.is_set():
                return None
            killed = time.monotonic()
            left = ours_in(cluster, namespace)
            wait_for(f"{step}: all to go", lambda: not ours_in(cluster, namespace), GONE_S)
            return step, left, time.monotonic() - killed

    with ThreadPoolExecutor(len(STEPS)) as pool:
        results = list(pool.map(kill_at, STEPS))
    for step, left, seconds in results:
        names = ", ".join(sorted(left)) or "nothing"
        figures = f"client killed, {step}: left {names}; gone after {seconds:.1f} s"
        record_property(FIGURES, figures)
    for step, left, _ in results:
        assert left <= LEFT_AT_MOST[step], step


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cleans_up_and_ends_with_its_code(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
    own: Authority,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    gate = Gate("GET", "log", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_snapshot("-n", namespace, "-o", str(tmp_path / "x"), kubeconfig=kubeconfig)
        assert gate.reached.wait(REACHED_S)
        client.send_signal(number)
        _, reported = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 128 + number
    assert "Traceback" not in reported
    assert not (tmp_path / "x").exists()
    assert_nothing_left(cluster)


def test_a_client_that_is_stopped_past_its_deadline_cleans_up(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
    own: Authority,
    tmp_path: Path,
) -> None:
    gate = Gate("GET", "log", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_snapshot("-n", namespace, "--timeout", "10s", kubeconfig=kubeconfig)
        started = time.monotonic()
        assert gate.reached.wait(REACHED_S)
        client.send_signal(signal.SIGSTOP)
        threading.Event().wait(max(0.0, started + 11 - time.monotonic()))
        client.send_signal(signal.SIGCONT)
        _, reported = client.communicate(timeout=60)
    assert client.returncode == 5, reported
    assert "Traceback" not in reported
    assert_nothing_left(cluster)


@pytest.mark.parametrize("step", [step for step in STEPS if step != "before the clean-up"])
def test_ctrl_c_at_any_step_leaves_nothing(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
    own: Authority,
    tmp_path: Path,
    step: str,
) -> None:
    gate = new_gate(step)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_snapshot("-n", namespace, kubeconfig=kubeconfig)
        assert gate.reached.wait(REACHED_S)
        client.send_signal(signal.SIGINT)
        _, reported = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 130
    assert "Traceback" not in reported
    assert_nothing_left(cluster)


def test_a_second_ctrl_c_leaves_at_once_and_says_how_to_clean_up(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
    own: Authority,
    tmp_path: Path,
) -> None:
    gate = Gate("DELETE", "jobs", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_snapshot("-n", namespace, kubeconfig=kubeconfig)
        assert gate.reached.wait(REACHED_S)
        client.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            # The first one waits for the clean-up, which the gate holds.
            client.wait(1)
        started = time.monotonic()
        interrupt_until_it_ends(client)
        _, reported = client.communicate()
        assert time.monotonic() - started < AT_ONCE_S
    assert client.returncode == 130
    # The flags that choose a server come last; this one is gone by now.
    command = reported.strip().splitlines()[-1].split()
    assert command[:4] == ["kubectl", "snapshot", "cleanup", "--run"]
    assert command[5:7] == ["-n", namespace]
    assert cluster.kubectl(*command[1:7]).returncode == 0
    assert_nothing_left(cluster)


def interrupt_until_it_ends(client: subprocess.Popen[str]) -> None:
    """Send SIGINT again and again: a signal is lost while the one before is not handled yet."""
    for _ in range(PATIENCE_S * 5):
        client.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            client.wait(timeout=0.2)
            return


def test_a_client_killed_while_its_job_is_suspended_leaves_nothing(
    cluster: Cluster, zipapp: Path, namespace: str, tmp_path: Path
) -> None:
    cluster.require_lab()
    with (
        serve_faults(cluster, tmp_path) as servers,
        with_webhook(Scene(cluster, servers, namespace, tmp_path), "suspend", resource="jobs"),
    ):
        client = start_library(cluster, zipapp, cluster.kubeconfig, namespace, waits=True)
        try:
            wait_for("all to be made", lambda: ours_in(cluster, namespace) == PREPARED, REACHED_S)
        finally:
            client.kill()
            client.communicate()
    jobs = cluster.client.get(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]
    assert sorted(job["spec"]["suspend"] for job in jobs) == [True, True]
    wait_for("all to go", lambda: not ours_in(cluster, namespace), GONE_S)


@pytest.mark.parametrize("skew", [1200, -1200])
def test_an_expiry_is_of_the_servers_clock(
    cluster: Cluster, zipapp: Path, namespace: str, own: Authority, tmp_path: Path, skew: int
) -> None:
    gate = Gate("PATCH", "jobs", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_library(cluster, zipapp, kubeconfig, namespace, skew=skew)
        assert gate.reached.wait(REACHED_S), client.communicate(timeout=5)
        (job,) = cluster.client.get(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]
        client.kill()
        client.communicate()
    metadata = job["metadata"]
    created = parse_time(metadata["creationTimestamp"])
    expires = parse_time(metadata["annotations"][EXPIRES_ANNOTATION])
    # Deadline 12 + 2 s, TTL 1 s; the gate's answers came shortly before.
    assert created + 15 - 5 <= expires <= created + 15
    assert cluster.kubectl("delete", "job", metadata["name"], "-n", namespace).returncode == 0
    assert_nothing_left(cluster)


def test_the_next_run_with_roles_removes_the_expired_ones_of_a_killed_one(
    cluster: Cluster,
    zipapp: Path,
    run_snapshot: Callable[..., subprocess.CompletedProcess[str]],
    namespace: str,
    own: Authority,
    tmp_path: Path,
) -> None:
    gate = Gate("PATCH", "jobs", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_library(cluster, zipapp, kubeconfig, namespace, "agent")
        assert gate.reached.wait(REACHED_S), client.communicate(timeout=5)
        client.kill()
        client.communicate()
    wait_for("the Job to go", lambda: not ours_in(cluster, namespace), GONE_S)
    kinds = {"ClusterRole", "ClusterRoleBinding"}

    def only_roles() -> bool:
        return {line.split()[0] for line in ours(cluster)} == kinds

    wait_for("all but the roles to go", only_roles, GONE_S)
    # Not at once: only some time after their expiry.
    ended = run_snapshot("-n", namespace, "-o", "name")
    assert ended.returncode == 0, ended.stderr
    wait_for("the second run's objects to go", only_roles, GONE_S)
    for kind in kinds:
        for item in cluster.client.get(f"{KINDS[kind]}?labelSelector={RUN_LABEL}")["items"]:
            path = f"{KINDS[kind]}/{item['metadata']['name']}"
            annotations = {EXPIRES_ANNOTATION: "2001-01-01T00:00:00Z"}
            cluster.client.patch(path, {"metadata": {"annotations": annotations}})
    ended = run_snapshot("-n", namespace, "-o", "name", "--cluster-scope", "agent")
    assert ended.returncode == 0, ended.stderr
    assert_nothing_left(cluster)


def test_ctrl_c_while_the_first_object_is_made_leaves_nothing(
    cluster: Cluster, start_snapshot: Callable[..., subprocess.Popen[str]], namespace: str
) -> None:
    # The run is reported just before; within two milliseconds it begins to write.
    for attempt in range(16):
        process = start_snapshot("-n", namespace, "--wait-for-schedule", "--node-selector", "no=x")
        assert process.stderr is not None
        assert "starting the agent" in process.stderr.readline()
        threading.Event().wait(attempt / 8000)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_S) == 130
    assert_nothing_left(cluster)


def test_ctrl_c_at_random_moments_of_a_slow_server_leaves_nothing(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
    own: Authority,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """0.5 to 3 s a request, moments of a whole run; SNAPSHOT_INTERRUPTS is their number."""
    runs = int(os.environ.get("SNAPSHOT_INTERRUPTS", "16"))
    dice = random.Random(runs)
    draw = threading.Lock()

    def pause_s() -> float:
        with draw:
            return dice.uniform(0.5, 3.0)

    def interrupt(after_s: float | None) -> tuple[int, float]:
        started = time.monotonic()
        client = start_snapshot("-n", namespace, "-o", "name", kubeconfig=kubeconfig)
        try:
            client.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            client.send_signal(signal.SIGINT)
            _, reported = client.communicate(timeout=240)
            assert "not deleted" not in reported, reported
            # In its first milliseconds Python itself reports the interrupt.
            assert "Traceback" not in reported or "kubectl_snapshot" not in reported, reported
        return client.returncode, time.monotonic() - started

    with gated(cluster, own, NO_GATE, tmp_path, pause_s=pause_s) as kubeconfig:
        code, whole_s = interrupt(None)
        assert code == 0
        moments = [whole_s * (i + random.random()) / runs for i in range(runs)]
        with ThreadPoolExecutor(8) as pool:
            codes = [code for code, _ in pool.map(interrupt, moments)]
    counts = {code: codes.count(code) for code in sorted(set(codes))}
    record_property(FIGURES, f"Ctrl-C under a slow server, whole run {whole_s:.1f} s: {counts}")
    # 1 and -2: Python had not started yet.
    assert set(counts) <= {0, 1, 130, -signal.SIGINT}
    assert counts[130] > runs / 2
    assert_nothing_left(cluster)
