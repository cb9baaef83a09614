"""scripts/volatile: what changed by itself is proposed as a volatile key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from tests.docs_support import ROOT


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/volatile"), *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def write(path: Path, number: int) -> str:
    """Write a snapshot whose units, GPUs and settings tell the number."""
    snapshot = Snapshot(
        {"source-node": "a", "run-id": str(number)},
        (
            Measurement("GPU", (Subtype("gpu-0", {"uuid": "A", "nvlink.3.errors": number}),)),
            Measurement("OS", (Subtype("sysctl", {"/proc/sys/x": str(number), "/y": "0"}),)),
            Measurement(
                "SystemD",
                tuple(Subtype(f"{n}.service", {"Count": number, "MainPID": n}) for n in (1, 2)),
            ),
        ),
    )
    path.write_text(render_json(snapshot))
    return str(path)


def test_what_changed_is_proposed_for_all_units_and_gpus(tmp_path: Path) -> None:
    ended = run(*(write(tmp_path / str(number), number) for number in (1, 1, 2)))
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        'GPU.gpu-*: IgnoredKey("nvlink.*.errors", "why?"),  # changed: 1 → 2',
        "OS.sysctl: IgnoredKey(\"/proc/sys/x\", \"why?\"),  # changed: '1' → '2'",
        'SystemD.*: IgnoredKey("Count", "why?"),  # changed: 1 → 2',
    ]
    assert ended.stderr == "3 snapshots, 3 proposals\n"


def test_an_unchanged_node_gives_nothing_to_propose(tmp_path: Path) -> None:
    ended = run(write(tmp_path / "1", 1), write(tmp_path / "2", 1))
    assert (ended.returncode, ended.stdout) == (0, "")


def test_one_snapshot_shows_no_change(tmp_path: Path) -> None:
    ended = run(write(tmp_path / "1", 1))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "two snapshots" in ended.stderr
