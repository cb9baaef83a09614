"""What one request does not show: a token that is replaced during a run, a dead address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kubectl_parity.binaries import ALL, ensure_kubectl
from tests.kubectl_parity.programs import ZIPAPP
from tests.kubectl_parity.world import VERSION
from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

OURS = (sys.executable, "-IB", str(ZIPAPP))
# How much longer than kubectl's detour ours may take; on a machine that runs other tests beside
# this one, seconds tell only whether a timeout was waited for.
SLOWER_S = 0.5 if ALL else 10.0
ATTEMPTS = 3
DEAD_FIRST = "::1 api.test\n127.0.0.1 api.test\n"
WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
DISCOVERY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [{"name": "a.io", "versions": [{"groupVersion": "a.io/v1", "version": "v1"}]}],
    },
}


@dataclass
class Api:
    """A server that accepts the first request's token once; then the file has another."""

    token_file: Path
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, exchange: Exchange) -> None:
        with self.lock:
            header = str(exchange.headers["Authorization"])
            is_refused = bool(self.seen) and header == "Bearer old"
            self.seen.append(header)
            self.token_file.write_text("new")
        if is_refused:
            exchange.send(401, {"kind": "Status", "code": 401, "message": "Unauthorized"})
            return
        path = exchange.path.partition("?")[0]
        listed = {"kind": "APIResourceList", "groupVersion": path[5:], "resources": []}
        exchange.send(200, DISCOVERY.get(path, {**listed, "items": [], "metadata": {}}))


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    authority = certificates.make_authority(tmp_path)
    names = "subjectAltName=IP:127.0.0.1,IP:::1,DNS:api.test"
    return certificates.sign(authority, tmp_path, "server", "/CN=server", names)


@pytest.fixture
def kubectl(kubectl_version: str) -> str:
    return str(ensure_kubectl(kubectl_version))


def test_a_token_file_that_changes_during_a_run_is_read_again(
    kubectl: str, certificate: Certificate, tmp_path: Path, cache: Path
) -> None:
    theirs, ours = (
        read_with_rotation(command, certificate, tmp_path, cache)
        for command in ((kubectl, "api-resources"), (*OURS, "cleanup", "--dry-run"))
    )
    assert list(dict.fromkeys(ours)) == ["Bearer old", "Bearer new"]
    assert ours[-1] == "Bearer new"
    # kubectl forgets the token at the refusal, for a next request; this command has none.
    assert set(theirs) == {"Bearer old"} and len(theirs) > 1


def read_with_rotation(
    command: Sequence[str], certificate: Certificate, directory: Path, cache: Path
) -> list[str]:
    """Run a command whose token is replaced at its first request; return the tokens seen."""
    api = Api(directory / "token")
    api.token_file.write_text("old")
    with serve(api.answer, certificate) as server:
        path = write(directory, server.url, {"tokenFile": str(api.token_file)})
        run((*command, "--kubeconfig", path), directory, cache)
    return api.seen


@contextmanager
def dead_address() -> Iterator[int]:
    """A port of ::1 that drops SYNs: the queue of its listener is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(closing(socket.socket(socket.AF_INET6)))
        listening.bind(("::1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for _ in range(4):
            one = stack.enter_context(closing(socket.socket(socket.AF_INET6)))
            one.setblocking(False)
            one.connect_ex(("::1", port))
        with pytest.raises(socket.timeout):
            socket.create_connection(("::1", port), 0.5)
        yield port


@pytest.mark.skipif(os.geteuid() != 0, reason="a hosts file of its own needs a mount namespace")
def test_a_dead_first_address_costs_no_more_than_with_kubectl(
    kubectl: str, certificate: Certificate, tmp_path: Path, cache: Path
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(DEAD_FIRST)
    asked: list[Exchange] = []

    def answer(exchange: Exchange) -> None:
        asked.append(exchange)
        exchange.send(200, VERSION)

    def fastest(command: Sequence[str], url: str) -> float:
        path = write(tmp_path, url, {"token": "t"})
        prefix = ("unshare", "--mount", "sh", "-c", WITH_HOSTS, str(hosts))
        line = (*prefix, *command, "--kubeconfig", path)
        return min(run(line, tmp_path, cache) for _ in range(ATTEMPTS))

    commands = ((kubectl, "get", "--raw", "/version"), (*OURS, "version"))
    with dead_address() as port, serve(answer, certificate, port=port):
        urls = (f"https://127.0.0.1:{port}", f"https://api.test:{port}")
        theirs, ours = (fastest(c, urls[1]) - fastest(c, urls[0]) for c in commands)
    assert len(asked) == 2 * ATTEMPTS * len(commands)
    print(f"a dead first address costs kubectl {theirs:.2f} s, ours {ours:.2f} s")
    assert ours < theirs + SLOWER_S, f"kubectl {theirs:.2f} s, ours {ours:.2f} s"


def write(directory: Path, url: str, user: dict[str, str]) -> str:
    cluster = {"server": url, "certificate-authority": str(directory / "ca.crt")}
    return write_kubeconfig(directory / "kubeconfig", cluster, user)


def run(command: Sequence[str], home: Path, cache: Path) -> float:
    """Run a command and return its seconds."""
    env = {"PATH": os.defpath, "HOME": str(home), "XDG_CACHE_HOME": str(cache)}
    began = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return time.monotonic() - began
