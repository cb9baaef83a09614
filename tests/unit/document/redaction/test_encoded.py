from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest

from kubectl_snapshot.document.redaction.detector import MAX_DEPTH, replace_credentials
from kubectl_snapshot.document.redaction.encoded import decode


def encode(text: str) -> str:
    return b64encode(text.encode()).decode()


def mark(_: str) -> str:
    return "<>"


@pytest.mark.parametrize(
    "text",
    [
        '{"auths":{"r":{"auth":"cm9ib3Q6VHIwdWI0ZG9y"}}}',
        "[default]\naws_secret_access_key = Tr0ub4dor\n",
        "export DB_PASSWORD=hunter22\n# é\n",
        "robot-account:Tr0ub4dor-7x",
    ],
)
def test_base64_of_a_credential_is_replaced_as_a_whole(text: str) -> None:
    assert replace_credentials(f"x {encode(text)} y", mark) == "x <> y"
    unpadded = urlsafe_b64encode(text.encode()).decode().rstrip("=")
    assert replace_credentials(f"x {unpadded} y", mark) == "x <> y"


@pytest.mark.parametrize(
    "text",
    ["echo hello world, and more of it\n", "a-name:of-plain-words-only", "a:b:Tr0ub4dor-7x y"],
)
def test_base64_of_other_text_stays(text: str) -> None:
    assert replace_credentials(f"x {encode(text)} y", mark) == f"x {encode(text)} y"


def test_base64_is_decoded_a_few_times() -> None:
    text = "export DB_PASSWORD=hunter22\n"
    for _ in range(MAX_DEPTH):
        text = encode(text)
    assert replace_credentials(text, mark) == "<>"
    assert replace_credentials(encode(text), mark) != "<>"


def test_what_is_no_text_is_not_decoded() -> None:
    assert decode(encode("a text")) == "a text"
    assert decode(b64encode(bytes(range(60))).decode()) == ""
    assert decode(b64encode(b"a" * 48 + b"\xff\xfe").decode()) == ""
    assert decode("abcde") == ""
    # The cut after 64 characters splits the last character.
    assert decode(encode("a" * 47 + "é" * 9)) == "a" * 47 + "é" * 9
