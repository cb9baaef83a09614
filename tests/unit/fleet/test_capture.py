"""A whole fleet, from the flags' configuration to the directory, against a cluster on the wire."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.agent.config import AgentConfig
from kubectl_snapshot.clients.auth.access import ConnectionOptions
from kubectl_snapshot.constants import RUN_LABEL
from kubectl_snapshot.document.fleet.manifest import FleetManifest
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound, Unauthorized
from kubectl_snapshot.fleet import capture as capturing
from kubectl_snapshot.fleet.capture import capture_fleet
from kubectl_snapshot.fleet.files import directory as files
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.fleet.planning.config import FleetConfig
from kubectl_snapshot.fleet.planning.plan import JOB_MARGIN_S, build_fleet_options
from kubectl_snapshot.fleet.planning.preflight import read_fleet_report
from kubectl_snapshot.fleet.run import requests, state
from kubectl_snapshot.fleet.run.engine import HOLD_S
from tests.servers.http_server import Exchange
from tests.servers.kubeconfigs import write_kubeconfig
from tests.unit.fleet.cluster import Cluster, build_config, node, run_cluster

NAMES = [f"n{number}" for number in range(8)]
WAYS = pytest.mark.parametrize("denied", [set(), {"create pods"}], ids=["pods", "jobs"])


def make(*names: str, **changes: Any) -> Cluster:
    return Cluster({name: node(name) for name in names or NAMES}, **changes)


def capture(config: FleetConfig) -> FleetManifest:
    """Capture, and check that the directory says what the entries said."""
    fleet = capture_fleet(config)
    ended = list(fleet)
    again = load_fleet(config.directory)
    assert again.manifest == fleet.manifest
    last = {entry.name: entry for entry in ended}
    assert len(last) == len(ended), "a node ended twice"
    for entry in again.manifest.nodes:
        assert last.get(entry.name, entry) == entry
        if entry.has_file:
            snapshot = again.read_node(entry.name)
            assert snapshot.metadata["source-node"] == entry.name, "not what the node says"
    return fleet.manifest


def by_name(manifest: FleetManifest) -> dict[str, tuple[str, str]]:
    return {entry.name: (entry.status, entry.cause) for entry in manifest.nodes}


@WAYS
def test_each_node_costs_one_object_and_one_log(tmp_path: Path, denied: set[str]) -> None:
    cluster = make(denied=denied)
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f", parallel=3))
    assert by_name(manifest) == dict.fromkeys(NAMES, ("captured", ""))
    assert manifest.settings["pods"] == ("one Job a node" if denied else "client")
    assert cluster.most <= 3, "more pods than the window"
    wait_until(lambda: not cluster.objects)
    kind = "jobs" if denied else "pods"
    seen = [(method, path) for method, path in cluster.seen if "/namespaces/" in path]
    created = [path for method, path in seen if method == "POST" and path.endswith(f"/{kind}")]
    assert len(created) == len(NAMES) + bool(denied)
    deleted = [path for method, path in seen if method == "DELETE" and f"/{kind}/" in path]
    assert (len(deleted), len(set(deleted))) == (len(created), len(created))
    logs = [path for _, path in seen if path.endswith("/log")]
    assert (len(logs), len(set(logs))) == (len(NAMES), len(NAMES))
    (run,) = manifest.runs
    assert (run.state, run.namespace) == ("finished", "ops")
    for entry in manifest.nodes:
        assert (entry.uid, entry.boot_id) == (f"uid-{entry.name}", f"boot-{entry.name}")
        assert entry.run_id == run.run_id
    assert max(entry.seconds for entry in manifest.nodes) > 0


def wait_until(is_true: Any, seconds: float = 10) -> None:
    """Wait for what the fleet's last requests change."""
    done = threading.Event()
    for _ in range(int(seconds * 50)):
        if is_true():
            return
        done.wait(0.02)
    raise AssertionError("it did not happen")


