"""A fleet: two real nodes and many fake ones, on a lab of its own."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.document.fleet.manifest import FleetManifest, FleetNode
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.job.frame.encode import encode_frame
from tests.cluster import support
from tests.cluster.conftest import Finished, Started
from tests.cluster.test_capture_interrupted import interrupt_until_it_ends
from tests.lab import fake_nodes, processes
from tests.lab.layout import CONTROL_PLANE
from tests.lab.machine import PATIENCE_S, wait_for
from tests.servers.certificates import make_authority, sign
from tests.servers.http_server import Exchange, Server, serve
from tests.validation import parse_valid

FAKES = 24
REAL = ("node1", "node2")
FAKE_LABEL = "lab/fake"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PODS = "/api/v1/namespaces/{}/pods"


@pytest.fixture(scope="module")
def lab(
    cluster: support.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[support.Cluster]:
    """A cluster with fake nodes; that of SNAPSHOT_TEST_LAB if it has some."""
    cluster.require_lab()
    if cluster.client.get(f"/api/v1/nodes?labelSelector={FAKE_LABEL}")["items"]:
        yield cluster
        return
    name = f"fleet-{os.getpid()}"

    def run_kit(*argv: str) -> None:
        subprocess.run([sys.executable, "-B", str(support.KIT), *argv], check=True)

    try:
        run_kit("up", "--name", name, "--nodes", "2", "--fake-nodes", str(FAKES))
        found = support.use_lab(name, tmp_path_factory.mktemp("fleet-home"))
        with closing(found.client):
            yield found
    finally:
        run_kit("down", "--name", name)


@pytest.fixture(autouse=True)
def fake_logs(lab: support.Cluster, run_snapshot: Callable[..., Finished]) -> Iterator[Path]:
    """The logs of the fake nodes: by default the document of a real node, captured now."""
    assert lab.state is not None
    logs = lab.state / "fake-logs"
    before = set(logs.iterdir())
    if not (logs / "default.json").exists():
        argv = ("--node", REAL[0], "--skip", "K8s", "--skip", "NodeTopology", "-o", "json")
        captured = run_snapshot(*argv, kubeconfig=lab.kubeconfig)
        assert captured.returncode == 0, captured.stderr
        (logs / "default.json").write_text(captured.stdout)
        before.add(logs / "default.json")
    yield logs
    for path in set(logs.iterdir()) - before:
        path.unlink()


@pytest.fixture
def namespace(lab: support.Cluster) -> Iterator[str]:
    with support.temporary_namespace(lab) as name:
        yield name


@pytest.fixture
def capture(
    lab: support.Cluster, namespace: str, run_snapshot: Callable[..., Finished]
) -> Callable[..., Finished]:
    def run(*argv: str, code: int = 0) -> Finished:
        ended = run_snapshot(*argv, "-n", namespace, kubeconfig=lab.kubeconfig)
        assert ended.returncode == code, ended.stderr
        return ended

    return run


def read(directory: Path) -> FleetManifest:
    """Return the manifest, after checking every file that it names."""
    manifest = load_fleet(str(directory)).manifest
    for node in manifest.nodes:
        if node.has_file:
            content = (directory / node.file).read_bytes()
            assert sha256(content).hexdigest() == node.sha256, node.name
    listed = {node.file for node in manifest.nodes if node.has_file}
    assert listed == {f"nodes/{name}" for name in os.listdir(directory / "nodes")}
    return manifest


def names(lab: support.Cluster) -> set[str]:
    return set(lab.nodes)


def by_name(manifest: FleetManifest) -> dict[str, FleetNode]:
    return {node.name: node for node in manifest.nodes}


def find(snapshot: Snapshot, path: str) -> Any:
    type_, subtype, key = path.split(".", 2)
    return next(
        s.data.get(key)
        for m in snapshot.measurements
        if m.type == type_
        for s in m.subtypes
        if s.name == subtype
    )


def test_every_node_is_captured_once_and_nothing_stays(
    lab: support.Cluster, capture: Callable[..., Finished], namespace: str, tmp_path: Path
) -> None:
    since = lab.audit_size()
    directory = tmp_path / "fleet"
    ended = capture("--all-nodes", "-o", f"{directory}/", "--strict")
    manifest = read(directory)
    assert set(by_name(manifest)) == names(lab)
    assert Counter(node.status for node in manifest.nodes) == {"captured": len(names(lab))}
    assert ended.stdout == ""
    assert f"{len(manifest.nodes)} of {len(manifest.nodes)} nodes captured (100 %)" in ended.stderr
    (run,) = manifest.runs
    assert run.state == "finished"
    support.assert_nothing_left(lab, run.run_id)

    for name in (*REAL, fake_nodes.name(1)):
        snapshot = parse_valid((directory / "nodes" / f"{name}.yaml").read_text())
        assert snapshot.metadata["source-node"] == name == find(snapshot, "K8s.node.source-node")
        assert snapshot.metadata["run-id"] == run.run_id
        assert {m.type for m in snapshot.measurements} >= {"K8s", "OS", "SystemD"}
    values = [
        find(parse_valid((directory / "nodes" / f"{name}.yaml").read_text()), path)
        for name in REAL
        for path in ("OS.release.VARIANT_ID",)
    ]
    assert values == list(REAL)
    shared = parse_valid((directory / "cluster.yaml").read_text())
    assert {m.type for m in shared.measurements} == {"K8s", "NodeTopology"}
    subtypes = {s.name for m in shared.measurements for s in m.subtypes}
    assert not subtypes.intersection(("node", "node-status", "kubelet"))
    check_requests(lab, since, namespace, len(manifest.nodes))


def check_requests(lab: support.Cluster, since: int, namespace: str, count: int) -> None:
    """Each node costs one create, one log and one delete; the rest does not depend on them."""
    events = [
        event
        for event in lab.audit(since)
        if event["stage"] == "ResponseComplete"
        and event.get("objectRef", {}).get("namespace") == namespace
        and event["userAgent"].startswith("kubectl-snapshot/")
        and "dryRun" not in event["requestURI"]
    ]
    counted = Counter(
        (
            event["verb"],
            "/".join(
                filter(
                    None, [event["objectRef"]["resource"], event["objectRef"].get("subresource")]
                )
            ),
        )
        for event in events
    )
    assert counted["create", "pods"] == counted["get", "pods/log"] == count
    assert counted["delete", "pods"] == count
    assert counted["watch", "pods"] <= 3
    assert counted["create", "jobs"] == counted["delete", "jobs"] == 1
    assert counted["create", "configmaps"] == counted["create", "secrets"] == 1
    assert sum(n for (verb, _), n in counted.items() if verb == "patch") == 0


def title(of: dict[str, str]) -> str:
    return f"{of['resource']}/{of['subresource']}" if "subresource" in of else of["resource"]


def test_nodes_are_chosen_by_selector_names_and_file(
    lab: support.Cluster, capture: Callable[..., Finished], tmp_path: Path
) -> None:
    selector = f"kubernetes.io/hostname in ({fake_nodes.name(1)},{fake_nodes.name(2)},x)"
    capture("-l", selector, "-o", f"{tmp_path}/a/")
    assert set(by_name(read(tmp_path / "a"))) == {fake_nodes.name(1), fake_nodes.name(2)}
    (tmp_path / "names").write_text(f"{fake_nodes.name(3)}\nno-such-node\n")
    ended = capture(
        "--nodes-from", f"{tmp_path}/names", "-o", f"{tmp_path}/b/", "--strict", code=10
    )
    found = by_name(read(tmp_path / "b"))
    assert found[fake_nodes.name(3)].status == "captured"
    assert (found["no-such-node"].status, found["no-such-node"].cause) == (
        "skipped",
        "no such node",
    )
    assert "no such node" in ended.stderr
    ended = capture("-l", "lab/fake=no", "-o", f"{tmp_path}/c/", code=3)
    assert "labels that exist: lab/fake=true" in ended.stderr
    assert not (tmp_path / "c").exists()


def test_a_tar_file_is_written_from_what_a_killed_run_left_and_piped_to_a_verb(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    run_snapshot: Callable[..., Finished],
    namespace: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "fleet.tar.gz"
    process = start_slowly(lab, start_snapshot, namespace, path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [found.name for found in tmp_path.iterdir()] == ["fleet.tar.gz.part"]
    words = ("--resume", f"{path}.part", "-o", str(path), "--strict", "-n", namespace)
    ended = run_snapshot(*words, kubeconfig=lab.kubeconfig)
    assert ended.returncode == 0, ended.stderr
    assert [found.name for found in tmp_path.iterdir()] == ["fleet.tar.gz"]
    fleet = load_fleet(str(path))
    assert {node.name for node in fleet if node.has_file} == names(lab)
    assert fleet.read_node(REAL[0]).metadata["source-node"] == REAL[0]

    place = f"cm://{namespace}/fleet.tar.gz"
    words = ("-l", FAKE_LABEL, "-n", namespace, "-o", place)
    assert run_snapshot(*words, kubeconfig=lab.kubeconfig).returncode == 0
    read = ("query", place, "K8s.node.source-node", "-o", "value")
    values = run_snapshot(*read, kubeconfig=lab.kubeconfig).stdout
    assert {line.split()[0] for line in values.splitlines()} == names(lab) - {*REAL}

    capture = f"{support.DIST}/kubectl-snapshot -l {FAKE_LABEL} -n {namespace} --quiet -o -"
    query = f"{support.DIST}/kubectl-snapshot query - K8s.node.source-node -o value"
    piped = support.run(["bash", "-c", f"{capture} | {query}"], lab.environment(), 60)
    assert {line.split()[0] for line in piped.stdout.splitlines()} == names(lab) - {*REAL}


def test_each_failure_is_in_the_manifest_with_its_cause(
    lab: support.Cluster, capture: Callable[..., Finished], fake_logs: Path, tmp_path: Path
) -> None:
    broken, silent, hostile, refused, other = map(fake_nodes.name, (1, 2, 3, 4, 5))
    (fake_logs / f"{broken}.fault").write_text("status 500")
    (fake_logs / f"{silent}.fault").write_text("hang")
    (fake_logs / f"{hostile}.json").write_text('{"kind": "Snapshot", "measurements": 1}')
    with denied_node(lab, refused, other):
        limits = ("--node-timeout", "10s", "--min-coverage", "99%")
        ended = capture("-l", FAKE_LABEL, "-o", f"{tmp_path}/f/", *limits, code=10)
    manifest = read(tmp_path / "f")
    found = by_name(manifest)
    causes = {name: found[name].cause for name in (broken, silent, hostile, refused, other)}
    assert causes == {
        broken: "log not served",
        silent: "deadline",
        hostile: "invalid result",
        refused: "refused by admission",
        other: "refused by admission",
    }
    assert "not on this node" in found[refused].reason
    others = [node for node in manifest.nodes if node.name not in causes]
    assert {node.status for node in others} == {"captured"}
    for cause in causes.values():
        assert cause in ended.stderr
    support.assert_nothing_left(lab, manifest.runs[0].run_id)

    for path in fake_logs.glob("fake-*"):
        path.unlink()
    capture("--resume", f"{tmp_path}/f", "--strict")
    again = read(tmp_path / "f")
    assert Counter(node.status for node in again.nodes) == {"captured": len(manifest.nodes)}
    kept = {node.name: node for node in again.nodes}
    assert all(kept[node.name] == node for node in others), "captured again"


@contextmanager
def denied_node(lab: support.Cluster, node: str, *others: str) -> Iterator[None]:
    """A policy that refuses every pod pinned to one of these nodes."""
    name = "snapshot-test-deny"
    term = "object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    rule = f"!(has(object.spec.affinity) && {term}.nodeSelectorTerms[0].matchFields[0].values[0]"
    rules = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    policy = {
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Ignore",
            "matchConstraints": {"resourceRules": [{**rules, "resources": ["pods"]}]},
            "validations": [
                {"expression": f"{rule} in {[node, *others]})", "message": "not on this node"}
            ],
        },
    }
    binding = {
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    try:
        for kind, body in zip(kinds, (policy, binding)):
            lab.client.call("POST", f"{ADMISSION}/{kind}", body)
        wait_for("the policy to be in force", lambda: is_denied(lab, node), pause=0.5)
        yield
    finally:
        for kind in kinds:
            with contextlib.suppress(Exception):
                lab.client.call("DELETE", f"{ADMISSION}/{kind}/{name}")
        wait_for("the policy to be gone", lambda: not is_denied(lab, node), pause=0.5)


def is_denied(lab: support.Cluster, node: str) -> bool:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    body = {
        "metadata": {"name": "denied"},
        "spec": {
            "containers": [{"name": "c", "image": "x"}],
            "affinity": {"nodeAffinity": affinity},
        },
    }
    try:
        lab.client.call("POST", f"{PODS.format('default')}?dryRun=All", body)
    except Exception as error:  # noqa: BLE001  any refusal that names our policy
        return "not on this node" in str(error)
    return False


@pytest.fixture
def jobs_user(
    lab: support.Cluster, namespace: str, run_snapshot: Callable[..., Finished]
) -> Iterator[str]:
    """The kubeconfig of a user with what `rbac` prints for a fleet, but no pods to create."""
    printed = run_snapshot("rbac", "--for", "user", "--all-nodes", "-n", namespace)
    assert printed.returncode == 0, printed.stderr
    of_user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}
    made = []
    try:
        for role in yaml.safe_load_all(printed.stdout):
            for rule in role["rules"]:
                if "pods" in rule["resources"] and "namespace" in role["metadata"]:
                    rule["verbs"] = ["list", "watch"]
            where = f"/namespaces/{namespace}" if role["kind"] == "Role" else ""
            reference = {"apiGroup": of_user["apiGroup"], "kind": role["kind"]}
            reference["name"] = role["metadata"]["name"]
            binding = {
                "metadata": {"name": role["metadata"]["name"]},
                "roleRef": reference,
                "subjects": [of_user],
            }
            for kind, body in ((f"{role['kind']}s", role), (f"{role['kind']}Bindings", binding)):
                path = f"/apis/rbac.authorization.k8s.io/v1{where}/{kind.lower()}"
                lab.client.call("POST", path, body)
                made.append(f"{path}/{body['metadata']['name']}")
        assert lab.nobody_kubeconfig is not None
        yield lab.nobody_kubeconfig
    finally:
        for path in made:
            lab.client.call("DELETE", path)


def test_without_permission_to_create_pods_one_job_a_node_gives_the_same(
    lab: support.Cluster,
    run_snapshot: Callable[..., Finished],
    jobs_user: str,
    namespace: str,
    fake_logs: Path,
    tmp_path: Path,
) -> None:
    user = {"kubeconfig": jobs_user}
    checked = run_snapshot("preflight", "--all-nodes", "-n", namespace, **user)
    assert checked.returncode == 0, checked.stdout
    assert "created by one Job a node: missing permissions create, delete on pods" in checked.stdout
    assert f"{len(names(lab))} of {len(names(lab))} would be captured" in checked.stdout

    # A quota of pods stops the Job controller, and a policy refuses the pods of one node.
    refused = fake_nodes.name(4)
    (fake_logs / f"{fake_nodes.name(1)}.fault").write_text("status 500")
    limit_pods(lab, namespace, 5)
    since = lab.audit_size()
    directory = tmp_path / "fleet"
    with denied_node(lab, refused):
        argv = ("--all-nodes", "-n", namespace, "-o", f"{directory}/", "--min-coverage", "90%")
        ended = run_snapshot(*argv, **user)
    assert ended.returncode == 0, ended.stderr
    manifest = read(directory)
    assert manifest.settings["pods"] == "one Job a node"
    causes = {node.name: node.cause for node in manifest.nodes if not node.has_file}
    assert causes == {fake_nodes.name(1): "log not served", refused: "refused by admission"}
    assert set(by_name(manifest)) == names(lab)
    snapshot = parse_valid((directory / "nodes" / f"{REAL[0]}.yaml").read_text())
    assert find(snapshot, "OS.release.VARIANT_ID") == REAL[0]
    support.assert_nothing_left(lab, manifest.runs[0].run_id)
    counted = Counter(
        (event["verb"], title(event["objectRef"]))
        for event in lab.audit(since)
        if event["stage"] == "ResponseComplete"
        and event["user"]["username"] == "nobody"
        and "dryRun" not in event["requestURI"]
        and event.get("objectRef", {}).get("namespace") == namespace
    )
    assert counted["create", "jobs"] == counted["delete", "jobs"] == len(names(lab)) + 1
    assert counted["create", "pods"] == counted["delete", "pods"] == 0


def limit_pods(lab: support.Cluster, namespace: str, count: int) -> None:
    """Allow this many pods at a time in a namespace."""
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": str(count)}}}
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    lab.client.call("POST", path, quota)
    wait_for(
        "the quota to be in force",
        lambda: lab.client.get(f"{path}/few").get("status", {}).get("hard"),
    )


def test_a_quota_only_makes_it_slower(
    lab: support.Cluster, capture: Callable[..., Finished], namespace: str, tmp_path: Path
) -> None:
    limit_pods(lab, namespace, 5)
    since = lab.audit_size()
    capture("-l", FAKE_LABEL, "-o", f"{tmp_path}/q/", "--strict")
    assert {node.status for node in read(tmp_path / "q").nodes} == {"captured"}
    codes = Counter(
        event["responseStatus"]["code"]
        for event in created(lab, since, namespace)
        if event["objectRef"]["resource"] == "pods"
    )
    assert codes[201] == FAKES
    assert 0 < codes[403] <= 2 * FAKES, "refused, and asked for again and again"


def start_slowly(
    lab: support.Cluster,
    start: Callable[..., Started],
    namespace: str,
    directory: Path,
    count: int = 6,
    *flags: str,
) -> Started:
    """Start a capture of all nodes, four at a time, and return once so many are captured.

    `directory` may be a tar file; `flags` replace those that select nodes.
    """
    place = str(directory) if directory.suffix else f"{directory}/"
    chosen = flags or ("--all-nodes", "-o", place)
    words = (*chosen, "--parallel", "4", "--log-json", "-n", namespace)
    process = start(*words, kubeconfig=lab.kubeconfig)
    assert process.stderr is not None
    deadline, seen = time.monotonic() + PATIENCE_S, 0
    for line in process.stderr:
        seen += json.loads(line).get("event") == "node"
        if seen >= count or time.monotonic() > deadline:
            return process
    raise AssertionError("it ended too early")


def test_a_run_that_is_killed_three_times_is_completed_and_leaves_nothing(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    capture: Callable[..., Finished],
    namespace: str,
    tmp_path: Path,
) -> None:
    """At about 10, 40 and 85 % of the nodes."""
    directory = tmp_path / "k"
    written: dict[str, bytes] = {}
    for count, flags in (
        (3, ()),
        (7, ("--resume", str(directory))),
        (12, ("--resume", str(directory))),
    ):
        process = start_slowly(lab, start_snapshot, namespace, directory, count, *flags)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed = load_fleet(str(directory)).manifest
        assert set(by_name(killed)) == names(lab)
        assert killed.runs[-1].state == "running"
        found = {path.stem: path.read_bytes() for path in (directory / "nodes").glob("*.yaml")}
        assert written.items() <= found.items(), "captured twice"
        assert len(written) + count <= len(found) <= len(names(lab))
        written = found

    capture("--resume", str(directory), "--strict")
    manifest = read(directory)
    assert Counter(node.status for node in manifest.nodes) == {"captured": len(names(lab))}
    assert [run.state for run in manifest.runs] == [*["interrupted"] * 3, "finished"]
    for name, content in written.items():
        assert (directory / "nodes" / f"{name}.yaml").read_bytes() == content, "captured twice"
    for run in manifest.runs:
        support.assert_nothing_left(lab, run.run_id)


def test_the_cluster_breaks_in_mid_run(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    capture: Callable[..., Finished],
    fake_logs: Path,
    namespace: str,
    tmp_path: Path,
) -> None:
    """No controller manager, no kubelet, no network, a new API server, and a node that goes."""
    kit = lab.require_lab()
    directory, gone = tmp_path / "b", sorted(names(lab) - {*REAL})[-1]
    item = lab.client.get(f"/api/v1/nodes/{gone}")
    for name in names(lab) - {*REAL}:
        (fake_logs / f"{name}.fault").write_text("slow 1")
    try:
        os.kill(processes.alive(kit)["controller-manager"], signal.SIGSTOP)
        run_kit(lab, "fault", REAL[0], "kubelet-off")
        run_kit(lab, "fault", REAL[1], "network-off")
        process = start_slowly(lab, start_snapshot, namespace, directory, 2)
        lab.client.call("DELETE", f"/api/v1/nodes/{gone}")
        run_kit(lab, "restart", "apiserver")
        _, stderr = process.communicate(timeout=2 * PATIENCE_S)
        assert process.returncode == 0, stderr
    finally:
        run_kit(lab, "restart", "controller-manager")
        run_kit(lab, "fault", REAL[0], "kubelet-on")
        run_kit(lab, "fault", REAL[1], "network-on")
        node = {key: item[key] for key in ("apiVersion", "kind", "spec", "status")}
        kept = {key: item["metadata"][key] for key in ("name", "labels", "annotations")}
        with contextlib.suppress(Exception):
            lab.client.call("POST", "/api/v1/nodes", {**node, "metadata": kept})
    manifest = read(directory)
    causes = {node.name: node.cause for node in manifest.nodes if not node.has_file}
    assert causes == {REAL[0]: "node lost", REAL[1]: "node lost", gone: "unschedulable"}
    assert manifest.departed == (gone,)
    support.assert_nothing_left(lab, manifest.runs[0].run_id)

    for path in fake_logs.glob("*.fault"):
        path.unlink()
    wait_for("all nodes to be Ready", lambda: is_ready(lab), pause=0.5)
    capture("--resume", str(directory), "--strict")
    assert {node.status for node in read(directory).nodes} == {"captured"}


def run_kit(lab: support.Cluster, *argv: str) -> None:
    """Run a verb of the lab's kit on this cluster."""
    verb, *rest = argv
    command = [sys.executable, "-B", str(support.KIT), verb, "--name", lab.require_lab().name]
    subprocess.run([*command, *rest], check=True)


