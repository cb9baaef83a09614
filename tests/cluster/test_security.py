"""What an attacker on a node, in a namespace or at the terminal's other end gets: nothing."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_snapshot.commands.console.progress import CLEAR_LINE
from kubectl_snapshot.render.all_renderers import RENDERERS
from tests.cluster.conftest import Finished
from tests.cluster.lying_agent import make_lying_agent
from tests.cluster.support import PYTHON, Cluster, assert_nothing_left, exists
from tests.cluster.test_capture_interrupted import REACHED_S, Authority, gated
from tests.lab.machine import PATIENCE_S, wait_for
from tests.servers.certificates import make_authority, sign
from tests.servers.step_gate import Gate

Run = Callable[..., Finished]
Start = Callable[..., subprocess.Popen[str]]
Lie = Callable[[str], dict[str, str]]

# Escape sequences in 7 and 8 bits, a window's title, and text that is shown backwards.
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eowned\u2066"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
TITLE = "\x1b]0;"

STATUS = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
token = os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token")
written = []
for path in ("/x", "/tmp/x", "/host/x", "/host/etc/x"):
    try:
        open(path, "w").close()
        written.append(path)
    except OSError:
        pass
names = ("Uid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")
facts = {name: status[name].split()[0] for name in names}
print("facts", json.dumps({**facts, "token": token, "written": written}))
return 1
"""

# What a document may hold, and every place a node's words can get to.
LYING_DOCUMENT = f"""
bad = {ESCAPES!r}
context = {{"status": "partial", "reason": bad, "elapsed-ms": "1"}}
subtype = {{"subtype": "release" + bad, "data": {{"KEY" + bad: bad}}, "context": context}}
document = {{
    "kind": "Snapshot",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "metadata": {{
        "version": bad, "source-node": bad, "note" + bad: bad,
        "timestamp": "2026-11-23T08:00:00Z"}},
    "measurements": [{{"type": "OS", "subtypes": [subtype]}}],
}}
print(bad)
print(frame.PROGRESS_PREFIX, json.dumps(
    {{"event": "finished", "collector": "OS", "status": bad, "elapsed-ms": 1}}))
print(frame.PROGRESS_PREFIX, json.dumps({{"event": "warning", "message": bad}}))
print(frame.PROGRESS_PREFIX, json.dumps({{"event": "left-behind", "reasons": bad}}))
print(frame.PROGRESS_PREFIX, json.dumps({{"event": "kept", "commands": bad}}))
print(frame.PROGRESS_PREFIX, json.dumps({{"event": "start"}}))
send(json.dumps(document).encode())
return 0
"""


@pytest.fixture
def lie(zipapp: Path, tmp_path: Path) -> Lie:
    """Returns the environment in which a capture carries a program into the pod."""

    def build(body: str) -> dict[str, str]:
        path = make_lying_agent(zipapp, tmp_path / "lying-agent", body)
        return {"KUBECTL_SNAPSHOT_ZIPAPP": str(path)}

    return build


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    directory = tmp_path_factory.mktemp("pki")
    authority = make_authority(directory)
    return Authority(authority.certificate, sign(authority, directory, "server", "/CN=gate"))


def read_facts(ended: Finished) -> dict[str, object]:
    assert ended.returncode == 8, ended.stderr
    facts: dict[str, object] = json.loads(ended.stderr.partition("facts ")[2].splitlines()[0])
    return facts


@pytest.mark.parametrize(
    ("level", "user", "is_capable"),
    [("true", "0", True), ("host-read", "0", False), ("false", "65534", False)],
)
def test_only_a_privileged_agent_has_capabilities_and_none_can_write(
    run_snapshot: Run, namespace: str, lie: Lie, level: str, user: str, is_capable: bool
) -> None:
    facts = read_facts(run_snapshot("-n", namespace, f"--privileged={level}", env=lie(STATUS)))
    assert facts["Uid"] == user
    effective = {int(str(facts[name]), 16) for name in ("CapEff", "CapPrm", "CapBnd")}
    assert all(effective) if is_capable else effective == {0}
    if not is_capable:
        assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
        assert facts["written"] == []
    assert "/host/x" not in str(facts["written"])


