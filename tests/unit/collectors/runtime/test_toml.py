"""TOML as Python's own tomllib parses it, which only newer Pythons have."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubectl_snapshot.collectors.runtime.toml import parse_toml
from kubectl_snapshot.errors import InvalidRequest

CONFIG = """\
# Made by hand.
version = 3
imports = ["/etc/containerd/conf.d/*.toml", 'x',
  # the last
]
root = '/var/lib/containerd' # a comment
[grpc]
  max_recv_message_size = 16_777_216
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia]
  options = {BinaryName = "/usr/bin/x", SystemdCgroup = true, a.b = [1, -2.5e3]}
[[hosts]]
name = 'a'
[[hosts]]
name = \"\"\"
two
lines \\
   joined\"\"\"
[hosts.below]
x.y = 0xff
"""


def test_a_file_as_containerd_has_it() -> None:
    runtime = "io.containerd.cri.v1.runtime"
    options = {"BinaryName": "/usr/bin/x", "SystemdCgroup": True, "a": {"b": [1, -2500.0]}}
    assert parse_toml(CONFIG.replace("\n", "\r\n")) == {
        "version": 3,
        "imports": ["/etc/containerd/conf.d/*.toml", "x"],
        "root": "/var/lib/containerd",
        "grpc": {"max_recv_message_size": 16777216},
        "plugins": {runtime: {"containerd": {"runtimes": {"nvidia": {"options": options}}}}},
        "hosts": [{"name": "a"}, {"name": "two\nlines joined", "below": {"x": {"y": 255}}}],
    }


VALID = (
    *("", "\n", "# x", "a=1", "a = 1 # x", "a.b = 1\na.c = 2", '"a b".c = 1', "'a\"' = 1", '""=1'),
    *("[a]\n[a.b]\n[c]", "[a.b]\n[a]\nc=1", "[a.b.c]\n[a]\nb.d=1", "[[a]]\n[[a]]\n[a.b]\nc=1"),
    *("a={}", "a={ }", "a={b=1,c={d=2}}", "a={b.c=1,b.d=2}", "a=[]", "a=[1,]", "a=[\n1,\n2\n]"),
    *("a=[[1],['x'],{b=1}]", "a=[{b=1},{b=2}]", "a=+0", "a=-0", "a=1_000", "a=0x1F", "a=0o17"),
    *("a=0b101", "a=1.5", "a=1e9", "a=-1.5E-3", "a=1_0.0_1e1_0", "a=inf", "a=-inf", "a=+nan"),
    *("a=9223372036854775807", "a=-9223372036854775808", 'a="\\u00e9\\U0001F600"', "a=''", 'a=""'),
    *('a="\\b\\t\\n\\f\\r\\"\\\\"', "a='''\n'x'''", 'a="""a"""""', "a=''''b'''''", 'a="""""""'),
    *('a="""x\\\n  y"""', 'a="""x\\  \n\n\ty"""', "a='\\n'", "a='''\n\n'''", 'a="\t"', "a=true"),
    *("a.b.c=1\na.b.d=2", "[a]\nb.c=1\n[a.d]\n", "[ a . b ]\nc=1", "1=2", "-=1", "a-b_c=1"),
    *('a="""\n\\t"x" ""y"""', "[a]\nb={}\n[c]\nb=[]", "a=0", "a=0.0", "a=-0.0", "a=0e0"),
)
WRONG = (
    *("a", "a=", "=1", "a=1 b=2", "a=1\na=2", "[a]\n[a]", "[a]\na", "[a", "[[a]", "[]", "a.=1"),
    *("a=1\n[a]", "a.b=1\n[a]", "a.b=1\n[a.b]", "[a.b]\n[a]\nb.c=1", "a={}\n[a.b]", "a={}\na.b=1"),
    *("a=[]\n[[a]]", "a=[{}]\n[a.b]", "[a]\n[[a]]", "[[a]]\n[a]", "a={b=1,}", "a={b=1\n}", "a={,}"),
    *("a={b={},b.c=1}", "a={b=1,b=2}", "a=[1 2]", "a=[1", "a={b=1", "a=[,]", "a=[1,,2]", "a=x"),
    *("a=01", "a=1_", "a=_1", "a=1__0", "a=.5", "a=5.", "a=1.e1", "a=0x", "a=+0x1", "a=0xG"),
    *("a=++1", "a=Inf", "a=TRUE", 'a="', "a='", 'a="x\n"', "a='x\n'", 'a="\\x"', 'a="\\u00g0"'),
    *('a="\\ud800"', 'a="\\U00110000"', 'a="""x', "a='''x", 'a="""x\\ y"""', "a=1\x00"),
    *("a='\x00'", "# \x01", "a=1\rb=2", "a='''x''''''", 'a="""""""""', '"""a"""=1', "a\n=1"),
    *("a=\n1", "[a]b=1", "a=1,", "é=1", "[[a]]\n[a.b]\n[a.b]", "a=[[]]\n[[a.b]]"),
    *("a.b={}\n[a.b.c]", "[a]\nb=1\n[a.b]", "a = \ufeff1"),
)
DATES = ("a=1979-05-27", "a=07:32:00", "a=1979-05-27T07:32:00Z", "a=1979-05-27 07:32:00")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is of Python 3.11")
@pytest.mark.parametrize("text", VALID)
def test_what_is_valid_is_what_tomllib_says(text: str) -> None:
    assert repr(parse_toml(text)) == repr(parse_by_tomllib(text))


@pytest.mark.parametrize("text", [*WRONG, *DATES, "a=9223372036854775808", "a=" + 300 * "9"])
def test_what_is_invalid_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_toml(text)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is of Python 3.11")
@pytest.mark.parametrize("text", WRONG)
def test_tomllib_refuses_it_as_well(text: str) -> None:
    with pytest.raises(ValueError):
        parse_by_tomllib(text)


def test_an_error_names_the_line_and_depth_is_bounded() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_toml("a=1\n\n# x\nb=?\n")
    assert caught.value.what == "invalid TOML in line 4"
    for text in ("[" * 60 + "]" * 60, "{a=" * 60 + "1" + "}" * 60):
        with pytest.raises(InvalidRequest, match="more than 50 levels"):
            parse_toml(f"a={text}")


def parse_by_tomllib(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "b",
                ".",
                "=",
                "[",
                "]",
                "[[a]]\n",
                "[a]\n",
                "[b.a]\n",
                "{",
                "}",
                ",",
                "\n",
                " ",
            ),
            *("1", "0x1", "'x'", '"y"', '"""', "'''", "\\", "\n  ", "#c", "true", "1.5", "a=1\n"),
            *("a={b=1}\n", "b.a=[1]\n", "b=[{a=1}]\n", '"', "'", "-", "_", "e", "\t", "a.b.c=2\n"),
        ]
    ),
    max_size=12,
).map("".join)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is of Python 3.11")
@settings(max_examples=400)
@given(PIECES)
@example("[[a]]\na={b=1}\n")
def test_any_text_is_parsed_or_refused_as_by_tomllib(text: str) -> None:
    try:
        expected = parse_by_tomllib(text)
    except ValueError:
        with pytest.raises(InvalidRequest):
            parse_toml(text)
    else:
        assert parse_toml(text) == expected


def test_no_number_is_special() -> None:
    assert math.isnan(parse_toml("a=nan")["a"])