def is_ready(lab: support.Cluster) -> bool:
    found = lab.client.get("/api/v1/nodes")["items"]
    ready = [c["status"] for n in found for c in n["status"]["conditions"] if c["type"] == "Ready"]
    return ready == ["True"] * (FAKES + 2) or len(found) > FAKES + 2


def test_a_disk_that_fills_up_ends_the_run_which_is_completed_with_more_room(
    lab: support.Cluster, capture: Callable[..., Finished], namespace: str, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=480k", "tmpfs", str(small)], check=True)
    try:
        directory = small / "f"
        ended = capture("--all-nodes", "-o", f"{directory}/", code=8)
        assert f"error: cannot write {directory}/" in ended.stderr
        assert "why: No space left on device" in ended.stderr
        assert f"hint: once there is room, complete it with --resume {directory}" in ended.stderr
        partial = load_fleet(str(directory)).manifest
        assert partial.runs[0].state == "stopped"
        counts = partial.counts
        assert 0.2 < counts["captured"] / len(names(lab)) < 0.6
        assert counts["skipped"] + counts["failed"] == len(names(lab)) - counts["captured"]
        causes = {node.cause for node in partial.nodes if not node.has_file}
        assert causes <= {"cannot write", "not started"}
        assert not list(directory.rglob("*.part"))
        support.assert_nothing_left(lab, partial.runs[0].run_id)
        subprocess.run(["mount", "-o", "remount,size=16m", str(small)], check=True)
        capture("--resume", str(directory), "--strict")
        assert {node.status for node in read(directory).nodes} == {"captured"}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_ctrl_c_finishes_what_runs_and_cleans_up(
    lab: support.Cluster, start_snapshot: Callable[..., Started], namespace: str, tmp_path: Path
) -> None:
    directory = tmp_path / "i"
    process = start_slowly(lab, start_snapshot, namespace, directory)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, stderr
    manifest = read(directory)
    assert [run.state for run in manifest.runs] == ["interrupted"]
    counts = Counter((node.status, node.cause) for node in manifest.nodes)
    assert set(counts) == {("captured", ""), ("skipped", "not started")}
    support.assert_nothing_left(lab, manifest.runs[0].run_id)


def test_a_second_ctrl_c_leaves_at_once_and_names_the_clean_up(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    run_snapshot: Callable[..., Finished],
    fake_logs: Path,
    namespace: str,
    tmp_path: Path,
) -> None:
    (fake_logs / f"{fake_nodes.name(3)}.fault").write_text("hang")
    directory = tmp_path / "i"
    process = start_slowly(lab, start_snapshot, namespace, directory)
    process.send_signal(signal.SIGINT)
    interrupt_until_it_ends(process)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, stderr
    (command,) = [line for line in stderr.splitlines() if "snapshot cleanup --run" in line]
    words = command.split()[2:]
    assert run_snapshot(*words, kubeconfig=lab.kubeconfig).returncode == 0
    run_id = words[words.index("--run") + 1]
    support.assert_nothing_left(lab, run_id)
    assert set(by_name(load_fleet(str(directory)).manifest)) == names(lab)


def test_the_seeded_outliers_are_named_and_no_others(
    lab: support.Cluster,
    capture: Callable[..., Finished],
    run_snapshot: Callable[..., Finished],
    fake_logs: Path,
    tmp_path: Path,
) -> None:
    """3 % of the fake nodes fail, 1 % differ in one reading."""
    fakes = sorted(names(lab) - {*REAL})
    failing = fakes[:: max(1, len(fakes) // max(1, round(len(fakes) * 0.03)))][
        : max(1, round(len(fakes) * 0.03))
    ]
    rest = [name for name in fakes if name not in failing]
    odd = rest[1 : 1 + max(1, round(len(fakes) * 0.01))]
    usual = json.loads((fake_logs / "default.json").read_text())
    sysctls = next(
        s["data"]
        for m in usual["measurements"]
        if m["type"] == "OS"
        for s in m["subtypes"]
        if s["subtype"] == "sysctl"
    )
    before = sysctls["/proc/sys/vm/overcommit_memory"]
    sysctls["/proc/sys/vm/overcommit_memory"] = "2"
    for name in odd:
        (fake_logs / f"{name}.json").write_text(json.dumps(usual))
    for name in failing:
        (fake_logs / f"{name}.fault").write_text("status 500")
    directory = tmp_path / "fleet"
    capture("--all-nodes", "--node-timeout", "20s", "-o", f"{directory}/")
    manifest = read(directory)
    assert sorted(n.name for n in manifest.nodes if not n.has_file) == failing

    def run(*argv: str, code: int) -> str:
        ended = run_snapshot(*argv, kubeconfig=lab.kubeconfig)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout

    tree = json.loads(run("diff", f"{directory}/", "--group-by", FAKE_LABEL, "-o", "json", code=1))
    group = next(group for group in tree["groups"] if group["group"] == {FAKE_LABEL: "true"})
    (outlier,) = group["outliers"]
    assert (outlier["nodes"], outlier["others"]) == (odd, len(rest) - len(odd))
    (change,) = outlier["changes"]
    assert change["path"] == "OS.sysctl./proc/sys/vm/overcommit_memory"
    assert (change["before"], change["after"]) == (before, "2")
    assert [one["node"] for one in tree["not-compared"]] == failing
    rule = f"{change['path']} {before}"
    table = run("check", f"{directory}/", "-c", rule, code=1).splitlines()
    assert [line.split()[1] for line in table if line.startswith("FAIL ")][: len(odd)] == odd
    ignoring = ("--ignore", change["path"], "--ignore", "K8s", "--ignore", "OS", "--ignore", "GPU")
    # A virtual machine may be given memory meanwhile.
    ignoring = (*ignoring, "--ignore", "SystemD", "--ignore", "Hardware")
    run("diff", f"{directory}/", *ignoring, code=0)
    run("diff", f"{directory}/", *ignoring, "--strict", code=10)
    page = tmp_path / "fleet.html"
    run("report", f"{directory}/", "-o", str(page), code=0)
    assert odd[0] in page.read_text()


def some_fakes(count: int) -> tuple[str, ...]:
    """Return the flags that select the first fake nodes."""
    chosen = ",".join(fake_nodes.name(index) for index in range(1, count + 1))
    return ("-l", f"kubernetes.io/hostname in ({chosen})")


def created(lab: support.Cluster, since: int, namespace: str) -> list[dict[str, Any]]:
    """Return the requests that created something in a namespace, without dry runs."""
    return [
        event
        for event in lab.audit(since)
        if event["stage"] == "ResponseComplete"
        and event["verb"] == "create"
        and event.get("objectRef", {}).get("namespace") == namespace
        and event["userAgent"].startswith("kubectl-snapshot/")
        and "dryRun" not in event["requestURI"]
    ]


def test_a_directory_that_cannot_take_the_fleet_ends_the_run_before_it_creates_anything(
    lab: support.Cluster, capture: Callable[..., Finished], namespace: str, tmp_path: Path
) -> None:
    other, read_only, file = tmp_path / "other", tmp_path / "read-only", tmp_path / "file"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    file.write_text("dear")
    read_only.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(read_only)], check=True)
    since = lab.audit_size()
    try:
        for place, code, what, why in (
            (other, 2, f"{other} holds something else", "it has letter.txt"),
            (read_only, 8, f"cannot write {read_only}", "Read-only file system"),
            (read_only / "f", 8, f"cannot write {read_only}/f", "Read-only file system"),
            (file, 8, f"cannot write {file}", "File exists"),
        ):
            ended = capture("--all-nodes", "-o", f"{place}/", code=code)
            assert f"error: {what}" in ended.stderr
            assert f"why: {why}" in ended.stderr
            assert "hint: " in ended.stderr
            assert ended.stdout == ""
    finally:
        subprocess.run(["umount", str(read_only)], check=True)
    assert created(lab, since, namespace) == []
    assert [path.name for path in other.iterdir()] == ["letter.txt"]
    assert file.read_text() == "dear"