@WAYS
def test_each_failure_has_its_cause_and_harms_no_other(tmp_path: Path, denied: set[str]) -> None:
    faults = {
        "n0": "refuse",
        "n1": "image",
        "n2": "exit",
        "n3": "garbage",
        "n4": "cut",
        "n5": "broken",
        "n6": "delete",
    }
    cluster = make(denied=denied, faults=faults)
    events: list[Mapping[str, Any]] = []
    with run_cluster(cluster, tmp_path) as connection:
        agent = {"on_event": events.append}
        config = build_config(connection, tmp_path / "f", node_timeout=30, agent=agent)
        manifest = capture(config)
    assert by_name(manifest) == {
        "n0": ("failed", "refused by admission"),
        "n1": ("failed", "image pull"),
        "n2": ("failed", "agent exited"),
        "n3": ("failed", "invalid result"),
        "n4": ("failed", "invalid result"),
        "n5": ("failed", "log not served"),
        "n6": ("failed", "pod deleted"),
        "n7": ("captured", ""),
    }
    reasons = {entry.name: entry.reason for entry in manifest.nodes}
    assert "not on n0" in reasons["n0"]
    assert "no such image" in reasons["n1"]
    assert "boom" in reasons["n2"]
    assert "no log for you" in reasons["n5"]
    wait_until(lambda: not cluster.objects)
    told = {event["node"]: event for event in events if event["event"] == "node"}
    assert {name: told[name]["status"] for name in NAMES} == {
        name: status for name, (status, _) in by_name(manifest).items()
    }
    assert told["n0"]["cause"] == "refused by admission"
    (announced,) = [event for event in events if event["event"] == "fleet"]
    assert (announced["nodes"], announced["skipped"], announced["kept"]) == (8, 0, 0)
    progress = [event for event in events if event["event"] == "progress"]
    assert progress[0]["nodes"] == 8
    assert {event["nodes"] for event in progress} == {8}


def test_every_document_has_the_version_that_is_asked_for(tmp_path: Path) -> None:
    with run_cluster(make("n1", "n2"), tmp_path) as connection:
        capture(build_config(connection, tmp_path / "f", api_version="aicr.run/v1"))
    fleet = load_fleet(str(tmp_path / "f"))
    versions = [fleet.read_node(name).api_version for name in ("n1", "n2")]
    assert versions == ["aicr.run/v1"] * 2


@WAYS
def test_a_quota_is_waited_for(tmp_path: Path, denied: set[str]) -> None:
    cluster = make(denied=denied, max_pods=2)
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f"))
    assert by_name(manifest) == dict.fromkeys(NAMES, ("captured", ""))
    assert cluster.most == 2


def test_a_pod_refused_for_quota_is_tried_three_times_with_a_pause(tmp_path: Path) -> None:
    """A pod that was just deleted still counts."""
    cluster = make("n0", max_pods=0)
    asked: list[float] = []
    serve = cluster.answer

    def answer(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.path.endswith("/pods"):
            asked.append(time.monotonic())
        serve(exchange)

    cluster.answer = answer  # type: ignore[method-assign]
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f"))
    assert by_name(manifest) == {"n0": ("failed", "quota")}
    assert len(asked) == 3
    assert min(later - earlier for earlier, later in zip(asked, asked[1:])) >= HOLD_S


def test_a_quota_without_any_room_fails_the_node_of_a_job(tmp_path: Path) -> None:
    cluster = make("n0", denied={"create pods"}, max_pods=0)
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f", node_timeout=2))
    assert by_name(manifest) == {"n0": ("failed", "quota")}


def test_a_node_that_is_silent_fails_at_its_deadline_and_is_resumed(tmp_path: Path) -> None:
    cluster = make(faults={"n1": "hang", "n2": "hang"})
    with run_cluster(cluster, tmp_path) as connection:
        first = capture(build_config(connection, tmp_path / "f", node_timeout=1.5))
        assert {n for n, state in by_name(first).items() if state == ("failed", "deadline")} == {
            "n1",
            "n2",
        }
        cluster.faults.clear()
        cluster.nodes["n3"]["status"]["nodeInfo"]["bootID"] = "another"
        cluster.nodes["n4"]["metadata"]["uid"] = "another"
        del cluster.nodes["n5"]
        cluster.nodes["new"] = node("new")
        (tmp_path / "f" / "nodes" / "n6.yaml").write_text("changed")
        cluster.created.clear()
        second = capture(build_config(connection, tmp_path / "f", resume=True))
    pods = [name for name in cluster.created if "-0" in name]
    assert len(pods) == 6, "n1, n2, n3, n4, n6 and new"
    assert [run.state for run in second.runs] == ["finished", "finished"]
    assert set(by_name(second)) == {*NAMES, "new"}
    assert {status for status, _ in by_name(second).values()} == {"captured"}
    assert second.departed == ("n5",)
    kept = {entry.name for entry in second.nodes if entry.run_id == first.runs[0].run_id}
    assert kept == {"n0", "n5", "n7"}


def test_a_log_that_ended_too_early_is_read_again(tmp_path: Path) -> None:
    cluster = make("n0", "n1", faults={"n1": "flaky"})
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f", node_timeout=30))
    assert by_name(manifest) == dict.fromkeys(("n0", "n1"), ("captured", ""))
    assert sum(path.endswith("/log") for _, path in cluster.seen) == 3


def test_a_silent_node_is_probed_and_lost_if_its_kubelet_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "SILENCE_S", 0.3)
    monkeypatch.setattr(requests, "PROBE_S", 1.0)
    cluster = make("n0", "n1", "n2", faults={"n1": "lost", "n2": "hang"})
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f", node_timeout=8))
    assert by_name(manifest) == {
        "n0": ("captured", ""),
        "n1": ("failed", "node lost"),
        "n2": ("failed", "deadline"),
    }
    probes = [path for _, path in cluster.seen if path.endswith("-00002/log")]
    assert len(probes) > 2, "n2 is probed again after an answer"


