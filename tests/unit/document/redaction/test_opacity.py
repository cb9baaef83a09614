from __future__ import annotations

import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.redaction import opacity
from kubectl_snapshot.document.redaction.names import (
    NAMED,
    NONE,
    OBJECT,
    OPAQUE,
    PASSWORD,
    RANDOM,
    TOKEN,
)
from kubectl_snapshot.document.redaction.opacity import is_harmless, is_plain, is_secret


def encode(text: str) -> str:
    return b64encode(text.encode()).decode()


ASCII = st.characters(max_codepoint=127)
PEM = "-----BEGIN CERTIFICATE-----\nMIIBaB3daB3daB3d\n-----END CERTIFICATE-----\n"
PRIVATE = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB a@b"
HARMLESS = [
    *("", "true", "No", "none", "<nil>", "7", "905", "***", "xxxx", "...", " off "),
    *("$(TOKEN)", "${TOKEN}", "$TOKEN", "${env:API_KEY}", "$(cat /run/token)", "$(< /run/t)"),
    *("{{ .Values.x }}", "%d/token", "$__file{/etc/x}", "vault:secret/data/a#B", "$oidc.a.secret"),
    *("<path:kv/app#token>", "<path:a/b#c | base64decode>", "ref+vault://a/b#/c", "op://v/i/f"),
    *("ENC[AES256_GCM,data:qM8=,iv:a1=,tag:x9==,type:str]", "env:NAME", "file:///etc/x"),
    *("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf", "projects/p/secrets/s"),
    *("/etc/secrets/token", "./token", "~/.netrc", "../a/b", "/keyfile:UUID=1234-ab"),
    *("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB a@b", "sha256:0a1b2c3d", "sha512-a+b/c=="),
    *("scram-sha-256", "RSA ECDSA ED25519", "argon2id", "SHA256", "<|endoftext|>", "</s>", "<pad>"),
    *("rootfs:/etc/keys/root.key", "UUID=12-ab:ext4:/k/root.key", "/dev/sda1:ext4:/k", "xxxxxx"),
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    *(PEM, PEM * 3, PEM.replace("\n", "\\n"), PEM[:-4], PEM[:40], encode(PEM), encode(PEM * 3)),
    *(encode(PEM)[:-9], PEM.replace("CERTIFICATE", "RSA PUBLIC KEY"), f"{SSH_KEY}\n{SSH_KEY}"),
    PEM.replace("CERTIFICATE", "NEW CERTIFICATE REQUEST"),
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
    "3F:E3:34:36:2C:6E:2C:1F:43:AE:38:1E:3A:80:AD:E4:5F:F9:3B:86",
]
# Counts, spans of time and kinds: a password may be any of them.
COUNTS = ["7", "905", "6h", "720h", "30s", "500ms", "0x8001", "simple", "JWT", "bearer", "optional"]
SECRET = [
    *(
        "1234",
        "12345h",
        "0x80011",
        "LS0abcd",
        "MIIabcd",
        "xxa",
        "$ecret",
        "${TOKEN:-hunter22}",
        "truest",
        "$TOKENx",
        '{{ default "x" .a }}',
    ),
    *("/9j4AAQSkZJRgABAQ", "vault:x y", "https://u:p@h", "file://u:p@h/x", "hunter22", "xx"),
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB",
    "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo",
    *(PEM + PRIVATE, encode(PEM + PRIVATE), encode(PEM) + "é", f"{PEM}password: hunter22"),
    *(encode(PEM + "password: hunter22"), f"{SSH_KEY}\npassword: hunter22", "MIIB" + "A" * 8),
    "-----BEGIN USER NKEY SEED-----\nSUAC\n------END USER NKEY SEED------",
    "MIIDBTCCAe2gAwIBAgIU password: hunter22",
]


@pytest.mark.parametrize("value", HARMLESS)
def test_a_flag_a_count_a_path_or_a_reference_is_no_secret(value: str) -> None:
    assert is_harmless(value)
    assert not any(is_secret(value, level) for level in (NONE, RANDOM, OPAQUE, NAMED, TOKEN))


@pytest.mark.parametrize("value", COUNTS)
def test_a_count_or_a_kind_is_a_secret_only_as_a_password(value: str) -> None:
    levels = [level for level in range(NONE, PASSWORD + 1) if is_secret(value, level)]
    assert levels == [PASSWORD]


@pytest.mark.parametrize("value", SECRET)
def test_what_only_begins_like_one_may_be_a_secret(value: str) -> None:
    assert not is_harmless(value)
    assert is_secret(value, TOKEN)


@pytest.mark.parametrize(
    ("value", "least"),
    [
        ("2", PASSWORD),
        ("905", PASSWORD),
        ("secret-access-key", TOKEN),
        ("apiKey", TOKEN),
        ("db-credentials", TOKEN),
        ("mtls", NAMED),
        ("hunter22", NAMED),
        ("gpu-17.example.com:6443", NAMED),
        ("https://sso.example.com/oauth2", NAMED),
        ("A100-SXM4-80GB", NAMED),
        ("externalTrafficPolicy", OBJECT),
        ("client-Secret", TOKEN),
        ("clientSecret", TOKEN),
        ("x9-tenant-key-2", TOKEN),
        ("x9-tenant-key-2aa", NAMED),
        ("ks-Secret-77xyz", NAMED),
        ("AWS_SECRET_ACCESS_KEY", TOKEN),
        ("Opaque7", NAMED),
        ("abcDefg", NAMED),
        ("/a/b-c1d2e3f4g5h6", RANDOM),
        ("admin:hunter22", OPAQUE),
        ("Tr0ub4dor", OPAQUE),
        ("s3cr3tPw", OPAQUE),
        ("a+b", NAMED),
        ("Tr0ub4dor Tr0ub4dor", OPAQUE),
        ("91e201e5200babb195dde1def1310dca", RANDOM),
        ("Zm9vYmFyYmF6cXV4MTIzNDU2", RANDOM),
        ("6d3e1f2a-4b5c-4d6e-8f70-112233445566", RANDOM),
    ],
)
def test_the_less_a_name_says_the_more_a_value_must_look_random(value: str, least: int) -> None:
    levels = [level for level in range(NONE, PASSWORD + 1) if is_secret(value, level)]
    assert levels == list(range(least, PASSWORD + 1))


def test_nobody_writes_a_word_of_five_hundred_letters() -> None:
    assert is_plain("ab " * 170)
    assert not is_plain("ab " * 171)


def test_a_zero_or_a_one_is_a_switch_even_of_a_password() -> None:
    assert not is_secret("0", PASSWORD)
    assert not is_secret("1", PASSWORD)


@pytest.mark.parametrize("pattern", opacity._ANY_LEVEL)
@given(data=st.data())
def test_what_a_pattern_matches_begins_as_its_row_says(pattern: str, data: st.DataObject) -> None:
    value = data.draw(st.from_regex(re.compile(pattern, re.S), fullmatch=True, alphabet=ASCII))
    assert not value or opacity._begins_and_matches(value, pattern, opacity._ANY_LEVEL[pattern])


@given(st.from_regex(re.compile(opacity._COUNT), fullmatch=True, alphabet=ASCII))
def test_no_count_is_longer_than_the_longest(value: str) -> None:
    assert len(value) <= opacity._LONGEST_COUNT