def test_while_a_run_lasts_its_directory_is_refused_and_nodes_that_arrive_are_named(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    capture: Callable[..., Finished],
    namespace: str,
    tmp_path: Path,
) -> None:
    directory, new = tmp_path / "d", fake_nodes.name(FAKES + 1)
    process = start_slowly(lab, start_snapshot, namespace, directory, 2)
    since = lab.audit_size()
    for flags in (("--all-nodes", "-o", f"{directory}/"), ("--resume", str(directory))):
        ended = capture(*flags, code=2)
        assert f"error: another run writes to {directory}" in ended.stderr
        assert "wait for its end" in ended.stderr
    uids = {event["objectRef"]["name"].split("-")[2] for event in created(lab, since, namespace)}
    assert len(uids) == 1, "only the first run creates"
    lab.client.call("POST", "/api/v1/nodes", fake_nodes.build_node(FAKES + 1, 0))
    try:
        _, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, stderr
        manifest = read(directory)
        assert manifest.arrived == (new,)
        assert set(by_name(manifest)) == names(lab) - {new}
        assert {node.status for node in manifest.nodes} == {"captured"}
        support.assert_nothing_left(lab, manifest.runs[0].run_id)

        wait_for("the node to be Ready", lambda: has_status(lab, new), pause=0.1)
        ended = capture("--all-nodes", "-o", f"{directory}/", code=2)
        assert f"pass --resume {directory} to complete it" in ended.stderr
        since = lab.audit_size()
        capture("--resume", str(directory), "--strict")
        pods = [e for e in created(lab, since, namespace) if e["objectRef"]["resource"] == "pods"]
        assert len(pods) == 1, "only of the new node"
        again = read(directory)
        assert by_name(again)[new].status == "captured"
        assert again.arrived == ()
    finally:
        lab.client.call("DELETE", f"/api/v1/nodes/{new}")


