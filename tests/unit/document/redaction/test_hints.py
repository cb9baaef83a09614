from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.redaction import names
from kubectl_snapshot.document.redaction.hints import (
    BLOCK,
    COMMAND,
    LOGIN,
    NAME,
    SHORT,
    TOKEN,
    find_keys,
    find_texts,
    find_windows,
)

HINTS = {
    NAME: "Password secret TOKEN cred auth apikey psk bindpw cookie community a%3Db".split(),
    LOGIN: ["a:b@c", "a/b@//c"],
    TOKEN: [
        *(
            "basic",
            "$6$",
            "{SSHA}",
            "aQ~",
            "a1b2c3d4e5f6a7b",
            "AKIAABCDEFGHIJKL",
            "AIzaabcdefghijkl",
        ),
        *("eyJabcdefghijkl", "glpat-aBcDeFgHiJkL", "aBcDeFgHiJkLmNoP", "a" * 41, "abCd-efGh-ijklm"),
    ],
    COMMAND: [" -p", '"-u', " --user", "\n-a", " -storepass"],
    BLOCK: ["-----BEGIN"],
}
PLAIN = [
    *("image: nvcr.io/nvidia/driver", "prometheus-operator", "externalTrafficPolicy", "a-path"),
    *("kube-ClusterIP-service", "replicas: 3", "a1b2c3d4e5f6a7", "a" * 40),
]


@pytest.mark.parametrize(("kind", "hint"), [(k, hint) for k in HINTS for hint in HINTS[k]])
def test_each_kind_of_hint_is_found_in_short_and_long_texts(kind: int, hint: str) -> None:
    assert find_windows(f"x {hint}")[kind] == [(0, len(hint) + 2)]
    long = "plain text\n" * 1000
    ((start, end),) = find_windows(f"{long}x {hint}\n{long}")[kind]
    at = len(long) + 2
    assert start <= at < end
    assert end - start < 1200
    assert find_texts(["plain", f"x {hint}", long]) == {1}


@pytest.mark.parametrize("text", PLAIN)
def test_most_texts_have_no_hint(text: str) -> None:
    assert find_windows(text) == {}
    assert find_texts([text, text]) == set()


def test_windows_are_in_order_and_do_not_overlap() -> None:
    text = "password: a\nplain\n\n\n\ntoken: b, secret: c\n" * 100
    windows = find_windows(text)[NAME]
    assert len(text) > SHORT
    assert all(left[1] < right[0] for left, right in zip(windows, windows[1:]))
    assert [text[slice(*window)].strip() for window in windows[:1]] == ["password: a"]


def test_keys_have_hints_of_formats_only() -> None:
    keys = ["password", "a.tokenFile -p", "u:p@h", "glpat-aBcDeFgHiJkL"]
    assert find_keys(keys) == ({0, 1}, {2, 3})


NAMES = "|".join(
    (
        *(names._PASSWORDS, names._TOKENS, names._SECRETS, names._CREDENTIALS, names._KEYS),
        *(names._OTHERS, "string-?data", "stringData"),
    )
)


@given(st.from_regex(rf"(?a:{NAMES})[0-9]?", fullmatch=True), st.sampled_from(["", "a.", "my_"]))
def test_each_name_of_a_credential_is_a_hint(name: str, before: str) -> None:
    assert find_keys(["x", f"{before}{name}", f"{before}{name.upper()}", "y"])[0] == {1, 2}


@pytest.mark.parametrize("name", "pin dbpin otp totp2 seed SALT kennwort jwt dockercfg".split())
def test_short_names_are_hints_in_texts_only_at_the_end_of_a_word(name: str) -> None:
    assert find_windows(f"x: y\n{name}: z")[NAME] == [(0, len(name) + 8)]
    assert find_texts(["a: b", f"{name}=z", f"{name}"]) == {1, 2}
    assert find_windows("mapping: a, otpx=b, seeds: c, salty: d, jot: e") == {}


@pytest.mark.parametrize("text", ["--auth-required", "user@host", "secret"])
def test_a_name_or_a_login_without_a_sign_is_no_hint(text: str) -> None:
    assert find_windows(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        *("18446744073692774399", "5373528d-547e-4688-8ef3-0045c8f18e01", "VERSION_CODENAME"),
        *("1234-5678_9012-3456",),
    ],
)
def test_numbers_uuids_and_names_of_variables_are_no_tokens(text: str) -> None:
    assert find_windows(text) == {}


def test_a_character_of_several_bytes_moves_no_hint() -> None:
    assert find_texts(["é" * 9, "İ" * 9, "password", "é"]) == {2}


def test_a_window_reaches_the_next_item_though_another_ends_within_its_line() -> None:
    text = "x: y\n" * 60 + "- pass: a\npassword: hunter22\npassword: b\nargs: --token\n\t- abcd\n"
    ((_, end),) = find_windows(text)[NAME]
    assert end >= len(text) - 1