def test_no_more_pods_after_too_many_failures(tmp_path: Path) -> None:
    cluster = make(faults=dict.fromkeys(NAMES, "exit"))
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f", parallel=1, max_failures=2))
    states = Counter(by_name(manifest).values())
    assert states == {("failed", "agent exited"): 2, ("skipped", "not started"): 6}
    assert manifest.runs[0].state == "stopped"
    reasons = {entry.reason for entry in manifest.nodes if entry.status == "skipped"}
    assert reasons == {"stopped after 2 failed nodes"}


def test_the_runs_own_time_ends_every_node(tmp_path: Path) -> None:
    cluster = make(faults=dict.fromkeys(NAMES, "hang"))
    with run_cluster(cluster, tmp_path) as connection:
        config = build_config(connection, tmp_path / "f", parallel=2, timeout=4, node_timeout=60)
        manifest = capture(config)
    states = Counter(by_name(manifest).values())
    assert states == {("failed", "deadline"): 2, ("skipped", "not started"): 6}
    assert manifest.runs[0].state == "stopped"


def test_a_node_that_the_runs_own_time_ends_stops_the_run_and_says_how_long_it_had(
    tmp_path: Path,
) -> None:
    cluster = make("n1", faults={"n1": "hang"})
    with run_cluster(cluster, tmp_path) as connection:
        config = build_config(connection, tmp_path / "f", timeout=4, node_timeout=60)
        manifest = capture(config)
    assert by_name(manifest) == {"n1": ("failed", "deadline")}
    # Of the run's 4 s, not of the node's 60.
    assert re.match("no result within [1-4] s: the pod on n1 is Running", manifest.nodes[0].reason)
    assert manifest.runs[0].state == "stopped"


@pytest.mark.parametrize(
    ("state", "is_removed"), [("running", True), ("stopped", True), ("finished", False)]
)
def test_what_an_earlier_run_left_is_deleted_by_the_next_one(
    tmp_path: Path, state: str, is_removed: bool
) -> None:
    """Of a run that was killed, or that lost the API server; a finished one is not asked for."""
    cluster = make("n0", "n1")
    warnings: list[Mapping[str, Any]] = []
    with run_cluster(cluster, tmp_path) as connection:
        first = capture(build_config(connection, tmp_path / "f"))
        wait_until(lambda: not cluster.objects)
        (run,) = first.runs
        left = replace(first, runs=(replace(run, state=state),))
        files.write_manifest(str(tmp_path / "f"), left)
        labels = {"app.kubernetes.io/managed-by": "kubectl-snapshot", RUN_LABEL: run.run_id}
        for kind in ("Job", "Pod"):
            name = f"kubectl-snapshot-{run.run_id}-{kind.lower()}"
            metadata = {"name": name, "namespace": "ops", "uid": "u", "labels": labels}
            cluster.objects[name] = {"kind": kind, "metadata": metadata}
        agent = {"on_event": warnings.append}
        capture(build_config(connection, tmp_path / "f", resume=True, agent=agent))
    assert (not cluster.objects) == is_removed
    told = " ".join(event["message"] for event in warnings if event["event"] == "warning")
    assert "may be left" not in told
    assert "the redaction key differs from the earlier run's" in told, "documents of it stay"