def has_status(lab: support.Cluster, node: str) -> bool:
    conditions = lab.client.get(f"/api/v1/nodes/{node}")["status"].get("conditions", [])
    return ("Ready", "True") in [(found["type"], found["status"]) for found in conditions]


def test_after_so_many_failures_no_pod_is_created_and_the_exit_code_is_10(
    lab: support.Cluster,
    capture: Callable[..., Finished],
    fake_logs: Path,
    namespace: str,
    tmp_path: Path,
) -> None:
    broken = [fake_nodes.name(2), fake_nodes.name(4)]
    for name in broken:
        (fake_logs / f"{name}.fault").write_text("status 403")
    directory = tmp_path / "m"
    flags = (*some_fakes(6), "--parallel", "1", "-o", f"{directory}/")
    ended = capture(*flags, "--fail-fast", code=10)
    manifest = read(directory)
    not_started = "skipped", "not started", "stopped after 1 failed node"
    assert [(n.status, n.cause, n.reason) for n in manifest.nodes[2:]] == [not_started] * 4
    assert [(n.status, n.cause) for n in manifest.nodes[:2]] == [
        ("captured", ""),
        ("failed", "log not served"),
    ]
    assert manifest.runs[0].state == "stopped"
    assert "1 of 6 nodes captured (16 %): 1 captured, 1 failed, 4 skipped" in ended.stderr
    assert "stopped after 1 failed node" in ended.stderr
    support.assert_nothing_left(lab, manifest.runs[0].run_id)

    since = lab.audit_size()
    resumed = ("--resume", str(directory), "--parallel", "1")
    capture(*resumed, "--max-failures", "2", code=10)
    counts = read(directory).counts
    assert (counts["captured"], counts["failed"], counts["skipped"]) == (2, 2, 2)
    pods = [e for e in created(lab, since, namespace) if e["objectRef"]["resource"] == "pods"]
    assert len(pods) == 3, "2, 3 and 4"
    for name in broken:
        (fake_logs / f"{name}.fault").unlink()
    capture(*resumed, "--max-failures", "1", "--min-coverage", "100%", "--strict")
    manifest = read(directory)
    assert {node.status for node in manifest.nodes} == {"captured"}
    assert [run.state for run in manifest.runs] == ["stopped", "stopped", "finished"]


