from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.redaction.detector import (
    has_credential,
    replace_credentials,
)
from kubectl_snapshot.document.redaction.nested import redact_value
from tests.unit.document.strategies import ANY_TEXT, PROPERTY

LENGTH, MEGABYTE = 128 * 1024, 1024 * 1024
# A search in quadratic time would take hours; no machine is so busy that this one is cut short.
CPU_S, MEGABYTE_CPU_S = 10, 60


def mark(secret: str) -> str:
    return f"<{secret}>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter22 ro", "password=<hunter22> ro"),
        ("a password = hunter22", "a password = <hunter22>"),
        ("PASSWORD= B=c", "PASSWORD= B=c"),
        ("--password hunter22 --fast", "--password <hunter22> --fast"),
        ("--password --fast", "--password --fast"),
        ("--password='it is' x", "--password='<it is>' x"),
        ('x --token="a b" y', 'x --token="<a b>" y'),
        ('x --token="a b', 'x --token=<"a> b'),
        ("user=a,password=b,c,host=d", "user=a,password=<b,c>,host=d"),
        ("AccountName=a;AccountKey=b==;x=c", "AccountName=a;AccountKey=<b==>;x=c"),
        ("/x?token=abcd&y=1", "/x?token=<abcd>&y=1"),
        ('{"password": "a \\" b", "x": 1}', '{"password": "<a " b>", "x": 1}'),
        (r'"{\"password\": \"a b\"}"', r'"{\"password\": \"<a b>\"}"'),
        ('token: ["a1", "b 2"] x', 'token: ["<a1>", "<b 2>"] x'),
        ("passwords = [a1, b2 ]", "passwords = [<a1>, <b2> ]"),
        ('{"tokens":["Tr0ub4dor",{"a":"b"}]}', '{"tokens":["<Tr0ub4dor>",{"a":"b"}]}'),
        ("tokens: []\nx: 1", "tokens: []\nx: 1"),
        ("-H X-Api-Key:abcd", "-H X-Api-Key:<abcd>"),
        ("Authorization: Bearer abcd", "Authorization: Bearer <abcd>"),
        ("-H 'Authorization: Basic abcd'", "-H 'Authorization: Basic <abcd>'"),
        ("org/token:v1.2 secret:latest", "org/token:v1.2 secret:latest"),
        ("token=$(cat /run/token) x", "token=$(cat /run/token) x"),
        ("secret: {enabled: true}", "secret: {enabled: true}"),
        ('x={"token":{"password":"a b"}}', 'x={"token":{"password":"<a b>"}}'),
        ("password={a} x", "password=<{a>} x"),
        ('{"password": {"value": "abcd"}}', '{"password": {"value": "<abcd>"}}'),
        ("password: {value: abcd, x: y}", "password: {value: <abcd>, x: y}"),
        ("a:\n  token: b c # d\n  x: 1", "a:\n  token: <b c> # d\n  x: 1"),
        ("a:\n  token: b\n    c\n  x: 1", "a:\n  token: <b\n    c>\n  x: 1"),
        ("token: |\n  b\n\n  c\nx: 1", "token: |\n  <b\n\n  c>\nx: 1"),
        ("- token: 'b c'\n- x", "- token: '<b c>'\n- x"),
    ],
)
def test_only_the_secret_is_replaced(text: str, expected: str) -> None:
    assert replace_credentials(text, mark) == expected


PIECES = st.sampled_from(
    ["token", "=", ":", " ", "\n", '"', "'", "\\", "--", "://", "@", "a", "1", "|", "{", "]", ","]
)


@PROPERTY
@given(st.lists(st.one_of(PIECES, ANY_TEXT), max_size=12).map("".join))
def test_what_is_not_a_secret_is_kept_in_its_order(text: str) -> None:
    secrets: list[str] = []

    def take(secret: str) -> str:
        assert secret
        secrets.append(secret)
        return "\0"

    kept = replace_credentials(text, take).split("\0")
    if "\0" not in text:
        assert "".join(k + s for k, s in zip(kept, [*secrets, ""])) == text
    assert has_credential(text) == bool(secrets)


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a=",
        "aB",
        "password",
        "password=",
        'password="',
        "password='",
        'password="\\" ',
        "password\\",
        'password\\"',
        'password:\\"',
        "token: ",
        "x token: ",
        "token: |\n",
        "token: |\n  a\n",
        "token=,a",
        "token=${",
        "token=$(",
        "token=*",
        "token ",
        "--token ",
        "-a ",
        ":",
        "-",
        "://",
        "://a:",
        "://a:b/",
        "iscsi:",
        "-eyJ",
        "eyJ",
        "-----BEGIN ",
        "-----BEGIN RSA PRIVATE KEY-----",
        "bearer ",
        "basic a",
        "$6$a",
        "hooks.slack.com/a",
        "a0.a0.",
        "\n",
        "{",
        "password:\n- a\n",
        "password:\n  a\n",
        '["--token","a"],',
        'token: ["a",',
        'token: {"value": ',
        "PWD%3D",
        "<password>",
        "u:p@h:1 ",
        "://x@",
        "machine a login b ",
        "Zm9vOmJhcg",
        "QUFB",
        "/etc/",
        "A_",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    search(piece, LENGTH, CPU_S)


# The slowest of a hundred and ten.
@pytest.mark.parametrize(
    "piece", ["key: ", "x token: ", "password: a\n", "curl -u ", '"name":"A_TOKEN",', "basic a"]
)
def test_a_megabyte_takes_seconds(piece: str) -> None:
    search(piece, MEGABYTE, MEGABYTE_CPU_S)


def search(piece: str, length: int, limit_s: float) -> None:
    text = piece * (length // len(piece))
    before = time.process_time()
    replace_credentials(text, mark)
    redact_value(text, "password", mark)
    redact_value(text, "x.auth", mark)
    assert time.process_time() - before < limit_s
