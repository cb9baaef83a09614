"""ID tokens and their refresh at a local issuer, up to what is left in the kubeconfig."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.auth.oidc import token_expiry
from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube, connect
from kubectl_snapshot.errors import InvalidRequest, SnapshotError, Timeout, Unauthorized
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve
from tests.servers.oidc_issuer import CLIENT, Issuer, serve_issuer

KUBECONFIG = """\
# written by hand, and dear to its writer
apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster: {{server: "{server}", certificate-authority: "{ca}"}}
contexts:
- name: test
  context: {{cluster: test, user: ann}}
users:
- name: ann
  user:
    auth-provider:
      name: oidc
      config:
        client-id: {client}
        client-secret: "{secret}"
        id-token: {id_token}
        idp-certificate-authority: {ca}
        idp-issuer-url: {issuer}
        refresh-token: {refresh_token}
"""


def id_token(name: str, expires_in_s: float) -> str:
    claims = {"sub": name, "exp": int(time.time() + expires_in_s)}
    parts = ({"alg": "RS256"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join([*encoded, "signature"])


OLD, NEW = id_token("old", -3600), id_token("new", 3600)


class World:
    """An API server that refuses what is in `refused`, an issuer, and a kubeconfig for both."""

    def __init__(self, directory: Path, pki: Path, server: Server, issuer: Issuer) -> None:
        self.path = directory / "config"
        self.server = server
        self.issuer = issuer
        self._values = {
            "server": server.url,
            "issuer": issuer.url,
            "ca": pki / "ca.crt",
            "client": CLIENT[0],
            "secret": CLIENT[1],
            "id_token": OLD,
            "refresh_token": issuer.refresh_token,
        }

    def connect(self, **values: Any) -> Kube:
        self.path.touch(mode=0o600)
        self.path.write_text(KUBECONFIG.format(**{**self._values, **values}))
        return connect(ConnectionOptions(kubeconfig=str(self.path)), {})

    def send(self, kube: Kube) -> list[str]:
        kube.request("GET", "/x", doing="read x")
        return [str(e.headers["Authorization"]).removeprefix("Bearer ") for e in self.server.seen]


@pytest.fixture
def world(tmp_path: Path, pki: Path, server_certificate: Certificate) -> Callable[..., Any]:
    @contextmanager
    def build(*methods: str, refused: tuple[str, ...] = ()) -> Iterator[World]:
        def answer(exchange: Exchange) -> None:
            is_refused = str(exchange.headers["Authorization"]).removeprefix("Bearer ") in refused
            exchange.send(401 if is_refused else 200, {})

        issued = serve_issuer(server_certificate, lambda: NEW, *methods)
        with serve(answer, server_certificate) as server, issued as issuer:
            yield World(tmp_path, pki, server, issuer)

    return build


def test_a_token_that_is_good_is_used_and_the_issuer_not_asked(world: Any) -> None:
    good = id_token("good", 3600)
    with world() as w:
        assert w.send(w.connect(id_token=good)) == [good]
        assert w.issuer.forms == []


@pytest.mark.parametrize("method", [(), ("client_secret_basic",), ("client_secret_post",)])
def test_an_expired_token_is_renewed_at_the_issuer(world: Any, method: tuple[str, ...]) -> None:
    with world(*method) as w:
        kube = w.connect()
        w.send(kube)
        assert w.send(kube) == [NEW, NEW]
        (form,) = w.issuer.forms
    assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "refresh-1")


def test_a_token_that_the_server_refuses_is_renewed_though_it_has_not_expired(world: Any) -> None:
    revoked = id_token("revoked", 3600)
    with world(refused=(revoked,)) as w:
        assert w.send(w.connect(id_token=revoked)) == [revoked, NEW]


def test_new_tokens_are_written_back_and_nothing_else_is_changed(world: Any) -> None:
    with world() as w:
        kube = w.connect()
        before = w.path.read_text()
        w.send(kube)
        after = w.path.read_text()
    assert after == before.replace(OLD, f'"{NEW}"').replace("refresh-1", '"refresh-1+"')
    assert w.path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(w.path.parent) == ["config"]


def test_other_texts_that_contain_a_token_are_not_changed(world: Any) -> None:
    """A refresh token may be a word that names servers and contexts as well."""
    with world() as w:
        w.issuer.refresh_token = "test"
        kube = w.connect(refresh_token="test")
        before = w.path.read_text()
        w.send(kube)
        after = w.path.read_text()
    expected = before.replace(OLD, f'"{NEW}"')
    assert after == expected.replace("refresh-token: test", 'refresh-token: "test+"')


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_owner_stays_theirs(world: Any) -> None:
    with world() as w:
        kube = w.connect()
        os.chown(w.path, 1234, 4321)
        w.path.chmod(0o640)
        w.send(kube)
        status = w.path.stat()
    assert NEW in w.path.read_text()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 4321, 0o640)


def test_tokens_that_another_program_has_written_meanwhile_stay(world: Any) -> None:
    with world() as w:
        kube = w.connect()
        theirs = w.path.read_text().replace("refresh-1", "theirs").replace(OLD, "theirs-too")
        w.path.write_text(theirs)
        w.send(kube)
    assert w.path.read_text() == theirs


def test_the_next_program_can_renew_again(world: Any) -> None:
    with world(refused=(NEW,)) as w:
        with pytest.raises(Unauthorized):
            w.send(w.connect())
        again = connect(ConnectionOptions(kubeconfig=str(w.path)), {})
        with pytest.raises(Unauthorized):
            w.send(again)
        assert [form["refresh_token"] for form in w.issuer.forms][:2] == ["refresh-1", "refresh-1+"]


def test_a_link_to_the_kubeconfig_stays_a_link(world: Any, tmp_path: Path) -> None:
    with world() as w:
        w.connect()
        link = tmp_path / "link"
        link.symlink_to(w.path)
        w.send(connect(ConnectionOptions(kubeconfig=str(link)), {}))
    assert link.is_symlink()
    assert NEW in w.path.read_text()


def test_a_kubeconfig_that_another_program_holds_is_left_alone_with_a_warning(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with world() as w:
        kube = w.connect()
        (w.path.parent / "config.lock").touch()
        assert w.send(kube) == [NEW]
    assert OLD in w.path.read_text()
    assert "the next login from it may be refused" in caplog.text
    assert "refresh-1" not in caplog.text


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"refresh_token": '""'}, "has no refresh-token"),
        ({"refresh_token": "used-up"}, "it answered 400: invalid_grant, token is used up"),
        ({"secret": "wrong"}, "it answered 401: invalid_client"),
    ],
)
def test_a_login_that_cannot_be_renewed_says_why(
    world: Any, values: dict[str, str], why: str
) -> None:
    with world() as w, pytest.raises(Unauthorized) as caught:
        w.send(w.connect(**values))
    assert why in caught.value.why
    assert "log in again" in caught.value.hint
    assert "used-up" not in f"{caught.value} {caught.value.hint}"


def test_an_issuer_that_is_not_there_is_named(world: Any) -> None:
    with world() as w, pytest.raises(SnapshotError) as caught:
        w.send(w.connect(issuer="https://127.0.0.1:1"))
    assert "https://127.0.0.1:1" in caught.value.why


def test_another_provider_than_oidc_is_an_invalid_request(world: Any) -> None:
    with world() as w:
        w.connect()
        w.path.write_text(w.path.read_text().replace("name: oidc", "name: gcp"))
        kube = connect(ConnectionOptions(kubeconfig=str(w.path)), {})
        with pytest.raises(InvalidRequest, match="'gcp'"):
            w.send(kube)


@pytest.mark.parametrize(
    "token", ["", "abc", "a.b.c", "a.bm90IGpzb24.c", "a.e30.c", "..", "a.W10.c"]
)
def test_a_token_without_a_readable_expiry_counts_as_expired(token: str) -> None:
    assert token_expiry(token) == 0.0


@pytest.mark.parametrize("key", ["idp-issuer-url", "client-id"])
def test_a_provider_without_what_kubectl_wants_is_an_invalid_request(world: Any, key: str) -> None:
    name = {"idp-issuer-url": "issuer", "client-id": "client"}[key]
    with world() as w, pytest.raises(InvalidRequest, match=f"has no {key}"):
        w.send(w.connect(id_token=id_token("good", 3600), **{name: '""'}))


def trickle_headers(exchange: Exchange) -> None:
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not exchange.stopped.wait(0.05):
        exchange.connection.sendall(b"X-More: 1\r\n")


def trickle_body(exchange: Exchange) -> None:
    exchange.begin_chunks()
    while not exchange.stopped.wait(0.05):
        exchange.send_chunk(b" ")


@pytest.mark.parametrize("answer", [trickle_headers, trickle_body])
@pytest.mark.parametrize("is_of_the_call", [True, False])
def test_an_issuer_that_does_not_end_is_left_at_the_deadline(
    tmp_path: Path,
    pki: Path,
    server_certificate: Certificate,
    answer: Callable[[Exchange], None],
    is_of_the_call: bool,
) -> None:
    issued = serve(answer, server_certificate)
    with serve(lambda exchange: exchange.send(200, {})) as server, issued as issuer:
        world = World(tmp_path, pki, server, Issuer(issuer.url))
        kube = world.connect(server=server.url.replace("http:", "https:"))
        if is_of_the_call:
            options: dict[str, float] = {"deadline": time.monotonic() + 0.3}
        else:
            path = ConnectionOptions(kubeconfig=str(world.path), request_timeout_s=0.3)
            kube, options = connect(path, {}), {}
        began = time.monotonic()
        with pytest.raises(Timeout):
            kube.request("GET", "/x", doing="read x", **options)
        assert time.monotonic() - began < 10


def test_a_login_is_not_begun_after_the_deadline(world: Any) -> None:
    with world() as w:
        with pytest.raises(Timeout, match="the deadline has passed"):
            w.connect().request("GET", "/x", doing="read x", deadline=time.monotonic() - 1)
        assert w.issuer.forms == []


def test_a_token_that_is_missing_in_the_kubeconfig_is_stored_there(world: Any) -> None:
    with world() as w:
        kube = w.connect(id_token='""')
        w.path.write_text(w.path.read_text().replace('        id-token: ""\n', ""))
        kube = connect(ConnectionOptions(kubeconfig=str(w.path)), {})
        w.send(kube)
        assert f'        "id-token": "{NEW}"\n' in w.path.read_text()
