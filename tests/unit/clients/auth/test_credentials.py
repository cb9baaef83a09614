"""Credentials as they arrive at a server, and when they are read again."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.auth import credentials
from kubectl_snapshot.clients.kube.client import Call, Kube
from kubectl_snapshot.errors import InvalidRequest, Unauthorized
from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve

Connect = Callable[..., Kube]
LIMIT_S = 20.0


@pytest.fixture
def login(connect_to: Connect, server_certificate: Certificate) -> Callable[..., list[str | None]]:
    """Returns the Authorization headers of requests, after each of which `between` is called.

    The server refuses those in `refused`.
    """

    def send(
        user: dict[str, Any],
        count: int = 1,
        refused: Sequence[str] = (),
        between: Callable[[], object] = lambda: None,
        **more: Any,
    ) -> list[str | None]:
        def answer(exchange: Exchange) -> None:
            is_refused = exchange.headers.get("Authorization") in refused
            exchange.send(401 if is_refused else 200, {"message": "Unauthorized"})

        with serve(answer, server_certificate) as server:
            kube = connect_to(server, user, **more)
            for _ in range(count):
                kube.request("GET", "/x", doing="read x")
                between()
        return [exchange.headers.get("Authorization") for exchange in server.seen]

    return send


Login = Callable[..., "list[str | None]"]


def plugin(tmp_path: Path, *tokens: str, expires_in_s: float | None = None) -> dict[str, Any]:
    """A plugin that gives one token after the other, the last one for ever."""
    (tmp_path / "tokens").write_text("\n".join(tokens) + "\n")
    expiry = ""
    if expires_in_s is not None:
        moment = time.gmtime(time.time() + expires_in_s)
        expiry = f', "expirationTimestamp": "{time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)}"'
    script = f"""
        cd {tmp_path}
        token=$(head -n 1 tokens)
        [ $(wc -l < tokens) -gt 1 ] && sed -i 1d tokens
        echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        echo '"status": {{"token": "'$token'"{expiry}}}}}'
    """
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script],
            "interactiveMode": "Never",
        }
    }


def test_a_token_goes_as_bearer(login: Login) -> None:
    assert login({"token": "abc"}) == ["Bearer abc"]


def test_a_token_file_may_end_in_a_newline(login: Login, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    assert login({"tokenFile": str(tmp_path / "token")}) == ["Bearer abc"]


def test_the_token_file_goes_before_the_token(login: Login, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file")
    user = {"token": "from-config", "tokenFile": str(tmp_path / "token")}
    assert login(user) == ["Bearer from-file"]


def test_a_token_file_is_read_again_after_its_time(
    login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    user = {"tokenFile": str(path)}

    def replace() -> None:
        path.write_text("new")

    assert login(user, 2, between=replace) == ["Bearer old", "Bearer old"]
    path.write_text("old")
    monkeypatch.setattr(credentials, "TOKEN_FILE_PERIOD_S", 0.0)
    assert login(user, 2, between=replace) == ["Bearer old", "Bearer new"]


def test_a_refused_token_file_is_read_again_at_once(login: Login, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    refused: list[str] = []

    def rotate() -> None:
        path.write_text("new")
        refused.append("Bearer old")

    sent = login({"tokenFile": str(path)}, 2, refused=refused, between=rotate)
    assert sent == ["Bearer old", "Bearer old", "Bearer new"]


def test_a_user_name_and_password_go_as_basic(login: Login) -> None:
    expected = "Basic " + base64.b64encode("ann:pä:ss".encode()).decode()
    assert login({"username": "ann", "password": "pä:ss"}) == [expected]


def test_a_user_without_a_credential_sends_none(login: Login) -> None:
    assert login({}) == [None]


def test_no_credential_goes_over_plain_http(connect_to: Connect) -> None:
    with serve(lambda exchange: exchange.send(200, {})) as server:
        connect_to(server, {"token": "abc"}).request("GET", "/x", doing="read x")
    assert server.seen[0].headers.get("Authorization") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file or directory"), (b"", "has no token"), (b"\xff\xfe", "has no token")],
)
def test_a_token_file_without_a_token_says_which_way(
    login: Login, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequest) as caught:
        login({"tokenFile": str(path)})
    assert words in str(caught.value)


def test_a_token_with_a_line_break_is_refused(login: Login) -> None:
    with pytest.raises(InvalidRequest) as caught:
        login({"token": "abc\nX-Header: y"})
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    "user",
    [
        {"tokenFile": "/nonexistent/token"},
        {"client-certificate": "/nonexistent/c", "client-key": "/nonexistent/k"},
        {"client-certificate-data": "QQ=="},
        {"client-certificate-data": "Q", "client-key-data": "QQ=="},
    ],
)
def test_a_credential_that_is_not_there_is_an_invalid_request(
    login: Login, user: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest, match="user someone"):
        login(user)


def test_impersonation_goes_with_every_request(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(lambda exchange: exchange.send(200, {}), server_certificate) as server:
        user = {"token": "abc", "as": "ann", "as-groups": ["a", "b"]}
        connect_to(server, user).request("GET", "/x", doing="read x")
    headers = server.seen[0].headers
    assert headers["Impersonate-User"] == "ann"
    assert headers.get_all("Impersonate-Group") == ["a", "b"]


def test_a_plugin_runs_once_for_many_requests(login: Login, tmp_path: Path) -> None:
    assert login(plugin(tmp_path, "one", "two"), 3) == ["Bearer one"] * 3


def test_connections_of_one_user_share_one_run_of_the_plugin(
    connect_to: Connect, server_certificate: Certificate, tmp_path: Path
) -> None:
    user = plugin(tmp_path, "same")
    runs = count_runs(user, tmp_path)
    with serve(lambda exchange: exchange.send(200, {}), server_certificate) as server:
        for _ in range(3):
            connect_to(server, user).request("GET", "/x", doing="read x")
        assert runs() == 1
        connect_to(server, user, env={"OTHER": "1"}).request("GET", "/x", doing="read x")
    assert runs() == 2


def test_only_so_many_users_are_remembered(
    connect_to: Connect,
    server_certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credentials, "MAX_SHARED", 2)
    monkeypatch.setattr(credentials, "_shared", {})
    user = plugin(tmp_path, "same")
    runs = count_runs(user, tmp_path)
    with serve(lambda exchange: exchange.send(200, {}), server_certificate) as server:
        for number in (1, 2, 1, 3, 1):
            kube = connect_to(server, user, env={"N": str(number)})
            kube.request("GET", "/x", doing="read x")
    assert runs() == 3
    assert len(credentials._shared) == 2


def test_a_plugins_token_is_asked_for_again_when_it_expires(login: Login, tmp_path: Path) -> None:
    user = plugin(tmp_path, "one", "two", expires_in_s=-1)
    assert login(user, 2) == ["Bearer one", "Bearer two"]


def test_a_plugins_token_is_kept_until_it_expires(login: Login, tmp_path: Path) -> None:
    user = plugin(tmp_path, "one", "two", expires_in_s=600)
    assert login(user, 2) == ["Bearer one", "Bearer one"]


def test_a_refused_token_of_a_plugin_is_asked_for_again_once(login: Login, tmp_path: Path) -> None:
    user = plugin(tmp_path, "stale", "fresh")
    assert login(user, 2, refused=("Bearer stale",)) == [
        "Bearer stale",
        "Bearer fresh",
        "Bearer fresh",
    ]


def test_a_second_refusal_is_final(login: Login, tmp_path: Path) -> None:
    user = plugin(tmp_path, "stale", "stale too", "fresh")
    with pytest.raises(Unauthorized):
        login(user, refused=("Bearer stale", "Bearer stale too"))


def test_a_refused_token_that_cannot_change_is_sent_once(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(lambda e: e.send(401, {"message": "Unauthorized"}), server_certificate) as server:
        with pytest.raises(Unauthorized) as caught:
            connect_to(server, {"token": "old"}).request("GET", "/x", doing="read x")
        assert len(server.seen) == 1
    assert caught.value.status == 401
    assert "log in again" in caught.value.hint


def test_requests_side_by_side_share_one_run_of_the_plugin(
    connect_to: Connect, server_certificate: Certificate, tmp_path: Path
) -> None:
    def answer(exchange: Exchange) -> None:
        good = exchange.headers.get("Authorization") == "Bearer two"
        exchange.send(200 if good else 401, {})

    with serve(answer, server_certificate) as server:
        kube = connect_to(server, plugin(tmp_path, "one", "two", "three"))
        answers = kube.request_all([Call("GET", "/x", "read x")] * 8)
    assert [getattr(answer, "status", 0) for answer in answers] == [200] * 8
    assert "Bearer three" not in [e.headers.get("Authorization") for e in server.seen]


def count_runs(user: dict[str, Any], tmp_path: Path, then: str = "") -> Callable[[], int]:
    """Let a plugin record each run before it does `then`; returns a function that counts them."""
    user["exec"]["args"][1] += f"\necho >> {tmp_path}/runs\n{then}"
    return lambda: len((tmp_path / "runs").read_text())


def test_requests_refused_side_by_side_do_not_each_run_the_plugin(
    connect_to: Connect, server_certificate: Certificate, tmp_path: Path
) -> None:
    user = plugin(tmp_path, "same")
    runs = count_runs(user, tmp_path)
    have_all_arrived = threading.Barrier(8)

    def refuse(exchange: Exchange) -> None:
        have_all_arrived.wait(LIMIT_S)
        exchange.send(401, {})

    with serve(refuse, server_certificate) as server:
        answers = connect_to(server, user).request_all([Call("GET", "/x", "read x")] * 8)
    assert [getattr(answer, "status", 0) for answer in answers] == [401] * 8
    assert runs() == 2  # for the first token, and once for all eight refusals


class CountedLock:
    """A lock that calls `on_arrival` for each thread that asks for it."""

    def __init__(self, on_arrival: Callable[[], object]) -> None:
        self._lock = threading.Lock()
        self._on_arrival = on_arrival

    def __enter__(self) -> None:
        self._on_arrival()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_requests_that_wait_for_a_failing_plugin_share_its_failure(
    connect_to: Connect, tmp_path: Path
) -> None:
    user = plugin(tmp_path, "none")
    go = tmp_path / "go"
    runs = count_runs(user, tmp_path, f"while [ ! -e {go} ]; do sleep 0.01; done; exit 1")
    arrived = threading.Semaphore(0)
    kube = connect_to(Server("https://127.0.0.1:1"), user)
    kube._transport._credentials._lock = CountedLock(arrived.release)  # type: ignore[attr-defined]

    def let_go() -> None:
        for _ in range(8):
            arrived.acquire(timeout=LIMIT_S)
        go.touch()

    threading.Thread(target=let_go, daemon=True).start()
    answers = kube.request_all([Call("GET", "/x", "read x")] * 8)
    assert all(isinstance(answer, Unauthorized) for answer in answers)
    assert runs() == 1


@pytest.fixture(scope="session")
def client_certificates(pki: Path) -> list[Certificate]:
    authority = Certificate(pki / "ca.crt", pki / "ca.key")
    usage = "extendedKeyUsage=clientAuth"
    return [certificates.sign(authority, pki, n, f"/CN={n}", usage) for n in ("ann", "bob")]


@pytest.fixture
def certificate_server(server_certificate: Certificate, pki: Path) -> Iterator[Server]:
    """A server that asks for client certificates; it answers with the subject's common name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_certificate.certificate, server_certificate.key)
    context.load_verify_locations(pki / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL

    def answer(exchange: Exchange) -> None:
        peer = exchange.peer_certificate()
        name = dict(pair for part in peer.get("subject", ()) for pair in part).get("commonName")
        exchange.send(200, {"name": name})

    with serve(answer, context=context) as server:
        yield server


def read_name(kube: Kube) -> object:
    return kube.request("GET", "/x", doing="read x").body["name"]


def test_a_client_certificate_is_shown_from_files_and_from_data(
    connect_to: Connect, certificate_server: Server, client_certificates: list[Certificate]
) -> None:
    ann = client_certificates[0]
    files = {"client-certificate": str(ann.certificate), "client-key": str(ann.key)}
    data = {
        "client-certificate-data": base64.b64encode(ann.certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(ann.key.read_bytes()).decode(),
    }
    assert read_name(connect_to(certificate_server)) is None
    assert read_name(connect_to(certificate_server, files)) == "ann"
    assert read_name(connect_to(certificate_server, data)) == "ann"


def test_a_new_certificate_of_a_plugin_is_used(
    connect_to: Connect,
    certificate_server: Server,
    client_certificates: list[Certificate],
    tmp_path: Path,
) -> None:
    for index, one in enumerate(client_certificates):
        status = {
            "clientCertificateData": one.certificate.read_text(),
            "clientKeyData": one.key.read_text(),
            "expirationTimestamp": "2020-01-01T00:00:00Z",
        }
        version = "client.authentication.k8s.io/v1"
        answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
        (tmp_path / f"{index}.json").write_text(json.dumps(answer))
    script = f"cd {tmp_path}; cat 0.json; [ ! -e 1.json ] || mv 1.json 0.json"
    user = plugin(tmp_path)
    user["exec"]["args"] = ["-c", script]
    kube = connect_to(certificate_server, user)
    assert [read_name(kube), read_name(kube)] == ["ann", "bob"]
