"""The tables and sentences of the text file rules (contract section 3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.textfile import (
    WHITE_SPACE,
    TextRules,
    find_repeated,
    parse_lines,
    parse_map,
    read_content,
    split_words,
)
from kubectl_snapshot.errors import Internal, InvalidRequest, SnapshotError

QUOTES = TextRules(trim_chars="\"'")
NO_EMPTY = TextRules(skip_empty_values=True)
TEXTS = st.one_of(st.text(), st.binary(), st.text(alphabet=" \t\n#=\"'ab\x1c\x85\u00a0\ufeff\x00"))
RULES = st.builds(
    TextRules,
    delimiter=st.sampled_from(["\n", " ", ";", "=="]),
    skip_comments=st.booleans(),
    kv_delimiter=st.sampled_from(["=", ":", " "]),
    default_value=st.sampled_from(["", "on"]),
    trim_chars=st.sampled_from(["", "\"'"]),
    skip_empty_values=st.booleans(),
    max_bytes=st.sampled_from([0, 5, 1_048_576]),
)


@pytest.mark.parametrize(
    ("content", "rules", "expected"),
    [
        ("a=1\nb\n=v\na=9", TextRules(), {"a": "9", "b": "", "": "v"}),
        (' c = "x=y" ', QUOTES, {"c": "x=y"}),
        ("g=\"'z'\"", QUOTES, {"g": "z"}),
        ("e='it''s'", QUOTES, {"e": "it''s"}),
        ("d=\nb", NO_EMPTY, {}),
        ("#c=2\n  # d=3", TextRules(), {}),
        ("f=q\r\n", TextRules(), {"f": "q"}),
    ],
)
def test_a_map_is_as_in_the_contracts_table(
    content: str, rules: TextRules, expected: dict[str, str]
) -> None:
    assert parse_map(content, rules) == expected


def test_a_key_without_a_value_has_the_default_one_even_where_empty_ones_are_skipped() -> None:
    rules = TextRules(default_value="on", skip_empty_values=True)
    assert parse_map("a\nb=\nc=1", rules) == {"a": "on", "c": "1"}


def test_a_default_value_is_not_trimmed() -> None:
    assert parse_map("a", TextRules(default_value='"x"', trim_chars='"')) == {"a": '"x"'}


def test_a_value_emptied_by_trimming_is_skipped_as_empty() -> None:
    assert parse_map('a=""', TextRules(trim_chars='"', skip_empty_values=True)) == {}


def test_white_space_inside_trimmed_quotes_stays() -> None:
    assert parse_map('a=" x "', QUOTES) == {"a": " x "}


def test_a_comment_sign_after_the_start_of_a_line_is_data() -> None:
    assert parse_lines("a # b\n x#y") == ["a # b", "x#y"]


@pytest.mark.parametrize("kept", ["\ufeff", "\u200b", "\x00", "\x1c", "\x1d", "\x1e", "\x1f"])
def test_what_is_no_white_space_stays_at_the_ends_of_a_line(kept: str) -> None:
    assert parse_lines(f" {kept}a{kept} ") == [f"{kept}a{kept}"]
    assert split_words(f"a{kept}b c") == [f"a{kept}b", "c"]


@pytest.mark.parametrize("space", WHITE_SPACE)
def test_each_unicode_white_space_is_stripped_and_parts_words(space: str) -> None:
    assert parse_lines(f"{space}a{space};", TextRules(delimiter=";")) == ["a"]
    assert split_words(f"{space}a{space}{space}b") == ["a", "b"]


def test_white_space_is_what_python_calls_so_but_for_the_four_separators() -> None:
    pythons = {chr(code) for code in range(0x110000) if chr(code).isspace()}
    assert set(WHITE_SPACE) == pythons - set("\x1c\x1d\x1e\x1f")


def test_a_text_of_exactly_the_maximum_passes_and_one_byte_more_does_not() -> None:
    rules = TextRules(max_bytes=4)
    assert parse_lines("äö", rules) == parse_lines("äö".encode(), rules) == ["äö"]
    for content in ("äöx", "äöx".encode()):
        with pytest.raises(InvalidRequest, match="larger than 4 bytes"):
            parse_lines(content, rules)


def test_a_maximum_of_zero_allows_nothing_but_the_empty_text() -> None:
    assert parse_lines("", TextRules(max_bytes=0)) == []
    with pytest.raises(InvalidRequest):
        parse_lines("a", TextRules(max_bytes=0))


def test_a_text_of_one_mebibyte_passes_by_default() -> None:
    assert len(parse_lines("x" * 1_048_576)[0]) == 1_048_576
    with pytest.raises(InvalidRequest):
        parse_lines("x" * 1_048_577)


@pytest.mark.parametrize("content", [b"a\xff", "a\udc80", b"\xed\xa0\x80"])
def test_what_is_not_utf_8_is_an_invalid_request(content: str | bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"a text file is not UTF-8: .*codec"):
        parse_lines(content)


def test_all_values_of_a_key_that_occurs_twice_are_kept() -> None:
    entries = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "1")]
    assert find_repeated(entries, "; ") == {"repeated.a": "1; 3; 1"}


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [(HostPath(), "/missing", "absent"), (HostPath(None), "/etc/os-release", "unavailable")],
)
def test_a_file_that_cannot_be_read_is_internal_and_keeps_its_status(
    host: HostPath, path: str, status: str
) -> None:
    with pytest.raises(Internal) as caught:
        read_content(host, path)
    assert caught.value.collector_status == status
    assert path in caught.value.what


def test_an_empty_path_is_an_invalid_request() -> None:
    with pytest.raises(InvalidRequest):
        read_content(HostPath(), "")


def test_a_file_over_the_maximum_is_an_invalid_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("12345")
    with pytest.raises(InvalidRequest, match="larger than 4 bytes"):
        read_content(HostPath(str(tmp_path)), "/file", 4)


@given(TEXTS, RULES)
def test_any_text_gives_clean_lines_and_a_map_or_an_error(
    content: str | bytes, rules: TextRules
) -> None:
    try:
        lines, pairs = parse_lines(content, rules), parse_map(content, rules)
    except SnapshotError:
        return
    assert all(line and line == line.strip(WHITE_SPACE) for line in lines)
    assert not any(rules.skip_comments and line.startswith("#") for line in lines)
    assert len(pairs) <= len(lines)
