from __future__ import annotations

import io
import json
import signal
from pathlib import Path

import pytest

from kubectl_snapshot.commands import query
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.main import main

SNAPSHOT = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement("K8s", (Subtype("node", {}, {"status": "forbidden", "reason": "no"}),)),
        Measurement(
            "OS",
            (
                Subtype("kmod", {"nvidia": True, "nvidia_uvm": True}),
                Subtype("release", {"ID": "ubuntu", "NAME": "\x1b[31mred"}),
            ),
        ),
    ),
)


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    path = tmp_path / "snap.json"
    path.write_text(render_json(SNAPSHOT))
    return str(path)


BOTH = "PATH                VALUE\nOS.kmod.nvidia      true\nOS.kmod.nvidia_uvm  true\n"


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["OS.release.ID"], "ubuntu\n"),
        (["OS.kmod.nvidia"], "true\n"),
        (["*.ID"], "ubuntu\n"),
        (["OS.kmod.nvidia*"], BOTH),
        (["OS.kmod"], BOTH),
        (["OS.kmod", "-o", "value"], "true\ntrue\n"),
        (["OS.kmod", "-t", "value"], "true\ntrue\n"),
        (
            ["metadata.source-node", "OS.release.ID"],
            "PATH                  VALUE\n"
            "metadata.source-node  gpu-17\n"
            "OS.release.ID         ubuntu\n",
        ),
    ],
)
def test_one_value_is_printed_alone_and_several_with_their_paths(
    snapshot: str, words: list[str], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", snapshot, *words]) == 0
    assert capsys.readouterr().out == printed


def test_a_path_without_a_value_ends_with_3_and_says_why(
    snapshot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", snapshot, "K8s.node.provider", "OS.release.ID"]) == 3
    out, err = capsys.readouterr()
    assert out == "ubuntu\n"
    assert err.startswith("error: the snapshot has no K8s.node.provider\n  why: K8s.node is forb")


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("K8s", 3, "K8s.node is forbidden: no"),
        ("K8s.node.*", 3, "K8s.node is forbidden: no"),
        ("K8s.server", 3, "the snapshot has no K8s.server"),
        ("OS.kmod.nouveau", 3, "OS.kmod has no nouveau"),
        ("OS.kmod.no*", 3, "the snapshot has no OS.kmod.no*"),
        ("GPU.gpu-0.uuid", 3, "the snapshot has no measurement of type GPU"),
        ("GPU.gpu-*.uuid", 3, "the snapshot has no GPU.gpu-*.uuid"),
        ("metadata.nope", 3, "the snapshot has no metadata.nope"),
        ("OS.release.nope", 2, "OS.release has no key 'nope'"),
        ("OS.release.Id", 2, "did you mean OS.release.ID?"),
        ("OS.relase", 2, "did you mean OS.release?"),
        ("os", 2, "did you mean OS?"),
        ("Foo.a.*", 2, 'unknown measurement type "Foo"'),
        ("Foo", 2, 'unknown measurement type "Foo"'),
        ("GPU.gpu-*.uid", 2, "did you mean GPU.gpu-*.uuid?"),
        ("vm.swappiness", 2, "did you mean OS.sysctl./proc/sys/vm/swappiness?"),
    ],
)
def test_a_path_that_no_snapshot_has_ends_with_2(
    snapshot: str, path: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", snapshot, path]) == code
    assert said in capsys.readouterr().err


def test_the_format_is_chosen(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", snapshot, "OS.kmod", "-o", "table"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "PATH                VALUE",
        "OS.kmod.nvidia      true",
        "OS.kmod.nvidia_uvm  true",
    ]
    path = tmp_path / "a.json"
    assert main(["query", snapshot, "OS.kmod.nvidia", "-o", str(path), "-o", "yaml"]) == 0
    assert capsys.readouterr().out == "OS.kmod.nvidia: true\n"
    assert json.loads(path.read_text()) == {"OS.kmod.nvidia": True}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_word_of_a_node_acts_on_a_terminal(snapshot: str) -> None:
    args = parse_flags(query.build_parser(), [snapshot, "OS.release.NAME"], {})
    shown, piped = Terminal(), io.StringIO()
    query.run(args, shown)
    query.run(args, piped)
    assert (shown.getvalue(), piped.getvalue()) == (" [31mred\n", "\x1b[31mred\n")


def test_without_a_path_all_is_printed(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", snapshot, "-o", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5


def test_a_template_is_made_of_the_whole_snapshot(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template, report = tmp_path / "a.html.j2", tmp_path / "a.html"
    template.write_text("<p>{{ reading('metadata.source-node') }}{{ gaps['K8s.node'] }}\n")
    expected = "<p>gpu-17K8s.node is forbidden: no\n"
    assert main(["query", snapshot, "--template", str(template)]) == 0
    assert capsys.readouterr().out == expected
    assert main(["query", snapshot, "--template", str(template), "-o", str(report)]) == 0
    assert report.read_text() == expected


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["OS.release", "--template", "a.j2"], 2, "a path and a template are mutually exclusive"),
        (["--template", "none.j2"], 3, "no such file: none.j2"),
        (["--template", "."], 2, "cannot read ."),
        (["--template", "a.j2", "-o", "json"], 2, "are mutually exclusive"),
        (["--template", "missing.j2"], 3, "missing.j2 line 2: the snapshot has no OS.release.X"),
        (["--template", "go.tmpl"], 2, "{{ snapshot.metadata.version }}"),
    ],
)
def test_a_template_that_cannot_be_ends_with_its_code(
    words: list[str],
    code: int,
    said: str,
    snapshot: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.j2").write_text("{{ snapshot.kind }}")
    Path("missing.j2").write_text("\n{{ reading('OS.release.X') }}")
    Path("go.tmpl").write_text("{{ .Metadata.version }}")
    assert main(["query", snapshot, *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_ctrl_c_ends_a_template_that_runs_for_long(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "a.j2"
    template.write_text(ENDLESS)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        assert main(["query", snapshot, "--template", str(template)]) == 130
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert capsys.readouterr().out == ""
