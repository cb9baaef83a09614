"""Every format of a capture: one document, written in all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.paths import find_readings
from kubectl_snapshot.document.scalars import text_of
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.validation import parse_valid

Run = Callable[..., Finished]
REPORT = Path(__file__).resolve().parents[2] / "docs/examples/templates/cluster-report.md.j2"


def test_a_capture_is_written_in_every_format_at_once(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    names = ("a.yaml", "a.json", "a.txt", "a.html")
    places = [word for name in names for word in ("-o", str(tmp_path / name))]
    words = ["-n", namespace, "--node", "node1", *places, "-o", f"template={REPORT}"]
    ended = run_snapshot(*words, "--api-version", "aicr.run/v1")
    assert ended.returncode == 0, ended.stderr
    snapshot = parse_valid((tmp_path / "a.yaml").read_text())
    assert snapshot.api_version == "aicr.run/v1"
    assert parse_document((tmp_path / "a.json").read_text()) == snapshot
    # A key that no table escapes.
    version = text_of(find_readings(snapshot, "K8s.server.version")["K8s.server.version"])
    table = (tmp_path / "a.txt").read_text().splitlines()
    assert table[0].split() == ["PATH", "VALUE"]
    assert version in [line.split()[-1] for line in table if line.startswith("K8s.server.version ")]
    assert "node1" in (tmp_path / "a.html").read_text()
    assert f"| **Kubernetes** | {version} |\n" in ended.stdout
    assert "| **Node** | node1 |\n" in ended.stdout
    assert_nothing_left(cluster)


def test_a_template_that_is_wrong_ends_before_anything_is_made(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    template = tmp_path / "a.tmpl"
    template.write_text("{{ .Metadata.version }}\n")
    ended = run_snapshot("-n", namespace, "--template", str(template))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "write it as {{ snapshot.metadata.version }}" in ended.stderr
    assert "starting the agent" not in ended.stderr
    assert_nothing_left(cluster)