def test_a_failure_to_delete_what_an_earlier_run_left_is_a_warning(tmp_path: Path) -> None:
    cluster = make("n0")
    events: list[Mapping[str, Any]] = []
    serve = cluster.answer

    def answer(exchange: Exchange) -> None:
        if exchange.method == "DELETE":
            exchange.send(403, {"kind": "Status", "message": "not yours"})
        else:
            serve(exchange)

    with run_cluster(cluster, tmp_path) as connection:
        first = capture(build_config(connection, tmp_path / "f"))
        wait_until(lambda: not cluster.objects)
        (run,) = first.runs
        left = replace(first, runs=(replace(run, state="running"),))
        files.write_manifest(str(tmp_path / "f"), left)
        cluster.denied.add("list jobs")
        cluster.answer = answer  # type: ignore[method-assign]
    with run_cluster(cluster, tmp_path) as connection:
        labels = {"app.kubernetes.io/managed-by": "kubectl-snapshot", RUN_LABEL: run.run_id}
        metadata = {"name": "p", "namespace": "ops", "uid": "u", "labels": labels}
        cluster.objects["p"] = {"kind": "Pod", "metadata": metadata}
        agent = {"on_event": events.append}
        capture(build_config(connection, tmp_path / "f", resume=True, agent=agent))
    told = [event.get("message", "") for event in events]
    assert any("not yours" in text for text in told if f"run {run.run_id} may be left" in text)


@pytest.mark.parametrize("is_reachable", [True, False])
def test_what_cannot_be_deleted_is_named_with_the_command_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_reachable: bool
) -> None:
    """An API server that is gone is not asked which nodes have arrived."""
    monkeypatch.setattr(capturing, "CLEANUP_S", 1.0)
    cluster = make("n0")
    events: list[Mapping[str, Any]] = []
    serve = cluster.answer
    listed: list[str] = []

    def answer(exchange: Exchange) -> None:
        if exchange.method == "DELETE" and "/jobs/" in exchange.path:
            listed.clear()
            cluster.nodes["new"] = node("new")
            refusal = {"kind": "Status", "message": "not yours"}
            exchange.send(403, refusal) if is_reachable else exchange.reset()
            return
        if "/nodes" in exchange.path:
            listed.append(exchange.path)
        serve(exchange)

    cluster.answer = answer  # type: ignore[method-assign]
    with run_cluster(cluster, tmp_path) as connection:
        config = build_config(connection, tmp_path / "f", agent={"on_event": events.append})
        manifest = capture(config)
    (run,) = manifest.runs
    assert by_name(manifest) == {"n0": ("captured", "")}
    assert (len(listed), manifest.arrived) == ((1, ("new",)) if is_reachable else (0, ()))
    (left,) = [event for event in events if event["event"] == "left-behind"]
    reasons = [reason for reason in left["reasons"] if reason.startswith("Job ")]
    assert len(reasons) == 1
    assert f"kubectl-snapshot-{run.run_id}: " in reasons[0]
    assert ("not yours" in reasons[0]) == is_reachable
    (command,) = left["commands"]
    assert f"cleanup --run {run.run_id} -n ops" in command


def test_an_interrupt_lets_running_nodes_finish(tmp_path: Path) -> None:
    cluster, cancel = make(), threading.Event()
    with run_cluster(cluster, tmp_path) as connection:
        config = build_config(connection, tmp_path / "f", parallel=2, agent={"cancel": cancel})
        fleet = capture_fleet(config)
        statuses = []
        for entry in fleet:
            cancel.set()
            statuses.append(entry.status)
    assert Counter(statuses).keys() == {"captured", "skipped"}
    assert len(statuses) == len(NAMES)
    assert fleet.manifest.runs[0].state == "interrupted"
    wait_until(lambda: not cluster.objects)


