"""What the cluster tests need besides pytest: the cluster they run on, and questions to ask it.

Nothing here uses the code under test but for its constants: a defect must not hide itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.constants import MANAGED_BY_LABEL, NAME, RUN_LABEL
from tests.lab import build, images, kube, lifecycle, node, processes
from tests.lab.layout import STATE
from tests.lab.layout import Cluster as LabCluster
from tests.lab.machine import PATIENCE_S, Problem, read_process_stat, wait_for

ROOT = build.ROOT
DIST = ROOT / "dist"
KIT = build.HERE / "cluster"
# Not the virtual environment's, whose packages would hide what the built file lacks.
PYTHON = os.path.realpath(sys.executable)
BUILD = ("build", "--helm")
# Clusters of the tests are called so, with the PID of pytest at the end.
LAB_PREFIX = "test-"
OLDEST_PYTHON = (3, 9)

KINDS = {
    "Job": "/apis/batch/v1/jobs",
    "Pod": "/api/v1/pods",
    "ConfigMap": "/api/v1/configmaps",
    "Secret": "/api/v1/secrets",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


@dataclass(frozen=True)
class Cluster:
    """The cluster the tests run on.

    `client` is an administrator's, for arranging and asserting. `lab` is None on a cluster that is
    not the lab's; what only the lab can do then skips the test. `home` is an empty home directory.
    """

    kubeconfig: str
    kubectl_path: str
    home: Path
    client: kube.Client
    lab: LabCluster | None = None

    @property
    def is_lab(self) -> bool:
        return self.lab is not None

    @property
    def viewer_kubeconfig(self) -> str | None:
        """Of a user with ClusterRole view (no nodes)."""
        return str(self.lab.kubeconfig("viewer")) if self.lab else None

    @property
    def nobody_kubeconfig(self) -> str | None:
        """Of a user without any right."""
        return str(self.lab.kubeconfig("nobody")) if self.lab else None

    @property
    def state(self) -> Path | None:
        """The lab's directory of this cluster: pki/, log/, audit.log."""
        return self.lab.directory if self.lab else None

    @property
    def nodes(self) -> list[str]:
        """The names of all nodes; in the lab node1 and node2, which is a GPU node."""
        items = self.client.get("/api/v1/nodes")["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def node_exec(self, node_name: str, *argv: str) -> str:
        """Return what a command writes to stdout inside a node; CalledProcessError if it fails."""
        command = processes.node_command(self.require_lab(), node_name, *argv)
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def kubectl(
        self,
        *argv: str,
        kubeconfig: str = "",
        env: dict[str, str] | None = None,
        timeout: float = PATIENCE_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, by default as the administrator; dist/ is on its PATH, for `snapshot`."""
        command = [self.kubectl_path, *argv]
        return run(command, {**self.environment(kubeconfig), **(env or {})}, timeout)

    def helm(self, *argv: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run helm as the administrator: the lab's, elsewhere the one on PATH."""
        path = str(build.BIN / "helm") if self.is_lab else shutil.which("helm")
        if not path:
            pytest.skip("this needs helm on PATH")
        return run([path, *argv], {**self.environment(), **env}, timeout=PATIENCE_S)

    def environment(self, kubeconfig: str = "") -> dict[str, str]:
        """Return an environment that knows this cluster and nothing of the person who runs tests.

        dist/ is first on its PATH: a virtual environment may have a kubectl-snapshot, too.
        """
        bins = [DIST, Path(PYTHON).parent, Path(self.kubectl_path).parent]
        return {
            "PATH": os.pathsep.join([*map(str, bins), os.environ["PATH"]]),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "LANG": "C.UTF-8",
            "KUBECONFIG": kubeconfig or self.kubeconfig,
        }

    def load_image(self, archive: Path) -> None:
        """Import an OCI archive into every node."""
        node.load_image(self.require_lab(), str(archive))

    def audit_size(self) -> int:
        """Return where the audit log ends now, for `audit(since=...)`."""
        return self.audit_path().stat().st_size

    def audit(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the audit events from byte `since` on, of every request answered before this call.

        Level Metadata, leases left out; a watch has an event when it starts and one when it ends,
        all others one with `stage` ResponseComplete (k8s.io/apiserver, audit/v1 Event).
        """
        # The apiserver writes an event after its answer: ask something last, and wait for that.
        marker = f"/version?marker={secrets.token_hex(8)}"
        path = self.audit_path()
        self.client.raw("GET", marker)

        def read_events() -> list[dict[str, Any]]:
            with open(path, "rb") as file:
                file.seek(since)
                lines = file.read().splitlines(keepends=True)
            events = [json.loads(line) for line in lines if line.endswith(b"\n")]
            return events if any(event["requestURI"] == marker for event in events) else []

        events = wait_for("the audit log to catch up", read_events, pause=0.02)
        return [event for event in events if event["requestURI"] != marker]

    def audit_path(self) -> Path:
        return self.require_lab().directory / "audit.log"

    def require_lab(self) -> LabCluster:
        if self.lab is None:
            pytest.skip("only the lab's cluster can do this")
        return self.lab


def run(
    command: list[str], environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )


def use_kubeconfig(home: Path) -> Cluster:
    """Return the cluster of KUBECONFIG's current context (a client certificate or a token)."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        raise pytest.UsageError("SNAPSHOT_TEST_CLUSTER=1 needs kubectl on PATH")
    flags = ["--raw", "--minify", "--flatten", "-o", "json"]
    flat = subprocess.run([kubectl, "config", "view", *flags], check=True, capture_output=True)
    path = home / "admin.kubeconfig"
    path.touch(mode=0o600)
    path.write_bytes(flat.stdout)
    return Cluster(str(path), kubectl, home, kube.Client(path))


def use_lab(name: str, home: Path) -> Cluster:
    lab = LabCluster(name)
    lifecycle.require_whole(lab)
    path = lab.kubeconfig("admin")
    return Cluster(str(path), str(build.BIN / "kubectl"), home, kube.Client(path), lab)


@contextlib.contextmanager
def temporary_lab(run_kit: Callable[..., None]) -> Iterator[str]:
    """The name of a lab cluster of two nodes, the second with GPUs; gone afterwards.

    SIGTERM then ends the run as Ctrl-C does, or the cluster would stay.
    """
    for path in STATE.glob(f"{LAB_PREFIX}[0-9]*"):
        # Left by a run that was killed before it could take its cluster down.
        if not read_process_stat(path.name[len(LAB_PREFIX) :]):
            run_kit("down", "--name", path.name)
    name = f"{LAB_PREFIX}{os.getpid()}"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_kit(*BUILD)
        run_kit("up", "--name", name, "--nodes", "2", "--gpu-node", "2")
        yield name
    finally:
        # Also after a failed or interrupted `up`, which may have had no time to clear up.
        run_kit("down", "--name", name)


@contextlib.contextmanager
def temporary_namespace(cluster: Cluster, labels: dict[str, str] | None = None) -> Iterator[str]:
    """The name of a new namespace that pods can be made in; its deletion is not waited for."""
    name = f"snapshot-test-{secrets.token_hex(4)}"
    metadata = {"name": name, "labels": labels or {}}
    cluster.client.call("POST", "/api/v1/namespaces", {"metadata": metadata})
    try:
        # Pods are refused until the controller has made this one.
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_for(account, lambda: exists(cluster, account), pause=0.02)
        yield name
    finally:
        cluster.client.call("DELETE", f"/api/v1/namespaces/{name}")


def exists(cluster: Cluster, path: str) -> bool:
    try:
        cluster.client.get(path)
    except kube.ApiError as error:
        if error.status == 404:
            return False
        raise
    return True


def ours(cluster: Cluster, run_id: str = "", kinds: Iterable[str] = tuple(KINDS)) -> list[str]:
    """Return `KIND NAMESPACE/NAME` of every object with our label, or only those of one run."""
    selector = f"{MANAGED_BY_LABEL}={NAME}" + (f",{RUN_LABEL}={run_id}" if run_id else "")
    found = []
    for kind in kinds:
        for item in cluster.client.get(f"{KINDS[kind]}?labelSelector={selector}")["items"]:
            metadata = item["metadata"]
            found.append(f"{kind} {metadata.get('namespace', '')}/{metadata['name']}")
    return found


def assert_nothing_left(cluster: Cluster, run_id: str = "", within_s: float = PATIENCE_S) -> None:
    """Fail unless every object with our label is gone before the time is over."""
    left = wait_until_gone(cluster, run_id, within_s)
    assert not left, f"left in the cluster {within_s} s later: {', '.join(left)}"


def wait_until_gone(cluster: Cluster, run_id: str, within_s: float = PATIENCE_S) -> list[str]:
    """Return the objects that remain after the time; only kinds that remain are asked for again."""
    left = ours(cluster, run_id)

    def are_gone() -> bool:
        nonlocal left
        left = left and ours(cluster, run_id, dict.fromkeys(line.split()[0] for line in left))
        return not left

    with contextlib.suppress(Problem):
        wait_for("the cluster to remove them", are_gone, within_s)
    return left or ours(cluster, run_id)


def ensure_zipapp(work: Path) -> Path:
    """Return dist/kubectl-snapshot, built when it is missing or older than what it is made of."""
    out = DIST / NAME
    rooms = [ROOT / "kubectl_snapshot", ROOT / "scripts" / "zipapp", ROOT / "requirements"]
    sources = [path for room in rooms for path in room.rglob("*") if path.is_file()]
    sources = [path for path in sources if "__pycache__" not in path.parts]
    newest = max(path.stat().st_mtime for path in [*sources, ROOT / "scripts" / "build-zipapp"])
    if not out.exists() or out.stat().st_mtime < newest:
        builder = [sys.executable, str(ROOT / "scripts" / "build-zipapp"), "--work", str(work)]
        subprocess.run(builder, check=True)
    return out


def load_python_images(cluster: Cluster) -> dict[str, str]:
    """Return {version: image} of the stock image and of the oldest and newest Python found here.

    The lab's nodes get stand-ins made of this machine's interpreters; any other cluster pulls.
    """
    found = find_pythons()
    wanted = {version: found[version] for version in sorted(found)[:: max(1, len(found) - 1)]}
    named = {"{}.{}".format(*version): path for version, path in wanted.items()}
    loaded = {v: f"docker.io/library/python:{v}-slim" for v in ("3.11", *named)}
    if cluster.is_lab:
        for version in loaded:
            if version != "3.11":
                with build.lock():
                    _, archive = images.ensure_python_image(named[version])
                cluster.load_image(archive)
    return loaded


def find_pythons() -> dict[tuple[int, int], str]:
    """Return {version: interpreter} of this machine's Pythons that kubectl-snapshot supports."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [sys.executable, *map(str, sorted(pyenv.glob("versions/3.*/bin/python3")))]
    on_path = (shutil.which(f"python3.{minor}") for minor in range(OLDEST_PYTHON[1], 30))
    candidates += [path for path in on_path if path and "shims" not in path]
    code = "import sys; print(*sys.version_info[:2])"
    found: dict[tuple[int, int], str] = {}
    for path in candidates:
        done = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True)
        version = tuple(int(word) for word in done.stdout.split())
        if done.returncode == 0 and version >= OLDEST_PYTHON:
            found.setdefault((version[0], version[1]), path)
    return found


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of a skip, where a cluster is required."""
    required = os.environ.get("SNAPSHOT_REQUIRE_CLUSTER") == "1"
    if required and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"SNAPSHOT_REQUIRE_CLUSTER=1, and this was skipped: {reason}"
