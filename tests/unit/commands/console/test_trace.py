from __future__ import annotations

import io
import json

import pytest

from kubectl_snapshot.commands.console.trace import choose_trace
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.commands.version import build_parser
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.main import main
from tests.servers.http_server import serve
from tests.servers.kubeconfigs import write_kubeconfig

HEADERS = (("Accept", "application/json"),)
ANSWERED = (("Audit-Id", "7"), ("Set-Cookie", "s3cret"), ("Date", "now\x1b"))


def log(level: int, as_json: bool = False, url: str = "https://x/version") -> str:
    stderr = io.StringIO()
    choose_trace(level, as_json, stderr)("GET", url, "200", 12, HEADERS, ANSWERED)
    return stderr.getvalue()


def test_a_request_is_a_line_and_from_level_7_on_its_headers_follow() -> None:
    assert log(6) == "GET https://x/version 200 in 12 ms\n"
    assert log(7) == log(6) + "    Accept: application/json\n"
    assert log(8) == log(7) + "    < Audit-Id: 7\n    < Date: now \n"
    curl = "    curl -XGET -H 'Accept: application/json' 'https://x/a b'\n"
    assert log(9, url="https://x/a b") == log(8, url="https://x/a b") + curl
    assert "\x1b" not in log(6, url="\x1b[2J")


def test_a_request_is_an_object_with_log_json() -> None:
    fields = {"event": "request", "method": "GET", "url": "https://x/version", "outcome": "200"}
    assert json.loads(log(6, as_json=True)) == {**fields, "elapsed-ms": 12}
    assert json.loads(log(7, as_json=True)) == {
        **json.loads(log(6, as_json=True)),
        "headers": dict(HEADERS),
    }
    answered = json.loads(log(8, as_json=True))["answer-headers"]
    assert answered == {"Audit-Id": "7", "Date": "now\x1b"}


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ((), 0),
        (("-v",), 1),
        (("-v=6",), 6),
        (("-v7",), 7),
        (("--verbose=10",), 10),
        (("--verbose=false",), 0),
        (("-v=true",), 1),
    ],
)
def test_a_level_is_given_as_to_kubectl(words: tuple[str, ...], level: int) -> None:
    assert parse_flags(build_parser(), words, {}).verbose == level


@pytest.mark.parametrize("text", ["-1", "11", "x", "١"])
def test_another_level_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="use 0 to 10"):
        parse_flags(build_parser(), [f"--verbose={text}"], {})


@pytest.mark.parametrize(
    ("flags", "is_traced"),
    [(["-v=5"], False), (["-v=6"], True), (["-v=9"], True), (["--debug"], True)],
)
def test_no_secret_is_traced(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    is_traced: bool,
) -> None:
    with serve(lambda exchange: exchange.send(200, {"gitVersion": "v1.34.0"})) as server:
        path = tmp_path_factory.mktemp("config") / "config"
        url = server.url.replace("://", "://user:password@")
        monkeypatch.setenv("KUBECONFIG", write_kubeconfig(path, {"server": url}))
        assert main(["version", *flags]) == 0
    reported = capsys.readouterr().err
    assert (f"GET {server.url}/version 200 in " in reported) is is_traced
    assert "password" not in reported and "Authorization" not in reported


def test_a_refusal_is_traced(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(lambda exchange: exchange.send(403, {"message": "no"})) as server:
        path = tmp_path_factory.mktemp("config") / "config"
        monkeypatch.setenv("KUBECONFIG", write_kubeconfig(path, {"server": server.url}))
        assert main(["version", "-v=6"]) == 4
    assert f"GET {server.url}/version 403 in " in capsys.readouterr().err


def test_a_request_without_an_answer_is_traced(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path_factory.mktemp("config") / "config"
    monkeypatch.setenv("KUBECONFIG", write_kubeconfig(path, {"server": "http://127.0.0.1:1"}))
    assert main(["version", "-v=6"]) == 6
    assert "GET http://127.0.0.1:1/version no answer in " in capsys.readouterr().err