def test_the_runs_own_time_ends_it_with_exit_10_and_a_silent_node_with_its_own(
    lab: support.Cluster, capture: Callable[..., Finished], fake_logs: Path, tmp_path: Path
) -> None:
    for name in (fake_nodes.name(1), fake_nodes.name(2)):
        (fake_logs / f"{name}.fault").write_text("hang")
    directory = tmp_path / "t"
    began = time.monotonic()
    flags = ("--parallel", "2", "--timeout", "4s", "-o", f"{directory}/")
    ended = capture(*some_fakes(4), *flags, code=6)
    assert time.monotonic() - began < PATIENCE_S / 4
    assert "error: no node of the fleet was captured" in ended.stderr
    manifest = read(directory)
    assert [(node.status, node.cause) for node in manifest.nodes] == [
        *[("failed", "deadline")] * 2,
        *[("skipped", "not started")] * 2,
    ]
    assert manifest.nodes[3].reason == "the run's --timeout passed"
    assert manifest.runs[0].state == "stopped"
    support.assert_nothing_left(lab, manifest.runs[0].run_id)
    (fake_logs / f"{fake_nodes.name(1)}.fault").unlink()
    capture("--resume", str(directory), "--timeout", "8s", code=10)
    assert read(directory).counts["captured"] == 3