def test_what_cannot_run_a_pod_is_skipped_with_its_cause(tmp_path: Path) -> None:
    cluster = make("n0", "windows", "cold", "virtual")
    cluster.nodes["windows"]["metadata"]["labels"]["kubernetes.io/os"] = "windows"
    cluster.nodes["cold"]["status"]["conditions"][0].update(status="False", message="no kubelet")
    cluster.nodes["virtual"]["metadata"]["labels"]["type"] = "virtual-kubelet"
    with run_cluster(cluster, tmp_path) as connection:
        config = build_config(connection, tmp_path / "f")
        report = read_fleet_report(config)
        assert not (tmp_path / "f").exists()
        manifest = capture(config)
    assert by_name(manifest) == {
        "n0": ("captured", ""),
        "windows": ("skipped", "not Linux"),
        "cold": ("skipped", "not Ready"),
        "virtual": ("skipped", "virtual kubelet"),
    }
    told = [check.reason for check in report.checks if check.name == "nodes"]
    assert told[0] == "1 of 4 would be captured: n0"
    assert "cold: since 2026-11-28T00:00:00Z: no kubelet" in " ".join(told)
    assert (len(told), report.coverage) == (4, 0.25)


def test_preflight_refuses_what_the_capture_would(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="invalid number of parallel pods 0"):
        read_fleet_report(FleetConfig(str(tmp_path), all_nodes=True, parallel=0))


def test_preflight_of_a_server_that_does_not_answer_asks_for_no_nodes(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", {"server": "http://127.0.0.1:1"})
    connection = ConnectionOptions(kubeconfig=str(kubeconfig), namespace="ops")
    report = read_fleet_report(build_config(connection, tmp_path / "f"))
    assert report.checks
    assert "nodes" not in {check.name for check in report.checks}
    assert report.coverage == 0


def test_preflight_says_how_pods_are_created_and_what_a_resumed_run_lacks(tmp_path: Path) -> None:
    cluster = make(faults={"n1": "exit"})
    with run_cluster(cluster, tmp_path) as connection:
        capture(build_config(connection, tmp_path / "f"))
        cluster.denied.add("delete pods")
        cluster.created.clear()
        report = read_fleet_report(build_config(connection, tmp_path / "f", resume=True))
    reasons = {check.name: check.reason for check in report.checks}
    assert reasons["nodes"] == "1 of 8 would be captured: n1; 7 are in the fleet already"
    assert reasons["pods"].startswith("created by one Job a node")
    assert (report.coverage, cluster.created) == (1, [])


@pytest.mark.parametrize(
    ("changes", "error", "what"),
    [
        ({"selector": "kubernetes.io/os=bsd"}, NotFound, "no node matches the selector"),
        ({"nodes": ("n00",)}, NotFound, "no node matches n00"),
        ({"resume": True}, NotFound, "no fleet to resume"),
    ],
)
def test_nothing_to_capture_is_an_error_and_leaves_no_directory(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], what: str
) -> None:
    with run_cluster(make(), tmp_path) as connection:
        fleet = capture_fleet(build_config(connection, tmp_path / "f", **changes))
        with pytest.raises(error, match=what):
            list(fleet)
    assert not (tmp_path / "f").exists()


def test_missing_permissions_are_told_at_once(tmp_path: Path) -> None:
    denied = {"create jobs", "create pods", "list nodes", "get pods"}
    with run_cluster(make(denied=denied), tmp_path) as connection:
        fleet = capture_fleet(build_config(connection, tmp_path / "f"))
        with pytest.raises(Unauthorized) as caught:
            list(fleet)
    assert "create jobs.batch" in caught.value.what
    assert "list nodes" in caught.value.what
    assert "pods;" not in caught.value.what.replace("watch pods", "").replace("pods/log", "")


def test_a_disk_that_fills_up_ends_the_run_and_its_directory_stays_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, write = 0, files.write_document

    def write_some(directory: str, file: str, snapshot: Any) -> str:
        nonlocal written
        written += 1
        if written > 3:
            raise Internal(f"cannot write {directory}/{file}", "No space left on device")
        return write(directory, file, snapshot)

    monkeypatch.setattr(files, "write_document", write_some)
    cluster = make()
    with run_cluster(cluster, tmp_path) as connection:
        fleet = capture_fleet(build_config(connection, tmp_path / "f", parallel=1))
        with pytest.raises(Internal, match="No space left"):
            list(fleet)
    found = load_fleet(str(tmp_path / "f")).manifest
    states = Counter(by_name(found).values())
    assert states == {
        ("captured", ""): 3,
        ("failed", "cannot write"): 1,
        ("skipped", "not started"): 4,
    }
    assert len(os.listdir(tmp_path / "f" / "nodes")) == 3
    assert found.runs[0].state == "stopped"
    wait_until(lambda: not cluster.objects)


