from __future__ import annotations

import pytest

from kubectl_snapshot.document.redaction.nested import redact_value
from kubectl_snapshot.document.scalars import NestedText, to_reading


def mark(secret: str) -> str:
    # As a token does, it stays what it is.
    return secret if secret.startswith("«") else f"«{secret}»"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["--token", "a b", "c"], "[--token «a b» c]"),
        (["--token=a b", "--fast"], "[--token=«a b» --fast]"),
        (["--token=a b", "fast"], "[--token=«a b» fast]"),
        (["--token", "--fast"], "[--token --fast]"),
        (["--token", "-9x+", "-x"], "[--token «-9x+» -x]"),
        (["--token-file", "/x", "y"], "[--token-file /x y]"),
        (["A_TOKEN=a b=c", "B=c"], "[A_TOKEN=«a b=c» B=c]"),
        (['C={"password": "a b"}'], '[C={"password": "«a b»"}]'),
        (["sh", ["-c", "x --token=a; y"]], "[sh [-c x --token=«a»; y]]"),
        ([{"password": "a b", "x": 1}], "[map[password:«a b» x:1]]"),
        (["a", 1, True, None], "[a 1 true <nil>]"),
        ([{"name": "A_TOKEN", "value": "ab", "x": "c"}], "[map[name:A_TOKEN value:«ab» x:c]]"),
        ([{"Key": "A_TOKEN", "Value": "ab"}], "[map[Key:A_TOKEN Value:«ab»]]"),
        ([{"https://u:ab@h": 1}], "[map[https://u:«ab»@h:1]]"),
        ([{"passwords": ["ab", ["c"], 7]}], "[map[passwords:[«ab» [«c»] «7»]]]"),
    ],
)
def test_the_elements_of_a_list_are_reported_apart(items: list[object], expected: str) -> None:
    value = to_reading("", items)[1]
    assert isinstance(value, NestedText)
    hidden = redact_value(value, "", mark)
    assert hidden == expected
    assert type(hidden) is str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":{"password":"x y"},"b":1}', '{"a":{"password":"«x y»"},"b":1}'),
        ('{"password":{"value":"x"}}', '{"password":{"value":"«x»"}}'),
        ('{"password":12345}', '{"password":"«12345»"}'),
        ('[{"name":"A_TOKEN","value":"x"}]', '[{"name":"A_TOKEN","value":"«x»"}]'),
        ('["--token","x"]', '["--token","«x»"]'),
        ('{"secret":{"enabled":true,"list":[]}}', '{"secret":{"enabled":true,"list":[]}}'),
        ('x {"secret":{"enabled":true}} y', 'x {"secret":{"enabled":true}} y'),
        ('{"password":"x"', '{"password":"«x»"'),
    ],
)
def test_json_in_a_text_is_understood(text: str, expected: str) -> None:
    assert redact_value(text, "", mark) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  password: x y # z\n", "a:\n  password: «x y» # z\n"),
        ("password:\n  value: x y\n", "password:\n  value: «x y»\n"),
        ("a:\n  token: |\n    x\n    y\nb: c\n", "a:\n  token: |\n    «x\n    y»\nb: c\n"),
        ('a:\n  token: "x\\ty"\n', 'a:\n  token: "«x\ty»"\n'),
        (
            "env:\n- name: A_TOKEN\n  value: x y\nb: c\n",
            "env:\n- name: A_TOKEN\n  value: «x y»\nb: c\n",
        ),
        ("args:\n- --token\n- x y\n", "args:\n- --token\n- «x y»\n"),
        ("a: {password: x, b: c}\nd: e\n", "a: {password: «x», b: c}\nd: e\n"),
        ("password: x\npassword: y\n", "password: «x»\npassword: «y»\n"),
        ("a: &p x\npassword: *p\n", "a: &p x\npassword: «*p»\n"),
        ("a: {{ b }}\npassword: x y\n", "a: {{ b }}\npassword: «x y»\n"),
        ("a:\n\tb: [\npassword: |\n  x\n", "a:\n\tb: [\npassword: |\n  «x»\n"),
    ],
)
def test_yaml_in_a_text_is_understood_as_far_as_it_is_yaml(text: str, expected: str) -> None:
    assert redact_value(text, "", mark) == expected


@pytest.mark.parametrize("value", [12345, 1.5, "12345"])
def test_a_reading_with_a_credentials_name_is_hidden_whatever_it_is(value: object) -> None:
    hidden = redact_value(value, "password", mark)  # type: ignore[arg-type]
    assert hidden == (f"«{value}»" if value != 1.5 else "«1.5»")


@pytest.mark.parametrize("value", [True, 1, "", "none", "${X}"])
def test_what_is_harmless_keeps_its_type(value: object) -> None:
    assert redact_value(value, "password", mark) is value  # type: ignore[arg-type]


def test_nesting_that_exhausts_the_stack_is_searched_as_text() -> None:
    depth = 100_000
    text = "[" * depth + '"password=hunter22"' + "]" * depth
    assert "hunter22" not in str(redact_value(text, "", lambda _: "x"))
    text = "a:\n" + " [" * depth + "\npassword: hunter22\n"
    assert "hunter22" not in str(redact_value(text, "", lambda _: "x"))


def test_a_file_that_names_its_values_is_searched_by_them_not_as_a_whole() -> None:
    settings = '{"type": "x", "password": "hunter22"}'
    assert redact_value(settings, "credentials", lambda _: "*") == '{"type": "x", "password": "*"}'
    lines = "[default]\n\nregion = eu\npassword = hunter22\n"
    assert redact_value(lines, "credentials", lambda _: "*") == lines.replace("hunter22", "*")


def test_a_list_in_a_text_is_rewritten_only_under_a_name_of_a_credential() -> None:
    text = '["a",  "https://u:hunter22@h"]'
    assert redact_value(text, "args", lambda _: "*") == text.replace("hunter22", "*")
    assert redact_value('["hunter22",  "x1y2z3w4"]', "passwords", lambda _: "*") == '["*","*"]'
