from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kubectl_snapshot.clients.files import download as module
from kubectl_snapshot.clients.files.download import download
from kubectl_snapshot.errors import InvalidRequest, NotFound, ServiceUnavailable, Timeout
from tests.servers import certificates
from tests.servers.http_server import Exchange, serve

LIMIT = 200_000
PAUSE = threading.Event()
seen: list[dict[str, str]] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        seen.append(dict(self.headers))
        port = self.server.server_address[1]
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(200):
                self.wfile.write(b"x")
                PAUSE.wait(0.02)
            return
        places = {"/moved": "/a", "/away": f"http://localhost:{port}/a", "/loop": "/loop"}
        if self.path in places:
            self.send_response(302)
            self.send_header("Location", places[self.path])
            self.end_headers()
            return
        sizes = {"/a": 3, "/limit": LIMIT, "/large": 3 * LIMIT}
        code = 200 if self.path in sizes else int(self.path[1:])
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"x" * sizes.get(self.path, 0))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_url_is_read_up_to_one_byte_over_the_limit(url: str) -> None:
    assert download(f"{url}/a", LIMIT) == b"xxx"
    assert len(download(f"{url}/limit", LIMIT)) == LIMIT
    assert len(download(f"{url}/large", LIMIT)) == LIMIT + 1


def test_no_credentials_are_sent(url: str) -> None:
    seen.clear()
    download(f"{url}/a", LIMIT)
    assert not {"Authorization", "Cookie", "Proxy-Authorization"} & seen[0].keys()


def test_a_redirect_is_followed_on_the_same_host_only(url: str) -> None:
    assert download(f"{url}/moved", LIMIT) == b"xxx"
    with pytest.raises(ServiceUnavailable) as caught:
        download(f"{url}/away", LIMIT)
    assert "it redirects to http://localhost:" in caught.value.why
    with pytest.raises(ServiceUnavailable):
        download(f"{url}/loop", LIMIT)


@pytest.fixture(scope="module")
def secure_url(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[tuple[str, str]]:
    """An HTTPS server that redirects to HTTP on the same host, or to itself; and its CA."""
    directory = tmp_path_factory.mktemp("pki")
    authority = certificates.make_authority(directory)
    certificate = certificates.sign(authority, directory, "server", "/CN=server")

    def answer(exchange: Exchange) -> None:
        if exchange.path == "/a":
            exchange.send(200, b"xxx")
        else:
            port = url.rpartition(":")[2] if exchange.path == "/down" else ""
            place = f"http://127.0.0.1:{port}/a" if port else "/a"
            exchange.send(302, b"", {"Location": place})

    with serve(answer, certificate) as server:
        yield server.url, str(authority.certificate)


def test_a_redirect_from_https_to_http_is_refused_on_the_same_host_too(
    secure_url: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, authority = secure_url
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    assert download(f"{place}/moved", LIMIT) == b"xxx"
    seen.clear()
    with pytest.raises(ServiceUnavailable) as caught:
        download(f"{place}/down", LIMIT)
    assert "it redirects to http://127.0.0.1:" in caught.value.why
    assert seen == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        *((404, NotFound), (410, NotFound), (401, ServiceUnavailable)),
        *((403, ServiceUnavailable), (500, ServiceUnavailable), (503, ServiceUnavailable)),
    ],
)
def test_an_error_of_the_server_has_its_code(url: str, code: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        download(f"{url}/{code}", LIMIT)


def test_a_login_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as caught:
        download("https://user:secret@example.org/a", LIMIT)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_end_is_left(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    before = time.monotonic()
    with pytest.raises(Timeout):
        download(f"{url}/slow", LIMIT)
    assert time.monotonic() - before < 2


def test_a_server_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Timeout):
        download(f"http://127.0.0.1:{silent.getsockname()[1]}/a", LIMIT)


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/a", "http://no.such.invalid/a", "http:///a"])
def test_a_server_that_is_not_there_is_named(place: str) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        download(place, LIMIT)
    assert caught.value.what == f"cannot read {place}"