def test_a_low_rate_is_kept_and_costs_no_node_its_time(
    lab: support.Cluster, capture: Callable[..., Finished], namespace: str, tmp_path: Path
) -> None:
    since = lab.audit_size()
    qps = 9
    limits = ("--qps", str(qps), "--node-timeout", "6s", "--strict")
    capture("-l", FAKE_LABEL, *limits, "-o", f"{tmp_path}/q/")
    times = sorted(
        parse_audit_time(event["requestReceivedTimestamp"])
        for event in lab.audit(since)
        if event["stage"] == "ResponseComplete"
        and event.get("objectRef", {}).get("namespace") == namespace
        and event["objectRef"]["resource"] == "pods"
        and event["verb"] in ("create", "get", "delete")
        and event["userAgent"].startswith("kubectl-snapshot/")
        and "dryRun" not in event["requestURI"]
    )
    assert len(times) >= 2 * FAKES
    for first in range(len(times) - 2 * qps):
        assert times[first + 2 * qps] - times[first] > 1.5, "faster than the rate"


def parse_audit_time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@contextmanager
def throttled(lab: support.Cluster, user: str, namespace: str) -> Iterator[None]:
    """API Priority and Fairness answers 429 to a user's requests for pods in a namespace."""
    api = "/apis/flowcontrol.apiserver.k8s.io/v1"
    name = "snapshot-test-throttle"
    limited = {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0}
    level = {"type": "Limited", "limited": {**limited, "limitResponse": {"type": "Reject"}}}
    resources = {"verbs": ["create", "get", "delete"], "apiGroups": [""], "resources": ["*"]}
    rule = {
        "subjects": [{"kind": "User", "user": {"name": user}}],
        "resourceRules": [{**resources, "namespaces": [namespace]}],
    }
    flow = {
        "matchingPrecedence": 100,
        "priorityLevelConfiguration": {"name": name},
        "rules": [rule],
    }
    made = []
    try:
        for kind, spec in (("prioritylevelconfigurations", level), ("flowschemas", flow)):
            lab.client.call("POST", f"{api}/{kind}", {"metadata": {"name": name}, "spec": spec})
            made.append(f"{api}/{kind}/{name}")
        yield
    finally:
        for path in reversed(made):
            lab.client.call("DELETE", path)


