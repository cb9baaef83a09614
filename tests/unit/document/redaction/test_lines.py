"""Lines of one name and one word are read as the search for everything reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.redaction.detector import find_credentials, replace_credentials
from kubectl_snapshot.document.redaction.hints import NAME, find_places
from kubectl_snapshot.document.redaction.lines import find_in_lines
from tests.unit.document.strategies import PROPERTY

# A text that is long enough for its lines to be read one by one.
FILLER = "x: y\n" * 60

LINES = st.sampled_from(
    [
        *("password: hunter22", "- password: hunter22", '"password": "hunter22",', "key: hunter22"),
        *(
            "  - token: abcd",
            "    secret: a.b",
            "token: ",
            "token:",
            "  more",
            "    deeper text",
            "",
        ),
        *("name: A_TOKEN", "value: abcd", "credentials: abcd", "type: Bearer", "token: |", "\t- a"),
        *("password: a b", "password: 'a b'", "password: --token", "args: --token", "- abcd"),
        *("secrets:", "  foo: Xq7vT2mZk9Lw4RbN8cYp", "'token': abcd", "token: abcd\r", "pin: 1234"),
        *('"pin": 1234', "password: a,", "password: -x", "# password: abcd", "auth: plain", "é: ü"),
        *("password: hunter22  ", "password:\thunter22", "password.value: abcd", "- - token: abcd"),
    ]
)


@PROPERTY
@given(st.lists(LINES, max_size=12).map("\n".join), st.sampled_from([FILLER, FILLER[:-1] + " z"]))
def test_lines_are_read_as_the_search_for_everything_reads_them(text: str, before: str) -> None:
    text = before + text
    by_line: list[str] = []
    by_search: list[tuple[int, int]] = []

    def take(secret: str) -> str:
        by_line.append(secret)
        return "*"

    replace_credentials(text, take)
    covered = 0
    for start, end in sorted(set(find_credentials(text))):
        if start >= covered:
            by_search.append((start, end))
        elif end > covered:
            by_search[-1] = (by_search[-1][0], end)
        covered = max(covered, end)
    expected = [text[start:end] for start, end in by_search if end > start]
    assert [secret.strip() for secret in by_line] == [secret.strip() for secret in expected]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("password: hunter22", ["hunter22"]),
        ("  - password: hunter22 ", ["hunter22"]),
        ('"password": "hunter22",', ["hunter22"]),
        ("auth: plain", []),
        ("image: community", []),
        ("password: hunter22\nx: y", ["hunter22"]),
        ("  password: hunter22\n  x: y", ["hunter22"]),
    ],
)
def test_a_simple_line_needs_no_other_search(line: str, found: list[str]) -> None:
    text = FILLER + line
    spans, rest = find_in_lines(text, find_places(text)[NAME])
    assert [text[slice(*span)] for span in spans] == found
    assert rest == []


@pytest.mark.parametrize(
    "line",
    [
        *(
            "password: hunter22\n  more",
            "- password: hunter22\n   more",
            "password: hunter22\n\n x",
        ),
        *("password: a b", "password: $x", "password=a", "name: A_TOKEN", "credentials: a"),
        *("password: -a", "password: 'a'", "password: a:b", "password:\n  a", "password: a,"),
        *("password: hunter22\n\tx", "x password: hunter22", "password: hunter22 # x"),
    ],
)
def test_other_lines_are_left_to_it(line: str) -> None:
    text = FILLER + line
    spans, rest = find_in_lines(text, find_places(text)[NAME])
    assert spans == []
    assert len(rest) == 1
