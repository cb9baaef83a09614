from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.commands.console.terminal import read_width
from kubectl_snapshot.commands.output import (
    Output,
    check_outputs,
    is_guessed,
    parse_outputs,
    write_each,
    write_outputs,
    write_text,
)
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Measurement, Snapshot
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound, ReaderLeft


def no_cluster() -> Kube:
    pytest.fail("no cluster is needed to write a file")


SNAPSHOT = Snapshot({"source-node": "node2"}, (Measurement("OS"),))


@pytest.mark.parametrize(
    ("values", "format_name", "expected"),
    [
        ([], "", Output("yaml")),
        (["-"], "json", Output("json")),
        ([" "], "", Output("yaml")),
        (["json"], "", Output("json")),
        (["name"], "", Output("name")),
        (["./yaml"], "yaml", Output("yaml", "./yaml")),
        (["a.yml"], "", Output("yaml", "a.yml")),
        (["a.JSON"], "", Output("json", "a.JSON")),
        (["snapshot"], "", Output("json", "snapshot")),
        (["a.json"], "yaml", Output("yaml", "a.json")),
        (["table"], "", Output("table")),
        (["a.txt"], "", Output("table", "a.txt")),
        (["a.table"], "wide", Output("wide", "a.table")),
        (["./table"], "", Output("json", "./table")),
        (["html"], "", Output("html")),
        (["a.HTML"], "", Output("html", "a.HTML")),
        (["a.htm"], "", Output("html", "a.htm")),
        (["a.md"], "html", Output("html", "a.md")),
    ],
)
def test_a_word_is_a_format_or_a_destination(
    values: list[str], format_name: str, expected: Output
) -> None:
    assert parse_outputs(values, format_name) == (expected,)


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_outputs([], "xml")
    assert "yaml, json, table, wide, summary, name, html, aicr-table, " in caught.value.hint
    assert "template=FILE" in caught.value.hint


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "node.j2"
    path.write_text("{{ reading('metadata.source-node') }}\n")
    return str(path)


def test_a_template_is_a_format_with_a_file(template: str, tmp_path: Path) -> None:
    report = str(tmp_path / "report.md")
    for values, format_name, option, path in (
        ([f"template={template}"], "", "", ""),
        ([], f"template={template}", "", ""),
        ([], "", template, ""),
        ([], "yaml", template, ""),
        ([report], f"template={template}", "", report),
        ([report], "", template, report),
    ):
        (output,) = outputs = parse_outputs(values, format_name, template=option)
        out = io.StringIO()
        write_outputs(outputs, SNAPSHOT, out, no_cluster)
        assert (output.format, output.path) == ("template", path)
        assert (Path(path).read_text() if path else out.getvalue()) == "node2\n"


def test_values_are_escaped_in_a_file_of_markup_whatever_its_template_is_called(
    template: str, tmp_path: Path
) -> None:
    hostile = Snapshot({"source-node": "<script>"})
    for name, text in (("a.html", "&lt;script&gt;\n"), ("a.md", "<script>\n")):
        path = tmp_path / name
        write_outputs(
            parse_outputs([str(path)], "", template=template), hostile, io.StringIO(), no_cluster
        )
        assert path.read_text() == text


