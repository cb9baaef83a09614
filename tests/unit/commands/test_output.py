from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from kubectl_snapshot.clients.kube import Kube
from kubectl_snapshot.commands.output import Output, check_outputs, parse_outputs, write_outputs
from kubectl_snapshot.document.codec import parse_document
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.errors import Internal, InvalidRequest


def no_cluster() -> Kube:
    pytest.fail("no cluster is needed to write a file")


SNAPSHOT = Snapshot({"source-node": "node2"})


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
    ],
)
def test_a_word_is_a_format_or_a_destination(
    values: list[str], format_name: str, expected: Output
) -> None:
    assert parse_outputs(values, format_name) == (expected,)


@pytest.mark.parametrize("value", ["table", "wide", "html", "template=x.j2", "x.txt"])
def test_what_cannot_be_written_yet_never_becomes_a_file(value: str) -> None:
    with pytest.raises(InvalidRequest, match="this version cannot write"):
        parse_outputs([value], "")


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_outputs([], "xml")
    assert "yaml, json, name" in caught.value.hint


def test_a_configmap_holds_yaml_unless_json_is_chosen() -> None:
    (output,) = parse_outputs(["cm://ops/node.json"], "")
    assert (output.format, output.place) == ("yaml", "cm://ops/node.json")
    (output,) = parse_outputs(["cm://ops/node"], "json")
    assert (output.format, output.configmap) == ("json", ("ops", "node"))


@pytest.mark.parametrize(
    ("value", "format_name"),
    [
        *(("cm://ops", ""), ("cm://ops/a/b", ""), ("cm://ops/..", ""), ("cm://Ops/a", "")),
        *(("cm://ops/../secrets", ""), ("cm://ops/a?x", ""), ("cm://ops/a", "name")),
    ],
)
def test_what_no_configmap_can_be_is_refused(value: str, format_name: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_outputs([value], format_name)


@pytest.mark.parametrize(
    "values", [["yaml", "json"], ["a.json", "a.json"], ["-", "name"], ["cm://a/b", "cm://a/b"]]
)
def test_two_documents_for_one_place_are_refused(values: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="two outputs go to"):
        parse_outputs(values, "")


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
