"""The API client against a real API server: every way to log in, every way to get there.

Who we are is the server's own answer (SelfSubjectReview), not what we sent.
"""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.auth.access import select_access
from kubectl_snapshot.clients.auth.kubeconfig import Config, read_pod_account
from kubectl_snapshot.clients.kube import watch as kube_watch
from kubectl_snapshot.clients.kube.client import (
    Call,
    ConnectionOptions,
    Kube,
    Response,
    connect,
    connect_access,
)
from kubectl_snapshot.errors import (
    InvalidRequest,
    NotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    SnapshotError,
    Unauthorized,
)
from tests.cluster.support import Cluster
from tests.servers import certificates, faulty_proxy
from tests.servers.certificates import Certificate
from tests.servers.connect_proxy import serve_proxy
from tests.servers.http_server import Server
from tests.servers.kubeconfigs import write_kubeconfig
from tests.servers.oidc_issuer import CLIENT, serve_issuer
from tests.servers.transports import TRANSPORTS, connect_through

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
EXEC_VERSION = "client.authentication.k8s.io/v1"
DEADLINE_S = 60.0
# Not the minute or so that a connection, a retry or Retry-After may take.
AT_ONCE_S = 10

Person = Callable[..., Kube]


@pytest.fixture
def server_keys(cluster: Cluster) -> dict[str, str]:
    """The `cluster` section of the administrator's kubeconfig."""
    config = json.loads(Path(cluster.kubeconfig).read_text())
    return dict(config["clusters"][0]["cluster"])


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def admin(cluster: Cluster, transport: str) -> Kube:
    return connect_through(transport, cluster.kubeconfig)


