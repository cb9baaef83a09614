from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import example, given

from kubectl_snapshot.document.codec.yaml.scalars import render_scalar, render_text, resolve
from tests.unit.document.strategies import PROPERTY, TEXTS, WORDS

# The core schema of YAML 1.2.2, section 10.3.2, written down apart from the code.
YAML_1_2_OTHER_THAN_TEXT = re.compile(
    r"|~|null|Null|NULL|true|True|TRUE|false|False|FALSE"
    r"|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
)


@PROPERTY
@given(TEXTS)
@example('2025-01-15T> "2025-01-15')
def test_a_reader_of_yaml_1_1_gets_every_text_back(text: str) -> None:
    written = render_text(text)
    assert yaml.safe_load(f"v: {written}") == {"v": text}
    assert "\n" not in written


@PROPERTY
@given(TEXTS)
def test_a_reader_of_yaml_1_2_takes_no_unquoted_text_for_something_else(text: str) -> None:
    written = render_text(text)
    is_quoted = written[0] in "\"'"
    assert is_quoted or (written == text and not YAML_1_2_OTHER_THAN_TEXT.fullmatch(text))


@PROPERTY
@given(TEXTS)
def test_our_reader_takes_no_unquoted_text_for_something_else(text: str) -> None:
    written = render_text(text)
    assert written[0] in "\"'" or resolve(written) == text


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_a_reader_could_mistake_is_quoted(word: str) -> None:
    assert render_text(word)[0] in "\"'"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", '""'),
        ("1.34", '"1.34"'),
        ("2025-01-15", '"2025-01-15"'),
        ("yes", '"yes"'),
        (" a", "' a'"),
        ("a ", "'a '"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("a:", "'a:'"),
        ("- a", "'- a'"),
        ("it's: x", "'it''s: x'"),
        ('[{"a":"b"}]', '\'[{"a":"b"}]\''),
        ("4\t4\t1\t7", '"4\\t4\\t1\\t7"'),
        ('a\n"b"\\', '"a\\n\\"b\\"\\\\"'),
        ("\x00\x1b\x7f\x85", '"\\x00\\x1B\\x7F\\x85"'),
        ("\u2028\u2029\ufeff\uffff", '"\\u2028\\u2029\\uFEFF\\uFFFF"'),
        ("\x9b1m\u202ex\u2066", '"\\x9B1m\\u202Ex\\u2066"'),
    ],
)
def test_quotes_are_single_unless_a_type_or_an_escape_needs_double_ones(
    text: str, written: str
) -> None:
    assert render_text(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "580.105.08",
        "v1.34.2-eks-3025e55",
        "containerd://2.1.5",
        "aws:///us-west-2b/i-0c3b7d5e91f2a4680",
        "NVIDIA H100 80GB HBM3",
        "ttyS0,115200n8",
        "NoSchedule|present|ip-10-0-129-47",
        "/proc/sys/kernel/osrelease",
        "6.8.0-1041-aws",
        "map[a:1 b:2]",
        "<nil>",
        "it's",
        "a#b",
        "日本 é \U0001f600",
    ],
)
def test_a_text_that_nobody_can_mistake_stays_readable(text: str) -> None:
    assert render_text(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.34", 1.34),
        ("24.10", 24.1),
        ("1e3", 1000.0),
        ("08", 8.0),
        ("017", 15),
        ("-017", -15),
        ("0o17", 15),
        ("0O17", 15),
        ("0x1F", 31),
        ("-0x1F", -31),
        ("0b11", 3),
        ("+0b11", 3),
        ("0", 0),
        ("00", 0),
        ("-0", 0),
        ("+5", 5),
        ("1_000", 1000),
        ("1__0_", 10),
        ("0x_1F", 31),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615", 2**64 - 1),
        ("+18446744073709551615", 1.8446744073709552e19),
        ("18446744073709551616", 1.8446744073709552e19),
        ("-9223372036854775809", -9.223372036854776e18),
        ("1.", 1.0),
        (".5", 0.5),
        ("+.5", 0.5),
        (".5_5", 0.55),
        ("-.5_", -0.5),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("1e-400", 0.0),
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("Null", None),
    ],
)
def test_an_unquoted_scalar_means_what_it_means_to_go(text: str, value: object) -> None:
    resolved = resolve(text)
    assert (type(resolved), resolved) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "off", "y", "N", "tRUE", "nULL", "<<", "="),
        *(
            "0.1.2",
            "1:30",
            "12:30:45",
            "0x",
            "0xG",
            "0o8",
            "0b2",
            "+",
            "-",
            ".",
            "..",
            "._5",
            ".5_",
        ),
        *("1e400", "0xFFFFFFFFFFFFFFFFFF", "1 000", "inf", "NaN", "0b" + "1" * 65),
        *("2025-02-30", "2025-13-01", "2025-01-15T25:00:00Z", "2025-01-15T10:00", "20250-01-15"),
    ],
)
def test_an_unquoted_scalar_that_is_nothing_to_go_is_text(text: str) -> None:
    assert resolve(text) == text


def test_an_integer_beyond_64_bits_is_a_float_and_one_beyond_floats_is_text() -> None:
    assert resolve("9" * 300) == 1e300
    assert resolve("9" * 5000) == "9" * 5000


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2025-01-15", "2025-01-15 00:00:00 +0000 UTC"),
        ("2025-1-5", "2025-01-05 00:00:00 +0000 UTC"),
        ("0101-01-01", "0101-01-01 00:00:00 +0000 UTC"),
        ("2025-01-15T10:00:00Z", "2025-01-15 10:00:00 +0000 UTC"),
        ("2025-01-15t1:2:3.50Z", "2025-01-15 01:02:03.5 +0000 UTC"),
        ("2025-01-15 10:00:00", "2025-01-15 10:00:00 +0000 UTC"),
        ("2025-01-15T10:00:00+02:00", "2025-01-15 10:00:00 +0200 +0200"),
        ("2025-01-15T10:00:00-00:00", "2025-01-15 10:00:00 +0000 UTC"),
    ],
)
def test_an_unquoted_date_becomes_the_text_that_go_prints(text: str, printed: str) -> None:
    assert resolve(text) == printed


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (-1, "-1"),
        (2**64 - 1, "18446744073709551615"),
        (2.0, "2"),
        (1e6, "1e+06"),
        (float("inf"), ".inf"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
        ("true", '"true"'),
    ],
)
def test_a_reading_is_written_so_that_its_type_can_be_seen(
    value: str | float, written: str
) -> None:
    assert render_scalar(value) == written


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("", "~", "null", "Null", "NULL"), None),
        (("true", "True", "TRUE"), True),
        (("false", "False", "FALSE"), False),
        ((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
        (("-.inf", "-.Inf", "-.INF"), float("-inf")),
    ],
)
def test_every_word_of_yaml_1_2_is_its_value(words: tuple[str, ...], value: object) -> None:
    assert [resolve(word) for word in words] == [value] * len(words)
