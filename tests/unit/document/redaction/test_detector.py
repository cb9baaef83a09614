from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.redaction.detector import (
    SHAPES,
    is_harmless,
    may_hold_credential,
    names_credential,
    replace_credentials,
)
from tests.unit.document.secret_corpus import INTRODUCED, SHAPED, make_corpus
from tests.unit.document.strategies import ANY_TEXT, PROPERTY

HOSTILE_LENGTH = 256 * 1024
# A search in quadratic time would take hours; no machine is so busy that this one is cut short.
HOSTILE_CPU_S = 20


def mark(secret: str) -> str:
    return f"<{secret}>"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "adminPassword",
        "rd.iscsi.password",
        "inst.vncpassword",
        "--registry-token",
        "password1",
        "passwords.0",
        "password#2",
        "auth.password.value",
        "apiKey",
        "APIKey",
        "NGC_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "aws_session_token",
        "clientSecret",
        "secretId",
        "privateKey",
        "client-key-data",
        "passphrase",
        "DB_PASS",
        "MYSQL_PWD",
        "wifi.psk",
        ".dockerconfigjson",
        "AccountKey",
        "Authorization",
        "token.value",
    ],
)
def test_a_name_says_that_it_holds_a_credential(name: str) -> None:
    assert names_credential(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "key",
        "quiet",
        "keyboard",
        "secretmem.enable",
        "iommu.passthrough",
        "pci.pass_through",
        "authorization-mode",
        "authentication-token-webhook",
        "authentication-token-webhook-cache-ttl",
        "image-credential-provider-config",
        "tls-private-key-file",
        "TOKEN_FILE",
        "AWS_ACCESS_KEY_ID",
        "imagePullSecrets",
        "driver.licensingConfig.secretName",
        "existingSecretPasswordKey",
        "secretKeyRef.key",
        "tokenSecretRef.name",
        "maxTokens",
        "token.ttl",
        "tokenizer",
        "PWD",
        "OLDPWD",
        "publicKey",
        "rd.luks.key",
    ],
)
def test_a_name_is_another_things(name: str) -> None:
    assert not names_credential(name)


@pytest.mark.parametrize(
    "value", ["", "true", "No", "none", "<nil>", "7", "***", "$(TOKEN)", "${TOKEN}", "$TOKEN"]
)
def test_a_flag_a_count_or_a_reference_is_no_secret(value: str) -> None:
    assert is_harmless(value)


@pytest.mark.parametrize(
    "value", ["1234", "$ecret", "${TOKEN:-hunter22}", "truest", "$TOKENx", '{{ default "x" .a }}']
)
def test_what_only_begins_like_one_may_be_a_secret(value: str) -> None:
    assert not is_harmless(value)


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
        ('{"password": "a \\" b", "x": 1}', '{"password": "<a \\" b>", "x": 1}'),
        (r'"{\"password\": \"a b\"}"', r'"{\"password\": \"<a b>\"}"'),
        ("-H X-Api-Key:abcd", "-H X-Api-Key:<abcd>"),
        ("Authorization: Bearer abcd", "Authorization: Bearer <abcd>"),
        ("-H 'Authorization: Basic abcd'", "-H 'Authorization: Basic <abcd>'"),
        ("org/token:v1.2 secret:latest", "org/token:v1.2 secret:latest"),
        ("token=$(cat /run/token) x", "token=$(cat /run/token) x"),
        ("secret: {enabled: true}", "secret: {enabled: true}"),
        ('x={"token":{"password":"a b"}}', 'x={"token":{"password":"<a b>"}}'),
        ("password={a} x", "password=<{a>} x"),
        ("a:\n  token: b c # d\n  x: 1", "a:\n  token: <b c> # d\n  x: 1"),
        ("a:\n  token: b\n    c\n  x: 1", "a:\n  token: <b\n    c>\n  x: 1"),
        ("token: |\n  b\n\n  c\nx: 1", "token: |\n<  b\n\n  c>\nx: 1"),
        ("- token: 'b c'\n- x", "- token: '<b c>'\n- x"),
        ("https://user:a@b@host/x", "https://user:<a@b>@host/x"),
        ("https://:a@host", "https://:<a>@host"),
        ("https://user:a/b@host", "https://user:<a/b>@host"),
        ("http://u:a@b,http://u:c@d", "http://u:<a>@b,http://u:<c>@d"),
        ("https://user@host:1/x@y", "https://user@host:1/x@y"),
        ("https://host:8443/x@sha256:a", "https://host:8443/x@sha256:a"),
        ("https://[::1]:1/a@b", "https://[::1]:1/a@b"),
        ("netroot=iscsi:u:abcd@host::::iqn", "netroot=iscsi:u:<abcd>@host::::iqn"),
        ("x?se=1&sig=abcdefghijklmnop%3D&x", "x?se=1&sig=<abcdefghijklmnop%3D>&x"),
        ("Bearer abcdefghijkl x", "Bearer <abcdefghijkl> x"),
        ("Basic dXNlcjpwYXNz authentication", "Basic dXNlcjpwYXNz authentication"),
        ("Basic dXNlcjpwYXM= x", "Basic <dXNlcjpwYXM=> x"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN CERTIFICATE-----\nMIIB"),
        ("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"),
    ],
)
def test_only_the_secret_is_replaced(text: str, expected: str) -> None:
    assert replace_credentials(text, mark) == expected


@pytest.mark.parametrize("name", SHAPED)
def test_a_secret_is_known_by_its_shape(name: str) -> None:
    for secret in make_corpus(4, {name: SHAPED[name]}, 20):
        assert secret not in replace_credentials(secret, lambda _: "")
        assert secret not in replace_credentials(f"x {secret}\ny", lambda _: "")


def test_each_shape_is_tested() -> None:
    assert set(SHAPES) == ({*SHAPED, *INTRODUCED} - {"private key", "service account"})


def test_a_key_that_is_cut_off_is_replaced_to_the_end() -> None:
    kind = "PRIVATE" + " KEY"
    text = f"a\n-----BEGIN EC {kind}-----\nMHcCAQ\nb"
    assert replace_credentials(text, mark) == f"a\n<-----BEGIN EC {kind}-----\nMHcCAQ\nb>"


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
    if secrets:
        assert may_hold_credential(text)


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
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (HOSTILE_LENGTH // len(piece))
    before = time.process_time()
    replace_credentials(text, mark)
    names_credential(text)
    is_harmless(text)
    assert time.process_time() - before < HOSTILE_CPU_S
