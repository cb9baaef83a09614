from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.main import main

BODY = "measurements: [{type: OS, subtypes: [{subtype: release, data: {ID: ubuntu}}]}]\n"


@pytest.mark.parametrize(
    ("head", "warning"),
    [
        ("kind: Snapshot\napiVersion: aicr.nvidia.com/v1alpha1\n", ""),
        ("kind: Snapshot\napiVersion: aicr.run/v1\n", ""),
        ("kind: Pod\napiVersion: aicr.run/v1\n", "kind is Pod, not Snapshot"),
        ("kind: Snapshot\napiVersion: v1\n", "apiVersion is v1"),
    ],
)
def test_documents_of_the_reference_are_read(
    head: str, warning: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "snap"
    path.write_text(f"{head}metadata: {{source: gpu-17}}\n{BODY}")
    assert main(["query", str(path), "metadata.source-node", "OS.release.ID"]) == 0
    out, err = capsys.readouterr()
    assert out == "gpu-17\nubuntu\n"
    assert warning in err if warning else err == ""


@pytest.mark.parametrize(
    ("content", "code"), [(b"", 2), (b"\xff", 2), (b"{", 2), (b"a: [", 2), (b"just words", 2)]
)
def test_what_is_no_document_ends_with_2(
    content: bytes, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "snap.yaml"
    path.write_bytes(content)
    assert main(["query", str(path), "OS"]) == code
    assert f"cannot read {path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("none.yaml", 3, "no such file: none.yaml"),
        ("https://example.org/a.yaml", 2, "curl -fsS https://example.org/a.yaml"),
        ("cm://ops", 2, "cm://namespace/name"),
        ("cm://ops/../b", 2, "invalid ConfigMap name"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(
    source: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A server that nobody listens at: none of these is asked for.
    words = ["--server", "http://127.0.0.1:1"]
    assert main(["query", source, "OS", *words]) == code
    assert said in capsys.readouterr().err