def test_a_full_disk_is_the_cause_of_every_node_that_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(directory: str, file: str, snapshot: Any) -> str:
        raise Internal(f"cannot write {directory}/{file}", "No space left on device")

    monkeypatch.setattr(files, "write_document", fail)
    cluster = make(faults={"n1": "hang", "n2": "hang"})
    with (
        run_cluster(cluster, tmp_path) as connection,
        pytest.raises(Internal, match="No space left"),
    ):
        list(capture_fleet(build_config(connection, tmp_path / "f", parallel=3)))
    found = by_name(load_fleet(str(tmp_path / "f")).manifest)
    assert Counter(found.values()) == {("failed", "cannot write"): 3, ("skipped", "not started"): 5}


def test_a_directory_of_something_else_or_of_another_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "letter.txt").touch()
    with run_cluster(make(), tmp_path) as connection:
        config = build_config(connection, tmp_path / "f")
        with pytest.raises(InvalidRequest, match="holds something else"):
            list(capture_fleet(config))
        (tmp_path / "f" / "letter.txt").unlink()
        locked = files.open_directory(str(tmp_path / "f"), is_resumed=False)
        with pytest.raises(InvalidRequest, match="another run writes"):
            list(capture_fleet(config))
        locked.close()
        capture(config)
        with pytest.raises(InvalidRequest, match="is a fleet already"):
            list(capture_fleet(config))


def test_the_selection_of_a_resumed_fleet_is_its_own(tmp_path: Path) -> None:
    with run_cluster(make(), tmp_path) as connection:
        capture(build_config(connection, tmp_path / "f", nodes=("n0", "n1")))
        again = capture(build_config(connection, tmp_path / "f", resume=True))
        assert set(by_name(again)) == {"n0", "n1"}
        same = build_config(connection, tmp_path / "f", resume=True, nodes=("n0", "n1"))
        assert set(by_name(capture(same))) == {"n0", "n1"}
        other = build_config(connection, tmp_path / "f", resume=True, nodes=("n2",))
        with pytest.raises(InvalidRequest, match="has another selection"):
            list(capture_fleet(other))


def test_a_fleet_of_a_selector_is_resumed_with_it(tmp_path: Path) -> None:
    with run_cluster(make(), tmp_path) as connection:
        selector = "kubernetes.io/hostname=n1"
        capture(build_config(connection, tmp_path / "f", selector=selector))
        again = capture(build_config(connection, tmp_path / "f", resume=True))
    assert set(by_name(again)) == {"n1"}
    assert again.selection == {"selector": selector}


def test_the_document_of_an_earlier_boot_does_not_stay(tmp_path: Path) -> None:
    cluster = make("n0", "n1")
    with run_cluster(cluster, tmp_path) as connection:
        capture(build_config(connection, tmp_path / "f"))
        cluster.nodes["n0"]["status"]["nodeInfo"]["bootID"] = "another"
        cluster.faults["n0"] = "exit"
        again = capture(build_config(connection, tmp_path / "f", resume=True))
    assert by_name(again)["n0"] == ("failed", "agent exited")
    assert os.listdir(tmp_path / "f" / "nodes") == ["n1.yaml"]


def test_without_cleanup_the_objects_stay_and_the_command_is_said(tmp_path: Path) -> None:
    cluster = make("n0")
    events: list[Mapping[str, Any]] = []
    agent = {"cleanup": False, "on_event": events.append}
    with run_cluster(cluster, tmp_path) as connection:
        manifest = capture(build_config(connection, tmp_path / "f", agent=agent))
    (run,) = manifest.runs
    assert f"kubectl-snapshot-{run.run_id}" in cluster.objects
    (kept,) = [event for event in events if event["event"] == "kept"]
    assert f"cleanup --run {run.run_id} -n ops" in kept["commands"][0]


def test_the_runs_job_outlives_the_run_and_a_pod_only_its_node() -> None:
    agent = AgentConfig(agent="image")
    config = FleetConfig("d", all_nodes=True, agent=agent, timeout=600, node_timeout=90)
    options = build_fleet_options(config, "ops")
    assert (options.timeout_s, options.job_deadline_margin_s) == (90, 600 - 90 + JOB_MARGIN_S)
    assert (options.cluster_scope, JOB_MARGIN_S) == ("client", 60)
    short = build_fleet_options(replace(config, timeout=30), "ops")
    assert short.job_deadline_margin_s == JOB_MARGIN_S
