"""What version prints, with and without a server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kubectl_snapshot.commands import version
from kubectl_snapshot.commands.flags import parse_flags
from kubectl_snapshot.errors import NotFound


def test_without_a_cluster_the_clients_part_is_printed_before_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    out = io.StringIO()
    with pytest.raises(NotFound, match="no cluster is configured"):
        version.run(parse_flags(version.new_parser(), ["-o", "json"], {}), out)
    assert list(json.loads(out.getvalue())) == ["version", "python", "agentImage", "apiVersion"]
