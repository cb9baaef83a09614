"""Each name of a credential is found in every form that a text may give it, and as a key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.redaction import names
from kubectl_snapshot.document.redaction.detector import replace_credentials
from kubectl_snapshot.document.redaction.hints import find_keys
from kubectl_snapshot.document.redaction.names import NONE, judge_name
from tests.unit.document.redaction.test_names import LEVELS
from tests.unit.document.strategies import PROPERTY

VALUE = "Xq7vT2mZk9Lw4RbN8cYp5HsJ"
FORMS = [
    *("{n}={v}", "{n}: {v}", "x: 1\n{n}: {v}\ny: 2", "{n} = {v}", '{n} = "{v}"', "export {n}={v}"),
    *('{{"{n}": "{v}"}}', '{{"{n}":"{v}","x":1}}', '{{\\"{n}\\": \\"{v}\\"}}', "{n}: '{v}'"),
    *("--{n} {v}", "--{n}={v}", "-{n} {v}", '["--{n}","{v}"]', "[a]\n{n}={v}\nb=c"),
    *("- {n}: {v}", "  {n}:\n    {v}\n", "  {n}:\n  - {v}\n", "{n}: [{v}]", "'{n}': '{v}'"),
    *("?{n}={v}&a=b", "<{n}>{v}</{n}>", "name: {n}\nvalue: {v}", "{{name: {n}, value: {v}}}"),
]
# Of the keys that only we write: `a#2` is the second `a` of a list.
NAMES = [
    name
    for level, listed in LEVELS.items()
    for name in listed.split()
    if level != NONE and "#" not in name and not name.startswith("stringData.")
]
ANY_NAME = "|".join(
    (
        names._PASSWORDS,
        names._TOKENS,
        names._SECRETS,
        names._CREDENTIALS,
        names._KEYS,
        names._OTHERS,
    )
)


def hide(text: str) -> str:
    return replace_credentials(text, lambda _: "")


def write_forms(name: str) -> list[str]:
    """Return a value of this name in every form that suits it, in a short and in a long text."""
    bare = name.lstrip("-.")
    texts = [form.format(n=bare, v=VALUE) for form in FORMS]
    return [before + text for text in texts for before in ("", "x: y\n" * 80)]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_known_as_a_key_is_known_in_texts(name: str) -> None:
    for variant in (name, name.upper(), f"x_{name.lstrip('-.')}", f"{name}2"):
        if judge_name(variant) != NONE:
            assert [text for text in write_forms(variant) if VALUE in hide(text)] == []
            assert find_keys([variant])[0] == {0}


@PROPERTY
@given(st.from_regex(rf"(?a:{ANY_NAME})", fullmatch=True), st.sampled_from(FORMS))
def test_every_name_of_the_lists_is_known_in_texts(name: str, form: str) -> None:
    if judge_name(name) != NONE and not name[0].isdigit():  # no flag begins with one
        assert VALUE not in hide(form.format(n=name, v=VALUE))


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_is_known_in_texts_is_known_as_a_key(form: str) -> None:
    for name in ("greeting", "tokenFile", "publicKey", "passphraseless"):
        assert (VALUE in hide(form.format(n=name, v=VALUE))) == (judge_name(name) == NONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"stringData:\n  a: {VALUE}\n  b: plain\n  c: '{VALUE}'\nd: {VALUE}", "a c"),
        (f"secrets:\n  a: {VALUE}\nd: {VALUE}", "a"),
        (f"  tokens:\n    a: {VALUE}\n  d: {VALUE}", "a"),
        (f'{{"kind":"Secret","stringData":{{"a":"{VALUE}","b": "{VALUE}"}},"d":"{VALUE}"}}', "a b"),
        (f"tokens: {{x}}\na: {VALUE}", ""),
        (f"labels:\n  a: {VALUE}", ""),
    ],
)
def test_entries_of_a_map_of_credentials_may_have_any_name(text: str, expected: str) -> None:
    text = f"kind: Secret\n{text}"
    marked = replace_credentials(text, lambda _: "<>")
    hidden = re.findall(r"(\w)\"?: ?[\"']?<>", marked)
    assert hidden == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: A_TOKEN\npassword: hunter22\nvalue: abcd", "name: A_TOKEN\npassword: \nvalue: "),
        (
            "passwords:\n  - abcd\n  token: bcde\n  value: cdef",
            "passwords:\n  - \n  token: \n  value: ",
        ),
        ("authorization:\n  type: Bearer\n  credentials: abcd", None),
        ("authorization:\n  credentials: abcd\n  type: Bearer", None),
        ('{"type":"basic","credentials":"abcd"}', None),
        ("type: file\ncredentials: abcd", "type: file\ncredentials: abcd"),
    ],
)
def test_what_stands_beside_a_name_is_read_too(text: str, expected: str | None) -> None:
    assert hide(text) == (text.replace("abcd", "") if expected is None else expected)