@pytest.mark.parametrize(
    ("scope", "has_token"), [("client", False), ("skip", False), ("agent", True)]
)
def test_a_token_is_in_the_pod_only_where_the_pod_asks_the_cluster(
    cluster: Cluster, run_snapshot: Run, namespace: str, lie: Lie, scope: str, has_token: bool
) -> None:
    facts = read_facts(run_snapshot("-n", namespace, "--cluster-scope", scope, env=lie(STATUS)))
    assert facts["token"] is has_token
    assert_nothing_left(cluster)


def test_a_config_map_changed_before_the_pod_starts_does_not_run(
    cluster: Cluster,
    start_snapshot: Start,
    zipapp: Path,
    namespace: str,
    own: Authority,
    tmp_path: Path,
) -> None:
    evil = make_lying_agent(zipapp, tmp_path / "evil", "print('owned', flush=True)\nreturn 0")
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    gate = Gate("PATCH", "jobs", False)
    with gated(cluster, own, gate, tmp_path) as kubeconfig:
        client = start_snapshot("-n", namespace, kubeconfig=kubeconfig)
        assert gate.reached.wait(REACHED_S), client.communicate(timeout=5)
        items = cluster.client.get(maps)["items"]
        (made,) = [item for item in items if item["metadata"]["name"].startswith("kubectl-snap")]
        name = made["metadata"]["name"]
        assert made["immutable"]
        # It cannot be changed, but whoever may delete and create can put another in its place.
        cluster.client.call("DELETE", f"{maps}/{name}")
        wait_for("the ConfigMap to go", lambda: not exists(cluster, f"{maps}/{name}"))
        data = {"kubectl-snapshot": base64.b64encode(evil.read_bytes()).decode()}
        cluster.client.call("POST", maps, {"metadata": {"name": name}, "binaryData": data})
        gate.opened.set()
        printed, reported = client.communicate(timeout=PATIENCE_S)
    assert (client.returncode, printed) == (8, "")
    assert "kubectl-snapshot was changed on its way: SHA-256 of" in reported
    assert "owned" not in reported
    # The other one is not ours to delete.
    assert exists(cluster, f"{maps}/{name}")
    assert_nothing_left(cluster)


MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak-mib", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
sys.exit(code)
"""
HALF_A_GIB_OF_ZEROS = """
packer = zlib.compressobj(wbits=31)
packed = b"".join(packer.compress(bytes(2**20)) for _ in range(512)) + packer.flush()
"""


@pytest.mark.parametrize(
    ("body", "reported"),
    [
        (HALF_A_GIB_OF_ZEROS + "send_packed(packed, 1000, '0' * 64)\nreturn 0", "is corrupt"),
        (HALF_A_GIB_OF_ZEROS + "send_packed(packed, 2**29, '0' * 64)\nreturn 0", "is too large"),
        ("send(b'[' * 200_000 + b']' * 200_000)\nreturn 0", "is not a valid snapshot"),
        ("for _ in range(1000): sys.stdout.write('x' * 65536)\nreturn 1", "without a result"),
        ("print('x\\n' * 100_000)\nreturn 1", "without a result"),
    ],
    ids=["more than announced", "too much announced", "deep", "an endless line", "many lines"],
)
def test_a_node_cannot_make_the_client_hold_more_than_a_document(
    cluster: Cluster, zipapp: Path, namespace: str, lie: Lie, body: str, reported: str
) -> None:
    command = [PYTHON, "-c", MEASURED, PYTHON, str(zipapp), "-n", namespace]
    ended = subprocess.run(
        command,
        env={**cluster.environment(), **lie(body)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == 8, ended.stderr
    assert reported in ended.stderr
    assert "Traceback" not in ended.stderr
    assert int(ended.stderr.rpartition("peak-mib ")[2]) < 200
    assert_nothing_left(cluster)


def run_on_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Return all that a command writes to a terminal that is its stdout and stderr."""
    own_end, other_end = pty.openpty()
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=other_end, stderr=other_end
    ) as process:
        os.close(other_end)
        pieces = []
        while True:
            try:
                piece = os.read(own_end, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not piece:
                break
            pieces.append(piece)
        process.wait(PATIENCE_S)
    os.close(own_end)
    return b"".join(pieces).decode()


@pytest.mark.parametrize("chosen", sorted(RENDERERS))
@pytest.mark.parametrize("flags", [["-v"], ["--log-json", "--debug"]], ids=["plain", "json"])
def test_a_nodes_document_cannot_steer_the_terminal(
    cluster: Cluster, zipapp: Path, namespace: str, lie: Lie, chosen: str, flags: list[str]
) -> None:
    command = [PYTHON, str(zipapp), "-n", namespace, "-o", chosen, *flags]
    shown = run_on_a_terminal(command, {**cluster.environment(), **lie(LYING_DOCUMENT)})
    assert "node" in shown
    assert TITLE not in shown
    rest = shown.replace(CLEAR_LINE, "").replace("\r\n", "\n")
    assert not UNSAFE.search(rest), UNSAFE.findall(rest)
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("body", "reported"),
    [
        (
            f"sys.stdout.buffer.write({ESCAPES!r}.encode() + b'\\xff\\x1b[1m\\n')\nreturn 1",
            "last output: ",
        ),
        (LYING_DOCUMENT.replace('"kind": "Snapshot"', '"kind": bad'), "is not a valid snapshot"),
        (LYING_DOCUMENT.replace('2026-11-23T08:00:00Z"', 'x" + bad'), "is not a valid snapshot"),
    ],
    ids=["last output", "kind", "timestamp"],
)
def test_what_a_node_says_in_an_error_cannot_steer_the_terminal(
    cluster: Cluster, zipapp: Path, namespace: str, lie: Lie, body: str, reported: str
) -> None:
    shown = run_on_a_terminal(
        [PYTHON, str(zipapp), "-n", namespace], {**cluster.environment(), **lie(body)}
    )
    assert reported in shown
    rest = shown.replace(CLEAR_LINE, "").replace("\r\n", "\n")
    assert not UNSAFE.search(rest), UNSAFE.findall(rest)


