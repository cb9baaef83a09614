from __future__ import annotations

import csv
import io
import json

import pytest

from kubectl_snapshot.render.export import render_csv_line, render_json_line


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", '""'),
        ("580.105.08", "580.105.08"),
        ("-1", "-1"),
        ("+2.5", "+2.5"),
        ("-1-1", "'-1-1"),
        ("-", "'-"),
        ("=cmd|'/C calc'!A0", "\"'=cmd|'/C calc'!A0\""),
        ("  =1+1", '"\'  =1+1"'),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff201", "'\uff201"),
        ("\t=1", '"\'\t=1"'),
        ("\r=1", "'\\r=1"),
        ("\nx", "'\\nx"),
        ("'x", "''x"),
        ("x=1", "x=1"),
        ("a,b", '"a,b"'),
        ("a;b", '"a;b"'),
        ('a"b', '"a""b"'),
        ("4096\t131072", '"4096\t131072"'),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e", "\\u202e"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_a_cell_is_no_formula_and_has_no_control_character(value: str | None, cell: str) -> None:
    line = render_csv_line(["x", value])
    assert line == f"x,{cell}\n"
    (row,) = csv.reader(io.StringIO(line))
    assert len(row) == 2 and not row[1].lstrip().startswith(("=", "@"))


def test_a_json_line_is_ascii_and_exact() -> None:
    row = ["\x1b[2J\u202e", "ü", None, '"', "=1"]
    line = render_json_line(["a", "b", "c", "d", "e"], row)
    assert line.isascii() and line.isprintable() is False and line.count("\n") == 1
    assert line.rstrip("\n").isprintable()
    assert list(json.loads(line).values()) == row and list(json.loads(line)) == list("abcde")
