"""Whatever hangs, a command ends at its deadline with the exit code of its kind."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest

from kubectl_snapshot.main import main
from kubectl_snapshot.snapshotter import AgentConfig, deploy_and_get_snapshot
from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

TIMEOUT_S = 1.0
# The hangs have no end; the shortest limit of ours that a command must not wait for is 30 s.
LIMIT_S = 20.0
COMMANDS = {
    "request": ("version", "--request-timeout", f"{TIMEOUT_S}s"),
    "capture": ("--timeout", f"{TIMEOUT_S}s"),
    "preflight": ("preflight", "--timeout", f"{TIMEOUT_S}s"),
    "fleet": ("--all-nodes", "--timeout", f"{TIMEOUT_S}s", "-o", "FLEET/"),
    "live": ("query", "@live", "OS.release.ID", "--timeout", f"{TIMEOUT_S}s"),
}
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}


@dataclass(frozen=True)
class Hang:
    """A server and a login of which one does not go on."""

    url: str
    user: Mapping[str, Any] = field(default_factory=lambda: {"token": "t"})


def trickle_headers(exchange: Exchange) -> None:
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not exchange.stopped.wait(0.1):
        exchange.connection.sendall(b"X-More: 1\r\n")


def trickle_body(exchange: Exchange) -> None:
    exchange.begin_chunks()
    while not exchange.stopped.wait(0.1):
        exchange.send_chunk(b" ")


def answer_late(exchange: Exchange) -> None:
    exchange.stopped.wait(4 * TIMEOUT_S)
    exchange.send(200, {})


def throttle(exchange: Exchange) -> None:
    exchange.send(429, {"message": "too many requests"}, {"Retry-After": "1"})


def allow_all(exchange: Exchange) -> None:
    """Be an API server that does as it is told, and whose watches are silent."""
    if "watch=true" in exchange.path:
        exchange.begin_chunks()
        exchange.stopped.wait()
        return
    body = json.loads(exchange.body or b"{}")
    if "review" in exchange.path:
        body["status"] = {"allowed": True, "resourceRules": [], "nonResourceRules": []}
    metadata = {"name": "x", **body.get("metadata", {}), "uid": "u", "resourceVersion": "1"}
    listed = {"items": []} if exchange.method == "GET" else {}
    exchange.send(
        201 if exchange.method == "POST" else 200, {**body, "metadata": metadata, **listed}
    )


@contextmanager
def black_hole(_: Path, __: Certificate) -> Iterator[Hang]:
    """Drop SYNs: the queue of a listener that accepts nothing is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(closing(socket.socket()))
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for _number in range(4):
            one = stack.enter_context(closing(socket.socket()))
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield Hang(f"https://127.0.0.1:{port}")


@contextmanager
def silent_handshake(_: Path, __: Certificate) -> Iterator[Hang]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Hang(f"https://127.0.0.1:{listening.getsockname()[1]}")


@contextmanager
def silent_resolver(_: Path, __: Certificate) -> Iterator[Hang]:
    done = threading.Event()

    def ask(*_: object) -> object:
        done.wait()
        raise socket.gaierror("no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", ask)
        yield Hang("https://api.example.org:6443")
        done.set()


@contextmanager
def hanging_plugin(directory: Path, certificate: Certificate) -> Iterator[Hang]:
    path = directory / "plugin"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    with serve(allow_all, certificate) as server:
        yield Hang(server.url, {"exec": {**PLUGIN, "command": str(path)}})


@contextmanager
def hanging_issuer(directory: Path, certificate: Certificate) -> Iterator[Hang]:
    with serve(allow_all, certificate) as server, serve(trickle_body, certificate) as issuer:
        config = {
            "client-id": "c",
            "idp-issuer-url": issuer.url,
            "refresh-token": "r",
            "idp-certificate-authority": str(directory / "ca.crt"),
        }
        yield Hang(server.url, {"auth-provider": {"name": "oidc", "config": config}})


def answering(answer: Callable[[Exchange], None]) -> Any:
    @contextmanager
    def run(_: Path, certificate: Certificate) -> Iterator[Hang]:
        with serve(answer, certificate) as server:
            yield Hang(server.url)

    return run


ALL = tuple(COMMANDS)
# What hangs: how it is arranged, the commands that it hangs, their exit code.
HANGS: dict[str, tuple[Any, tuple[str, ...], int]] = {
    # --request-timeout does not limit a plugin: a login in a browser takes minutes.
    "plugin": (hanging_plugin, ALL[1:], 5),
    "issuer": (hanging_issuer, ALL, 5),
    "name resolution": (silent_resolver, ALL, 5),
    "connection": (black_hole, ALL, 5),
    "TLS handshake": (silent_handshake, ALL, 5),
    "headers": (answering(trickle_headers), ALL, 5),
    "body": (answering(trickle_body), ALL, 5),
    "answer": (answering(answer_late), ALL, 5),
    "throttled": (answering(throttle), ALL[1:], 7),
    "watch": (answering(allow_all), ("capture", "live"), 5),
}


@pytest.fixture(autouse=True)
def agent(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package under test is no zipapp to inject.
    monkeypatch.setenv("KUBECTL_SNAPSHOT_AGENT", "image")


@pytest.fixture(params=HANGS)
def hang(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The name of what hangs, and a kubeconfig for it."""
    authority = certificates.make_authority(tmp_path)
    certificate = certificates.sign(authority, tmp_path, "server", "/CN=server")
    with HANGS[request.param][0](tmp_path, certificate) as arranged:
        cluster = {"server": arranged.url, "certificate-authority": str(tmp_path / "ca.crt")}
        yield request.param, write_kubeconfig(tmp_path / "kubeconfig", cluster, arranged.user)


def test_a_command_ends_at_its_deadline(
    hang: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, kubeconfig = hang
    _, commands, code = HANGS[name]
    for command in commands:
        words = [word.replace("FLEET", str(tmp_path / "fleet")) for word in COMMANDS[command]]
        began = time.monotonic()
        ended = main([*words, "--kubeconfig", kubeconfig])
        assert time.monotonic() - began < LIMIT_S, command
        assert ended == code, (command, capsys.readouterr())
        assert "Traceback" not in capsys.readouterr().err


def test_a_call_of_the_library_can_be_cancelled(hang: tuple[str, str]) -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    config = AgentConfig(kubeconfig=hang[1], timeout=300, cancel=cancel, agent="image")
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        deploy_and_get_snapshot(config)
    assert time.monotonic() - began < LIMIT_S