@contextmanager
def administrator(lab: support.Cluster, user: str) -> Iterator[None]:
    """A user with every permission who is not in system:masters, which is never throttled."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    name = f"snapshot-test-{user}"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    lab.client.call("POST", path, binding)
    try:
        yield
    finally:
        lab.client.call("DELETE", f"{path}/{name}")


def test_a_throttled_client_waits_as_long_as_the_server_says(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    namespace: str,
    tmp_path: Path,
) -> None:
    directory, user = tmp_path / "t", "busy"

    def refused() -> list[dict[str, Any]]:
        return [
            event
            for event in lab.audit(since)
            if event.get("responseStatus", {}).get("code") == 429
            and event["stage"] == "ResponseComplete"
        ]

    with administrator(lab, user):
        chosen = ("--all-nodes", "-o", f"{directory}/", "--as", user)
        process = start_slowly(lab, start_snapshot, namespace, directory, 2, *chosen)
        since = lab.audit_size()
        with throttled(lab, user, namespace):
            wait_for("requests to be refused", lambda: len(refused()) >= 8, pause=0.3)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, stderr
    manifest = read(directory)
    assert {node.status for node in manifest.nodes} == {"captured"}
    support.assert_nothing_left(lab, manifest.runs[0].run_id)
    # The server says Retry-After: 1. Of each pod, one thread sends one request at a time.
    times: dict[str, list[float]] = {}
    for event in refused():
        if event["verb"] != "create":
            received = parse_audit_time(event["requestReceivedTimestamp"])
            times.setdefault(event["requestURI"], []).append(received)
    pauses = [b - a for at in times.values() for a, b in zip(sorted(at), sorted(at)[1:])]
    assert all(pause > 0.9 for pause in pauses), "sooner than Retry-After"


@contextmanager
def network_off(lab: support.Cluster) -> Iterator[None]:
    """Cut the link between this machine and the control plane; the nodes keep theirs."""
    netns = lab.require_lab().netns(CONTROL_PLANE)
    link = ["ip", "-n", netns, "link", "set", "host"]
    subprocess.run([*link, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run([*link, "up"], check=True)
        wait_for("the API server to answer", lambda: is_answering(lab), pause=0.1)


def is_answering(lab: support.Cluster) -> bool:
    try:
        return bool(lab.client.get("/api/v1/namespaces/default"))
    except OSError:
        return False


def test_a_network_that_is_off_for_seconds_costs_no_node(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    namespace: str,
    tmp_path: Path,
) -> None:
    directory = tmp_path / "n"
    process = start_slowly(lab, start_snapshot, namespace, directory, 4)
    with network_off(lab):
        threading.Event().wait(4)
        assert process.poll() is None
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, stderr
    manifest = read(directory)
    assert {node.status for node in manifest.nodes} == {"captured"}
    assert set(by_name(manifest)) == names(lab)
    support.assert_nothing_left(lab, manifest.runs[0].run_id)


def test_a_network_that_stays_off_ends_the_run_which_says_how_to_clean_up_and_is_resumed(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    capture: Callable[..., Finished],
    namespace: str,
    tmp_path: Path,
) -> None:
    directory = tmp_path / "n"
    chosen = ("--all-nodes", "-o", f"{directory}/", "--timeout", "9s")
    process = start_slowly(lab, start_snapshot, namespace, directory, 2, *chosen)
    with network_off(lab):
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 10, stderr
    manifest = read(directory)
    assert 2 <= manifest.counts["captured"] < len(names(lab))
    assert manifest.runs[0].state == "stopped"
    assert f"snapshot cleanup --run {manifest.runs[0].run_id}" in stderr
    capture("--resume", str(directory), "--strict")
    again = read(directory)
    assert {node.status for node in again.nodes} == {"captured"}
    for run in again.runs:
        support.assert_nothing_left(lab, run.run_id)


@contextmanager
def refusing_webhook(
    lab: support.Cluster, namespace: str, tmp_path: Path, every: int
) -> Iterator[list[str]]:
    """A webhook that refuses every so-many-th pod in a namespace; yields the names it refused."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    address = lab.require_lab().ip(254)
    authority = make_authority(tmp_path)
    server = sign(authority, tmp_path, "hook", "/CN=hook", f"subjectAltName=IP:{address}")
    refused: list[str] = []
    seen = itertools.count(1)

    def answer(exchange: Exchange) -> None:
        request = json.loads(exchange.body)["request"]
        response = {"uid": request["uid"], "allowed": request.get("dryRun") is True}
        if not response["allowed"]:
            response["allowed"] = next(seen) % every != 0
        if not response["allowed"]:
            refused.append(request["name"])
            response["status"] = {"code": 403, "message": "one of ten is refused\n\x1b[31m"}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        exchange.send(200, {**review, "response": response})

    with serve(answer, server, host=address) as found:
        bundle = base64.b64encode(authority.certificate.read_bytes()).decode()
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
        hook = {
            "name": "tenth.snapshot.test",
            "clientConfig": {"url": f"{found.url}/", "caBundle": bundle},
            "rules": [{**rule, "operations": ["CREATE"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 20,
        }
        body = {"metadata": {"name": namespace}, "webhooks": [hook]}
        lab.client.call("POST", path, body)
        try:
            wait_for("the webhook to be known", lambda: is_asked(lab, namespace, found), pause=0.1)
            yield refused
        finally:
            lab.client.call("DELETE", f"{path}/{namespace}")


def is_asked(lab: support.Cluster, namespace: str, server: Server) -> bool:
    body = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    lab.client.call("POST", f"{PODS.format(namespace)}?dryRun=All", body)
    return bool(server.seen)


def test_a_webhook_that_refuses_every_tenth_pod_costs_only_these_nodes(
    lab: support.Cluster, capture: Callable[..., Finished], namespace: str, tmp_path: Path
) -> None:
    directory = tmp_path / "w"
    with refusing_webhook(lab, namespace, tmp_path, every=10) as refused:
        ended = capture("--all-nodes", "-o", f"{directory}/")
    manifest = read(directory)
    missing = [node for node in manifest.nodes if not node.has_file]
    assert len(missing) == len(refused) == len(names(lab)) // 10
    assert {(node.status, node.cause) for node in missing} == {("failed", "refused by admission")}
    for node in missing:
        assert "one of ten is refused" in node.reason
        assert "tenth.snapshot.test" in node.reason
    assert "\x1b" not in ended.stderr + (directory / "fleet.yaml").read_text()
    assert manifest.runs[0].state == "finished"
    support.assert_nothing_left(lab, manifest.runs[0].run_id)
    capture("--resume", str(directory), "--strict")
    assert {node.status for node in read(directory).nodes} == {"captured"}


def test_hostile_output_of_some_nodes_harms_no_other(
    lab: support.Cluster, capture: Callable[..., Finished], fake_logs: Path, tmp_path: Path
) -> None:
    escapes, forged, flood, liar, honest = map(fake_nodes.name, range(1, 6))
    (fake_logs / f"{escapes}.log").write_text("\x1b]0;owned\x07\x1b[2J\r\u202eerror: rm -rf\n" * 50)
    of_other = encode_frame((fake_logs / "default.json").read_bytes(), "aaaaaaaaaa")
    (fake_logs / f"{forged}.log").write_text("\n".join(of_other) + "\n")
    (fake_logs / f"{flood}.log").write_text("x" * 4_000_000)
    usual = json.loads((fake_logs / "default.json").read_text())
    lies = {"source-node": "../../../etc/passwd", "run-id": "zzz", "note": "\x1b[31mred"}
    (fake_logs / f"{liar}.json").write_text(
        json.dumps({**usual, "metadata": {**usual["metadata"], **lies}})
    )
    directory = tmp_path / "h"
    ended = capture(*some_fakes(5), "-o", f"{directory}/")
    manifest = read(directory)
    found = by_name(manifest)
    causes = {name: (node.status, node.cause) for name, node in found.items()}
    assert causes[honest] == ("captured", "")
    assert causes[liar] == ("captured", "")
    snapshot = parse_valid((directory / "nodes" / f"{liar}.yaml").read_text())
    assert snapshot.metadata["source-node"] == liar
    assert snapshot.metadata["run-id"] == manifest.runs[0].run_id
    for name in (escapes, forged, flood):
        assert causes[name] == ("failed", "agent exited")
    shown = ended.stderr + (directory / "fleet.yaml").read_text()
    assert not {"\x1b", "\x07", "\u202e"}.intersection(shown)
    assert max(len(node.reason) for node in manifest.nodes) < 3000
    support.assert_nothing_left(lab, manifest.runs[0].run_id)


def test_a_killed_run_of_one_job_a_node_is_completed_by_its_user_and_leaves_nothing(
    lab: support.Cluster,
    start_snapshot: Callable[..., Started],
    run_snapshot: Callable[..., Finished],
    jobs_user: str,
    namespace: str,
    tmp_path: Path,
) -> None:
    """The user may not list what was left: the name of its Job is known."""
    directory, user = tmp_path / "j", replace(lab, kubeconfig=jobs_user)
    process = start_slowly(user, start_snapshot, namespace, directory, 4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path.name: path.read_bytes() for path in (directory / "nodes").glob("*.yaml")}
    assert len(kept) >= 4
    words = ("--resume", str(directory), "--strict", "-n", namespace)
    ended = run_snapshot(*words, kubeconfig=jobs_user)
    assert ended.returncode == 0, ended.stderr
    manifest = read(directory)
    assert manifest.settings["pods"] == "one Job a node"
    assert set(by_name(manifest)) == names(lab)
    for name, content in kept.items():
        assert (directory / "nodes" / name).read_bytes() == content, "captured twice"
    for run in manifest.runs:
        support.assert_nothing_left(lab, run.run_id)