@pytest.fixture
def person(tmp_path: Path, server_keys: dict[str, str]) -> Person:
    """Returns a client by a kubeconfig of this user, with cluster keys over the real ones."""

    def build(
        user: Mapping[str, Any],
        cluster: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Kube:
        path = write_kubeconfig(tmp_path / "kubeconfig", {**server_keys, **(cluster or {})}, user)
        environment = {"PATH": os.environ["PATH"], **(env or {})}
        return connect(ConnectionOptions(kubeconfig=path, **options), environment)

    return build


@pytest.fixture
def account(namespace: str) -> str:
    """The user name of a service account, which exists everywhere and may do nothing."""
    return f"system:serviceaccount:{namespace}:default"


@pytest.fixture
def token(cluster: Cluster, namespace: str) -> str:
    """A token of that account, as good as any user's."""
    return make_token(cluster, namespace)


@pytest.fixture
def local_pki(tmp_path: Path) -> Path:
    authority = certificates.make_authority(tmp_path)
    certificates.sign(authority, tmp_path, "server", "/CN=server")
    return tmp_path


def make_token(cluster: Cluster, namespace: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    answer = cluster.client.call("POST", path, {"spec": {"expirationSeconds": 600}})
    return str(answer["status"]["token"])


def who(kube: Kube) -> dict[str, Any]:
    """Return the user that the API server takes us for."""
    answer = kube.request("POST", REVIEW, doing="ask who we are", body={})
    return dict(answer.body["status"]["userInfo"])


def refusal(kube: Kube) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        who(kube)
    return caught.value


def plugin(script: str, **spec: Any) -> dict[str, Any]:
    return {
        "exec": {
            "apiVersion": EXEC_VERSION,
            "command": "sh",
            "args": ["-c", script],
            "interactiveMode": "Never",
            **spec,
        }
    }


def print_credential(token: str, **status: str) -> str:
    answer = {
        "apiVersion": EXEC_VERSION,
        "kind": "ExecCredential",
        "status": {"token": token, **status},
    }
    return f"echo '{json.dumps(answer)}'"


# Logging in


def test_a_client_certificate_logs_in(cluster: Cluster, person: Person, tmp_path: Path) -> None:
    pki = cluster.require_lab().pki
    ann = certificates.sign(
        Certificate(pki / "ca.crt", pki / "ca.key"),
        tmp_path,
        "ann",
        "/O=testers/CN=ann",
        "extendedKeyUsage=clientAuth",
    )
    files = {"client-certificate": str(ann.certificate), "client-key": str(ann.key)}
    data = {
        "client-certificate-data": base64.b64encode(ann.certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(ann.key.read_bytes()).decode(),
    }
    for user in (files, data):
        found = who(person(user))
        assert (found["username"], found["groups"][0]) == ("ann", "testers")
    flags = {"client_certificate": str(ann.certificate), "client_key": str(ann.key)}
    assert who(person({}, **flags))["username"] == "ann"


def test_a_token_logs_in(person: Person, token: str, account: str) -> None:
    assert who(person({"token": token}))["username"] == account
    assert who(person({}, token=token))["username"] == account


def test_a_token_file_with_a_newline_logs_in(
    person: Person, token: str, account: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(token + "\n")
    assert who(person({"tokenFile": "token"}))["username"] == account


def test_a_pods_service_account_logs_in(
    cluster: Cluster, server_keys: dict[str, str], token: str, account: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(token)
    authority = base64.b64decode(server_keys["certificate-authority-data"])
    (tmp_path / "ca.crt").write_bytes(authority)
    host, _, port = server_keys["server"].partition("://")[2].rpartition(":")
    env = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    pod = read_pod_account(env, str(tmp_path))
    assert pod is not None
    kube = connect_access(select_access(Config(), ConnectionOptions(), pod), env)
    assert who(kube)["username"] == account


def test_an_exec_plugin_logs_in(person: Person, token: str, account: str) -> None:
    assert who(person(plugin(print_credential(token))))["username"] == account


def test_an_exec_plugins_stale_token_is_asked_for_again(
    person: Person, token: str, account: str, tmp_path: Path
) -> None:
    stale, good = print_credential("stale"), print_credential(token)
    script = f"cd {tmp_path}; if [ -e ran ]; then {good}; else touch ran; {stale}; fi"
    assert who(person(plugin(script)))["username"] == account


def test_an_exec_plugin_that_fails_on_a_terminal_says_so(
    cluster: Cluster, server_keys: dict[str, str], tmp_path: Path
) -> None:
    failing = plugin("echo 'the session is over' >&2; exit 1", interactiveMode="IfAvailable")
    path = write_kubeconfig(tmp_path / "kubeconfig", server_keys, failing)
    program = (
        "import os, sys\n"
        "from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect\n"
        "from kubectl_snapshot.errors import SnapshotError\n"
        "kube = connect(ConnectionOptions(kubeconfig=sys.argv[1]), os.environ)\n"
        "try: kube.request('GET', '/version', doing='read the version')\n"
        "except SnapshotError as error: print(error)\n"
    )
    master, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, path],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            timeout=DEADLINE_S,
            check=True,
        )
        passed_on = os.read(master, 1000)
    finally:
        os.close(terminal)
        os.close(master)
    assert done.stdout.decode().startswith("[UNAUTHORIZED] the exec plugin sh exited with code 1")
    assert b"the session is over" in passed_on


def test_an_exec_plugin_that_needs_a_terminal_is_refused_without_one(
    person: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        caught = refusal(person(plugin(print_credential(token), interactiveMode="Always")))
    assert isinstance(caught, Unauthorized)
    assert "terminal" in caught.why


def test_a_missing_exec_plugin_is_reported_with_its_install_hint(person: Person) -> None:
    caught = refusal(person(plugin("", command="no-such-plugin", installHint="get it from X")))
    assert isinstance(caught, NotFound)
    assert caught.hint == "get it from X"


def test_an_expired_oidc_token_is_renewed_at_the_issuer(
    cluster: Cluster,
    person: Person,
    namespace: str,
    account: str,
    local_pki: Path,
    tmp_path: Path,
) -> None:
    """The issuer hands out a token that this API server takes, as one that it trusts would."""
    keys = Certificate(local_pki / "server.crt", local_pki / "server.key")
    with serve_issuer(keys, lambda: make_token(cluster, namespace)) as issuer:
        config = {
            "client-id": CLIENT[0],
            "client-secret": CLIENT[1],
            "id-token": "e30.eyJleHAiOjF9.c2ln",
            "idp-issuer-url": issuer.url,
            "idp-certificate-authority": str(local_pki / "ca.crt"),
            "refresh-token": issuer.refresh_token,
        }
        user = {"auth-provider": {"name": "oidc", "config": config}}
        assert who(person(user))["username"] == account
        kept = json.loads((tmp_path / "kubeconfig").read_text())
    kept = kept["users"][0]["user"]["auth-provider"]["config"]
    assert kept["refresh-token"] == issuer.refresh_token != config["refresh-token"]


def test_an_expired_token_is_unauthorized_with_the_way_back(
    cluster: Cluster, person: Person, token: str
) -> None:
    expired = sign_again(token, cluster.require_lab().pki / "service-account.key", exp=1)
    good = sign_again(token, cluster.require_lab().pki / "service-account.key")
    assert who(person({"token": good}))
    caught = refusal(person({"token": expired}))
    assert isinstance(caught, Unauthorized)
    assert caught.status == 401
    assert "kubectl auth whoami" in caught.hint
    assert expired not in f"{caught} {caught.hint}"


def sign_again(token: str, key: Path, **claims: Any) -> str:
    """Return a JWT with other claims, signed by the cluster's own key (RFC 7515, ES256)."""

    def encode(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    header, payload, _ = token.split(".")
    changed = {**json.loads(base64.urlsafe_b64decode(payload + "==")), **claims}
    signed = f"{header}.{encode(json.dumps(changed).encode())}"
    command = ["openssl", "dgst", "-sha256", "-sign", str(key)]
    der = subprocess.run(command, input=signed.encode(), check=True, capture_output=True).stdout
    # SEQUENCE { INTEGER r, INTEGER s } -> r and s in 32 bytes each.
    r_end = 4 + der[3]
    numbers = (der[4:r_end], der[r_end + 2 :])
    return f"{signed}.{encode(b''.join(n[-32:].rjust(32, bytes(1)) for n in numbers))}"


# Acting as another, choosing a context


def test_the_kubeconfigs_as_and_groups_are_acted_as(cluster: Cluster, admin: Kube) -> None:
    config = json.loads(Path(cluster.kubeconfig).read_text())
    config["users"][0]["user"].update({"as": "ann", "as-groups": ["one", "two"], "as-uid": "7"})
    path = cluster.home / "as.kubeconfig"
    path.write_text(json.dumps(config))
    found = who(connect(ConnectionOptions(kubeconfig=str(path)), {}))
    assert (found["username"], found["uid"]) == ("ann", "7")
    assert found["groups"] == ["one", "two", "system:authenticated"]
    reported = cluster.kubectl("auth", "whoami", "-o", "json", kubeconfig=str(path))
    assert json.loads(reported.stdout)["status"]["userInfo"] == found


def test_the_flags_as_and_groups_are_acted_as(cluster: Cluster) -> None:
    options = ConnectionOptions(
        kubeconfig=cluster.kubeconfig, as_user="bob", as_groups=("three",), as_uid="8"
    )
    found = who(connect(options, {}))
    assert (found["username"], found["uid"], found["groups"][0]) == ("bob", "8", "three")


def test_of_several_kubeconfigs_the_first_current_context_wins_as_in_kubectl(
    cluster: Cluster, server_keys: dict[str, str], token: str, account: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    mine = write_kubeconfig(tmp_path / "mine", server_keys, {"token": token}, "my-namespace")
    listed = f"{tmp_path}/missing:{tmp_path}/empty:{mine}:{cluster.kubeconfig}"
    kube = connect(ConnectionOptions(), {"KUBECONFIG": listed})
    assert who(kube)["username"] == account
    assert kube.namespace == "my-namespace"
    assert cluster.kubectl("config", "current-context", kubeconfig=listed).stdout == "test\n"

    other = json.loads(Path(cluster.kubeconfig).read_text())["current-context"]
    chosen = connect(ConnectionOptions(context=other), {"KUBECONFIG": listed})
    assert who(chosen)["username"] != account
    assert (chosen.context, chosen.namespace) == (other, "default")


def test_an_unknown_context_is_not_found_and_those_that_exist_are_reported(
    cluster: Cluster,
) -> None:
    known = json.loads(Path(cluster.kubeconfig).read_text())["current-context"]
    with pytest.raises(NotFound) as caught:
        connect(ConnectionOptions(kubeconfig=cluster.kubeconfig, context="nope"), {})
    assert known in caught.value.why


# Getting there


def test_a_wrong_ca_is_refused_with_what_to_do(
    person: Person, local_pki: Path, tmp_path: Path, transport: str
) -> None:
    wrong = base64.b64encode((local_pki / "ca.crt").read_bytes()).decode()
    person({}, {"certificate-authority-data": wrong})
    caught = refusal(connect_through(transport, str(tmp_path / "kubeconfig")))
    assert isinstance(caught, ServiceUnavailable)
    assert "not trusted" in caught.why
    assert "--certificate-authority" in caught.hint
    flagged = refusal(person({}, certificate_authority=str(local_pki / "ca.crt")))
    assert "not trusted" in flagged.why


def test_a_wrong_server_is_named_at_once(person: Person, tmp_path: Path, transport: str) -> None:
    person({}, {"server": "https://127.0.0.1:1"})
    before = time.monotonic()
    caught = refusal(connect_through(transport, str(tmp_path / "kubeconfig")))
    assert time.monotonic() - before < AT_ONCE_S
    assert isinstance(caught, ServiceUnavailable)
    assert "https://127.0.0.1:1" in caught.why


@pytest.mark.parametrize("login", ["", "ann:p@ss"])
def test_the_kubeconfigs_proxy_is_gone_through(
    person: Person, token: str, account: str, server_keys: dict[str, str], login: str
) -> None:
    with serve_proxy(login) as proxy:
        url = proxy.url.replace("://", "://" + login.replace("p@", "p%40") + "@" * bool(login))
        kube = person({"token": token}, {"proxy-url": url})
        assert who(kube)["username"] == account
        assert proxy.targets == [server_keys["server"].partition("://")[2]]


def test_the_environments_proxy_is_gone_through_but_for_its_exceptions(
    person: Person, token: str, server_keys: dict[str, str]
) -> None:
    host = server_keys["server"].partition("://")[2].rpartition(":")[0]
    with serve_proxy() as proxy:
        env = {"HTTPS_PROXY": proxy.url}
        who(person({"token": token}, env={**env, "NO_PROXY": f"example.org,{host}/32"}))
        assert proxy.targets == []
        if not host.startswith("127."):  # which no environment sends through a proxy
            who(person({"token": token}, env=env))
            assert len(proxy.targets) == 1


def test_a_proxy_that_refuses_is_named_without_its_login(person: Person, token: str) -> None:
    with serve_proxy("ann:secret") as proxy:
        url = proxy.url.replace("://", "://ann:wrong@")
        caught = refusal(person({"token": token}, {"proxy-url": url}))
    assert isinstance(caught, ServiceUnavailable)
    assert proxy.url in caught.why
    assert "407" in caught.why
    assert "wrong" not in str(caught)


# What breaks on the way


@pytest.fixture
def faults() -> list[faulty_proxy.Fault]:
    return []


@pytest.fixture
def faulty(
    cluster: Cluster,
    server_keys: dict[str, str],
    local_pki: Path,
    faults: list[faulty_proxy.Fault],
    transport: str,
) -> Iterator[tuple[Kube, Server]]:
    """The administrator's client behind a proxy that breaks what `faults` says, and the proxy."""
    authority = local_pki / "real-ca.crt"
    authority.write_bytes(base64.b64decode(server_keys["certificate-authority-data"]))
    keys = Certificate(local_pki / "server.crt", local_pki / "server.key")
    user = json.loads(Path(cluster.kubeconfig).read_text())["users"][0]["user"]
    if "token" not in user:
        pytest.skip("the proxy cannot pass on the administrator's client certificate")
    with faulty_proxy.serve_faulty(server_keys["server"], str(authority), keys, faults) as server:
        keys_of_proxy = {"server": server.url, "certificate-authority": str(local_pki / "ca.crt")}
        path = write_kubeconfig(local_pki / "faulty.kubeconfig", keys_of_proxy, user)
        yield connect_through(transport, path), server


def test_resets_5xx_and_cut_answers_are_read_again(
    faulty: tuple[Kube, Server], faults: list[faulty_proxy.Fault]
) -> None:
    kube, server = faulty
    broken = [faulty_proxy.reset, faulty_proxy.fail(500), faulty_proxy.cut_in_half]
    faults += broken
    pods = list(kube.list_items("/api/v1/namespaces", doing="list namespaces"))
    assert "kube-system" in [pod["metadata"]["name"] for pod in pods]
    assert len(server.seen) == len(broken) + 1


def test_throttling_is_waited_for_as_long_as_the_server_says(
    faulty: tuple[Kube, Server], faults: list[faulty_proxy.Fault]
) -> None:
    kube, _ = faulty
    faults.append(faulty_proxy.throttle(1))
    before = time.monotonic()
    kube.request("GET", "/version", doing="read the version")
    assert 1.0 <= time.monotonic() - before < AT_ONCE_S
    faults.append(faulty_proxy.throttle(60))
    with pytest.raises(RateLimitExceeded):
        kube.request("GET", "/version", doing="read the version")
    assert time.monotonic() - before < 2 * AT_ONCE_S


def test_a_creation_whose_answer_was_lost_meets_its_own_object(
    faulty: tuple[Kube, Server], faults: list[faulty_proxy.Fault], namespace: str
) -> None:
    kube, _ = faulty
    faults.append(faulty_proxy.reset)
    with pytest.raises(InvalidRequest) as caught:
        kube.request(
            "POST",
            f"/api/v1/namespaces/{namespace}/configmaps",
            doing=f"create ConfigMap {namespace}/x",
            body={"metadata": {"name": "x"}},
        )
    assert caught.value.status == 409
    assert kube.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/x", doing="read x").body


# What the server says


def test_a_missing_right_is_reported_in_the_servers_words(cluster: Cluster, transport: str) -> None:
    cluster.require_lab()
    viewer = connect_through(transport, str(cluster.viewer_kubeconfig))
    with pytest.raises(Unauthorized) as caught:
        viewer.request("GET", "/api/v1/nodes", doing="list nodes")
    assert (caught.value.status, caught.value.what) == (403, "cannot list nodes")
    assert 'cannot list resource "nodes"' in caught.value.why


def test_pod_security_speaks_in_a_warning(admin: Kube, restricted_namespace: str) -> None:
    pod = {
        "restartPolicy": "Never",
        "hostPID": True,
        "containers": [{"name": "c", "image": "python:3.11-slim"}],
    }
    answer = admin.request(
        "POST",
        f"/apis/batch/v1/namespaces/{restricted_namespace}/jobs",
        doing="try a Job",
        query={"dryRun": "All"},
        body={"metadata": {"name": "x"}, "spec": {"template": {"spec": pod}}},
    )
    assert answer.status == 201
    assert any('violate PodSecurity "restricted' in text for text in answer.warnings)


def test_parallel_requests_each_get_their_own_answer(admin: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    creations = [
        Call("POST", path, f"create {n}", body={"metadata": {"name": f"c-{n}"}}) for n in range(20)
    ]
    answers = admin.request_all([*creations, creations[0]])
    names = [a.body["metadata"]["name"] for a in answers if isinstance(a, Response)]
    assert sorted(names) == sorted(f"c-{n}" for n in range(20))
    assert [a.status for a in answers if isinstance(a, SnapshotError)] == [409]


def test_a_list_goes_over_pages(admin: Kube, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for answer in admin.request_all(
        [Call("POST", path, "create", body={"metadata": {"name": f"c-{n}"}}) for n in range(5)]
    ):
        assert isinstance(answer, Response)
    items = admin.list_items(path, doing="list ConfigMaps", page_size=2)
    found = [item["metadata"]["name"] for item in items]
    assert [name for name in found if name.startswith("c-")] == [f"c-{n}" for n in range(5)]
    assert len(found) == len(set(found))


def test_a_watch_goes_on_after_the_server_ends_it(
    admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_watch, "WATCH_S", 1)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    stop, seen, in_sync = threading.Event(), [], threading.Event()
    reported = threading.Condition()

    def watch() -> None:
        query = {"labelSelector": "watched=yes"}
        for event in admin.watch(path, doing="watch ConfigMaps", query=query, stop=stop):
            if event.type == "SYNC":
                in_sync.set()
                continue
            with reported:
                seen.append((event.type, event.object["metadata"]["name"]))
                reported.notify()

    def wait_for(count: int) -> None:
        with reported:
            assert reported.wait_for(lambda: len(seen) >= count, DEADLINE_S)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    assert in_sync.wait(DEADLINE_S)
    pause = threading.Event()
    for number, name in enumerate(("a", "b", "c"), 1):
        metadata = {"name": name, "labels": {"watched": "yes"}}
        admin.request("POST", path, doing="create", body={"metadata": metadata})
        wait_for(number)
        pause.wait(1.1)  # the watch ends meanwhile
    admin.request("DELETE", f"{path}/a", doing="delete")
    wait_for(4)
    stop.set()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c"), ("DELETED", "a")]


def test_the_typed_client_works_in_a_process_that_used_ours(cluster: Cluster) -> None:
    """With the stock package, also where these tests run on the zipapp's slim copy."""
    program = (
        "import sys\n"
        "from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect\n"
        "kube = connect(ConnectionOptions(kubeconfig=sys.argv[1]), {})\n"
        "kube.request('GET', '/version', doing='read the version')\n"
        "import kubernetes.client, kubernetes.config\n"
        "kubernetes.config.load_kube_config(sys.argv[1])\n"
        "names = kubernetes.client.CoreV1Api().list_namespace().items\n"
        "print(*(item.metadata.name for item in names))\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "SNAPSHOT_TEST_PACKAGE_DIR"}
    command = [sys.executable, "-c", program, cluster.kubeconfig]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "kube-system" in done.stdout.split()
