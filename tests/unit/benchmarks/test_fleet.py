from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import bare_fleet_client as bare
from kubectl_snapshot.fleet.run.pods import build_pod, build_template, name_pod
from kubectl_snapshot.job.frame.encode import encode_frame
from kubectl_snapshot.job.options import JobOptions
from tests.lab.fake_kubelet import find_run_id, render_frame

OPTIONS = JobOptions("abcdefghij", "ops")


def test_the_bare_client_creates_the_pods_that_we_create() -> None:
    template = build_template(OPTIONS, "uid")
    name = name_pod(OPTIONS, 3)
    assert bare.build_pod(template, name, "n1") == build_pod(template, OPTIONS, 3, "n1")


def test_the_bare_client_checks_what_it_reads() -> None:
    lines = [line.encode() for line in encode_frame(bytes(range(256)) * 90, "abcdefghij")]
    bare.check_log(b"\n".join([b"progress", *lines]), "abcdefghij")
    other = encode_frame(b"other", "abcdefghij")[0].encode()
    with pytest.raises(RuntimeError, match="the digest of a log does not match"):
        bare.check_log(b"\n".join([other, *lines[1:]]), "abcdefghij")


def test_a_fake_node_sends_a_document_as_the_run_of_its_pod(tmp_path: Path) -> None:
    assert find_run_id(name_pod(OPTIONS, 7)) == OPTIONS.run_id
    path = tmp_path / "default.json"
    path.write_text(json.dumps({"a": 1}))
    log = render_frame(path, 0, OPTIONS.run_id)
    assert log.splitlines() == encode_frame(b'{"a": 1}', OPTIONS.run_id)
    assert log.endswith("\n")
