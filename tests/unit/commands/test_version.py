"""What version prints, with and without a server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kubectl_snapshot.commands import version
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.errors import NotFound, ServiceUnavailable
from tests.servers.http_server import serve
from tests.servers.kubeconfigs import write_kubeconfig


def test_without_a_cluster_the_clients_part_is_printed_before_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    out = io.StringIO()
    with pytest.raises(NotFound, match="no cluster is configured"):
        version.run(parse_flags(version.build_parser(), ["-o", "json"], {}), out)
    assert list(json.loads(out.getvalue())) == ["version", "python", "agentImage", "apiVersion"]


def test_the_servers_version_has_no_control_characters(tmp_path: Path) -> None:
    out = io.StringIO()
    with serve(lambda exchange: exchange.send(200, {"gitVersion": "v1\x1b[2J"})) as server:
        path = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url})
        version.run(parse_flags(version.build_parser(), ["--kubeconfig", path], {}), out)
    assert out.getvalue().splitlines()[-1] == "serverVersion  v1 [2J"


@pytest.mark.parametrize("body", [[], "v1", {}, {"gitVersion": 7}, {"gitVersion": ""}, None])
def test_an_answer_without_a_version_is_an_error_with_its_cause(
    tmp_path: Path, body: object
) -> None:
    with serve(lambda exchange: exchange.send(200, body)) as server:
        path = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url})
        args = parse_flags(version.build_parser(), ["--kubeconfig", path], {})
        with pytest.raises(ServiceUnavailable, match=r"no gitVersion|not a JSON object"):
            version.run(args, io.StringIO())