def test_a_document_and_a_template_of_it_are_written_together(
    template: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.yaml"
    out = io.StringIO()
    write_outputs(parse_outputs([str(path), f"template={template}"], ""), SNAPSHOT, out, no_cluster)
    assert out.getvalue() == "node2\n"
    assert parse_document(path.read_text()) == SNAPSHOT


@pytest.mark.parametrize(
    ("values", "format_name"),
    [(["json"], ""), (["table"], ""), ([], "json"), (["template=b.j2"], ""), (["yaml"], "")],
)
def test_a_template_beside_another_format_is_refused(
    values: list[str], format_name: str, template: str
) -> None:
    with pytest.raises(InvalidRequest, match="are mutually exclusive"):
        parse_outputs(values, format_name, template=template)


def test_a_template_that_cannot_be_read_is_refused_before_the_capture(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file: "):
        parse_outputs([], "", template=str(tmp_path / "none.j2"))
    for path, said in (
        (str(tmp_path), "cannot read"),
        ("", "no template file given"),
        ("https://example.org/a.j2", "cannot read templates from URLs"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            parse_outputs([f"template={path}"], "")
    (tmp_path / "a.j2").write_bytes(b"\xff")
    with pytest.raises(InvalidRequest, match="invalid template"):
        parse_outputs([], "", template=str(tmp_path / "a.j2"))
    (tmp_path / "a.j2").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(InvalidRequest, match="invalid template"):
        parse_outputs([], "", template=str(tmp_path / "a.j2"))


def test_a_format_word_without_its_file_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no template file given"):
        parse_outputs(["template"], "")


def test_a_configmap_holds_yaml_unless_another_format_is_chosen() -> None:
    (output,) = parse_outputs(["cm://ops/node.json"], "")
    assert (output.format, output.place) == ("yaml", "cm://ops/node.json")
    for chosen in ("json", "table"):
        (output,) = parse_outputs(["cm://ops/node"], chosen)
        assert (output.format, output.configmap) == (chosen, ("ops", "node"))


@pytest.mark.parametrize(
    ("value", "format_name"),
    [
        *(("cm://ops", ""), ("cm://ops/a/b", ""), ("cm://ops/..", ""), ("cm://Ops/a", "")),
        *(("cm://ops/../secrets", ""), ("cm://ops/a?x", ""), ("cm://ops/a", "name")),
        *(("cm://ops/a", "wide"), ("cm://ops/a", "html")),
    ],
)
def test_what_no_configmap_can_be_is_refused(value: str, format_name: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_outputs([value], format_name)


@pytest.mark.parametrize(
    "values", [["yaml", "json"], ["a.json", "a.json"], ["-", "name"], ["cm://a/b", "cm://a/b"]]
)
def test_two_documents_for_one_place_are_refused(values: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="two outputs to"):
        parse_outputs(values, "")


@pytest.mark.parametrize(
    ("values", "format_name", "expected"),
    [
        *((["a"], "", True), (["a.md"], "", True), (["a"], "json", False)),
        *((["a.json"], "", False), (["-"], "json", False), (["json"], "", False)),
        *((["a.yaml"], "", False), (["a.html"], "", False), (["cm://a/b"], "json", False)),
    ],
)
def test_a_file_is_json_by_a_guess_where_its_ending_tells_nothing(
    values: list[str], format_name: str, expected: bool
) -> None:
    (output,) = parse_outputs(values, format_name)
    assert is_guessed(output, format_name) is expected


def test_every_copy_is_written(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    out = io.StringIO()
    write_outputs(parse_outputs(["yaml", path], ""), SNAPSHOT, out, no_cluster)
    assert parse_document(out.getvalue()) == SNAPSHOT
    assert parse_document(Path(path).read_text()) == SNAPSHOT
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_refused_before_the_capture(tmp_path: Path) -> None:
    with pytest.raises(Internal, match="cannot write"):
        check_outputs([Output("json", str(tmp_path / "none" / "a.json"))], no_cluster)
    with pytest.raises(Internal) as caught:
        check_outputs([Output("json", str(tmp_path))], no_cluster)
    assert caught.value.why == "it is a directory"
    assert list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    """A terminal of 40 columns: its other end is a real one, for the size."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    own_end, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    yield Terminal(other_end)
    os.close(own_end)
    os.close(other_end)


HOSTILE = "a\tb\x1b[2J\x9b31m\u202e\r\nc\n"


def test_a_terminal_gets_no_word_that_acts_on_it(terminal: Terminal) -> None:
    write_text(Output("template"), HOSTILE, terminal)
    assert terminal.getvalue() == "a\tb [2J 31m  \nc\n"


def test_a_pipe_and_a_file_get_the_data_as_they_are(tmp_path: Path) -> None:
    out, path = io.StringIO(), tmp_path / "a"
    write_text(Output("template"), HOSTILE, out)
    write_text(Output("template", str(path)), HOSTILE, out)
    assert out.getvalue() == path.read_bytes().decode() == HOSTILE


def test_a_table_is_as_wide_as_the_terminal_and_in_a_file_whole(
    terminal: Terminal, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    long = Snapshot({"source-node": "node2", "gaps": "x" * 100})
    write_outputs(parse_outputs(["table", str(path)], ""), long, terminal, no_cluster)
    assert max(map(len, terminal.getvalue().splitlines())) == 40
    assert "x" * 100 in path.read_text()


def test_what_is_no_terminal_has_no_width() -> None:
    assert read_width(io.StringIO()) == 0


def test_every_output_is_written_and_every_failure_named() -> None:
    written = []

    def write(output: Output) -> None:
        written.append(output.path)
        if output.path == "left":
            raise ReaderLeft
        if output.path.startswith("bad"):
            raise (Internal if output.path == "bad1" else InvalidRequest)(output.path, "full", "h")

    outputs = [Output("json", path) for path in ("left", "bad1", "good", "bad2")]
    with pytest.raises(Internal) as caught:
        write_each(outputs, write)
    assert (caught.value.what, caught.value.why, caught.value.hint) == (
        "bad1",
        "full; bad2: full",
        "h",
    )
    assert written == ["left", "bad1", "good", "bad2"]
    with pytest.raises(ReaderLeft):
        write_each(outputs[:1] + outputs[2:3], write)
