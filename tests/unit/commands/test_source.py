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
        ("apiVersion: aicr.run/v1\n", "kind is not given, not Snapshot"),
        ("kind: Snapshot\n", "apiVersion is not given, not aicr.nvidia.com/v1alpha1"),
        (
            "kind: Snapshot\napiVersion: aicr.run/v1\nspec: {}\n",
            "not read: field spec of the docum",
        ),
    ],
)
def test_documents_of_the_reference_are_read(
    head: str, warning: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "snap"
    path.write_text(f"{head}metadata: {{source: gpu-17}}\n{BODY}")
    assert main(["query", str(path), "metadata.source-node", "OS.release.ID", "-o", "value"]) == 0
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
        ("http://127.0.0.1:1/a.yaml", 6, "cannot read http://127.0.0.1:1/a.yaml"),
        ("https://u:p@h/a.yaml", 2, "must not have a login"),
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


def write_snapshot(path: Path, node: str) -> str:
    head = "kind: Snapshot\napiVersion: aicr.run/v1\n"
    path.write_text(f"{head}metadata: {{source-node: '{node}'}}\n{BODY}")
    return str(path)


@pytest.mark.parametrize("verb", ["diff", "report"])
@pytest.mark.parametrize("live_first", [True, False])
def test_a_live_snapshot_is_of_the_node_that_it_is_compared_with(
    verb: str, live_first: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ["@live", write_snapshot(tmp_path / "a.yaml", "gpu_17")]
    words = sources if live_first else sources[::-1]
    assert main([verb, *words, "-o", str(tmp_path / "out.html")]) == 2
    # No node can have this name, so that no capture begins.
    err = capsys.readouterr().err
    assert f"@live is gpu_17, the node of {sources[1]}" in err
    assert 'invalid node name "gpu_17"' in err


@pytest.mark.parametrize("words", [["--node", "b_b"], ["--node-selector", " a=b"]])
def test_a_chosen_node_is_not_replaced(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", write_snapshot(tmp_path / "a.yaml", "a_a"), "@live", *words]) == 2
    assert "a_a" not in capsys.readouterr().err


def test_a_snapshot_without_a_node_chooses_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_snapshot(tmp_path / "a.yaml", "")
    assert main(["diff", path, "@live"]) == 2
    assert "choose the node of @live with --node" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "environment", "code"),
    [
        (["--local", "--node", "a"], {}, 2),
        (["--local", "--node-selector", "a=b"], {}, 2),
        (["--node", "a"], {"LOCAL": "true"}, 2),
        ([], {"LOCAL": "true", "NODE": "a"}, 2),
        (["--local"], {"NODE": "a"}, 0),
        (["--local"], {}, 0),
    ],
)
@pytest.mark.parametrize("verb", [[], ["preflight"]])
def test_this_machine_is_no_node_of_a_cluster(
    verb: list[str],
    words: list[str],
    environment: dict[str, str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"KUBECTL_SNAPSHOT_{name}", value)
    only = [] if verb else ["--collect", "OS"]
    assert main([*verb, *words, *only]) == code
    assert ("--local and --node" in capsys.readouterr().err) == (code == 2)


def test_an_empty_name_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "", "b.yaml"]) == 2
    assert "the name of a snapshot is empty" in capsys.readouterr().err