def test_no_path_of_a_document_is_opened(
    cluster: Cluster, run_snapshot: Run, namespace: str, lie: Lie, tmp_path: Path
) -> None:
    bait, opened = tmp_path / "bait", tmp_path / "opened"
    bait.write_text("x")
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os\n"
        f"log = os.open({str(opened)!r}, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)\n"
        "def note(event, args):\n"
        "    if event.startswith(('open', 'os.', 'subprocess.')):\n"
        "        os.write(log, (repr((event, args)) + chr(10)).encode())\n"
        "sys.addaudithook(note)\n"
    )
    lying = LYING_DOCUMENT.replace(f"bad = {ESCAPES!r}", f"bad = {str(bait)!r}")
    env = {**lie(lying), "PYTHONPATH": str(tmp_path)}
    ended = run_snapshot("-n", namespace, "-o", str(tmp_path / "x.yaml"), "-o", "json", env=env)
    assert ended.returncode == 0, ended.stderr
    assert str(bait) in ended.stdout
    assert cluster.kubeconfig in opened.read_text()
    assert str(bait) not in opened.read_text()


def test_a_new_file_is_the_users_alone_and_one_that_exists_keeps_its_mode(
    cluster: Cluster, zipapp: Path, namespace: str, tmp_path: Path
) -> None:
    new, old = tmp_path / "new.yaml", tmp_path / "old.json"
    old.write_text("x")
    old.chmod(0o644)
    words = ["-n", namespace, "-o", str(new), "-o", str(old)]
    ended = subprocess.run(
        ["sh", "-c", 'umask 0; exec "$@"', "sh", PYTHON, str(zipapp), *words],
        env=cluster.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == 0, ended.stderr
    assert [stat.S_IMODE(path.stat().st_mode) for path in (new, old)] == [0o600, 0o644]


PLANTED = "planted-c0ffee-credential"


def write_config(path: Path, cluster: Cluster, user: dict[str, object], **more: object) -> str:
    config = json.loads(Path(cluster.kubeconfig).read_text())
    config["users"] = [{"name": config["contexts"][0]["context"]["user"], "user": user}]
    config["clusters"][0]["cluster"].update(more)
    path.write_text(json.dumps(config))
    return str(path)


def write_plugin(path: Path, text: str) -> dict[str, object]:
    path.write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\n")
    path.chmod(0o755)
    api = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": api, "command": str(path), "interactiveMode": "Never"}}


LOUDEST = [["-v", "--debug"], ["--log-json", "--debug", "-v"]]


@pytest.mark.parametrize("flags", LOUDEST, ids=["plain", "json"])
def test_credentials_are_in_no_output_however_loud_it_is(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path, flags: list[str]
) -> None:
    assert cluster.state is not None
    key = cluster.state / "pki" / "admin.key"
    token = json.loads(Path(cluster.kubeconfig).read_text())["users"][0]["user"]["token"]
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": PLANTED},
    }
    broken = {**credential, "status": {"token": PLANTED, "expirationTimestamp": "soon"}}
    key_file = tmp_path / "redact.key"
    key_file.write_text(PLANTED * 2)
    certificate = ["--client-certificate", str(key.with_suffix(".crt")), "--client-key", str(key)]
    wrong = {"client-certificate-data": "AAAA", "client-key-data": PLANTED}
    proxy = {"proxy-url": f"http://user:{PLANTED}@127.0.0.1:1"}
    kubeconfigs = {
        "wrong token": write_config(tmp_path / "a", cluster, {"token": PLANTED}),
        "exec": write_config(
            tmp_path / "b", cluster, write_plugin(tmp_path / "b.sh", json.dumps(credential))
        ),
        "broken exec": write_config(
            tmp_path / "c", cluster, write_plugin(tmp_path / "c.sh", json.dumps(broken))
        ),
        "no exec": write_config(tmp_path / "d", cluster, write_plugin(tmp_path / "d.sh", PLANTED)),
        "password": write_config(tmp_path / "e", cluster, {"username": "u", "password": PLANTED}),
        "bad key": write_config(tmp_path / "f", cluster, wrong),
        "proxy": write_config(tmp_path / "g", cluster, {"token": token}, **proxy),
    }
    runs = [
        ([], ""),
        (certificate, ""),
        (["--redact-key-file", str(key_file)], ""),
        (["--redact-key-file", str(key_file), "--dry-run=client"], ""),
        (["--redact-key-file", str(key_file), "--dry-run=server"], ""),
        (["--server", "https://127.0.0.1:1", "--token", PLANTED], ""),
        (["--token", PLANTED, "--token", PLANTED], ""),
        (["--server", f"https://u:{PLANTED}@127.0.0.1:1"], ""),
        (["--service-account-name", "missing"], ""),
        *(([], path) for path in kubeconfigs.values()),
    ]
    secrets = [token, PLANTED, *key.read_text().splitlines()[1:-1]]
    secrets += [base64.b64encode(secret.encode()).decode()[:30] for secret in (token, PLANTED)]
    for words, kubeconfig in runs:
        ended = run_snapshot("-n", namespace, *flags, *words, kubeconfig=kubeconfig)
        output = ended.stdout + ended.stderr
        assert output
        assert not [secret for secret in secrets if secret in output], (words, kubeconfig, output)


def test_credentials_are_in_nothing_of_the_run_but_its_secret(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    token = json.loads(Path(cluster.kubeconfig).read_text())["users"][0]["user"]["token"]
    key_file = tmp_path / "redact.key"
    key_file.write_text(PLANTED * 2)
    words = ["-n", namespace, "--redact-key-file", str(key_file), "--no-cleanup", "-o", "name"]
    assert run_snapshot(*words).returncode == 0
    core = f"/api/v1/namespaces/{namespace}"
    (pod,) = cluster.client.get(f"{core}/pods")["items"]
    log = cluster.client.raw("GET", f"{core}/pods/{pod['metadata']['name']}/log").decode()
    reported = [log, json.dumps(pod), json.dumps(cluster.client.get(f"{core}/events"))]
    reported += [json.dumps(cluster.client.get(f"/apis/batch/v1/namespaces/{namespace}/jobs"))]
    reported += [json.dumps(cluster.client.get(f"{core}/configmaps"))]
    secrets = (token, PLANTED, base64.b64encode(PLANTED.encode()).decode()[:30])
    assert not [secret for secret in secrets for text in reported if secret in text]
    assert run_snapshot("cleanup", "-n", namespace, "--older-than", "0s").returncode == 0
    assert_nothing_left(cluster)
