from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.commands.flags.durations import parse_duration
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import PROPERTY


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("300ms", 0.3),
        ("5m", 300.0),
        ("0", 0.0),
        ("+0", 0.0),
        ("0s", 0.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("+5s", 5.0),
        ("1h1m1s1ms", 3661.001),
        ("2us", 2e-6),
        ("2µs", 2e-6),
        ("2μs", 2e-6),
        ("5ns", 5e-9),
        ("2562047h", 2562047 * 3600.0),
    ],
)
def test_a_go_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "5",
            "90",
            "-5s",
            "-0",
            "abc",
            "s",
            ".s",
            ".",
            "+",
            "1h ",
            " 1h",
            "1h 2m",
            "1H",
            "1d",
        ),
        *(
            "1,5s",
            "1e3s",
            "1_0s",
            "0x1s",
            "1..5s",
            "1m30",
            "2562048h",
            "9" * 400 + "s",
            "١s",
            "1s\n",
        ),
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidRequest, match='invalid duration "'):
        parse_duration(text)


@PROPERTY
@given(st.text("0123456789.+-hmsnuµ ", max_size=10) | st.text())
def test_any_text_is_a_duration_or_an_invalid_request(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except InvalidRequest:
        return
    assert 0 <= seconds < 300 * 366 * 86400


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5", "5s or 5m"),
        ("5min", "5m"),
        ("90 Seconds", "90s"),
        ("2hrs", "2h"),
        ("1d", "24h"),
        ("2weeks", "336h"),
    ],
)
def test_another_unit_is_reported_in_gos_units(text: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_duration(text)
    assert caught.value.hint.startswith(f"did you mean {meant}? ")


@pytest.mark.parametrize("text", ["5x", "-5", "", "1.5d", "9999999"])
def test_other_texts_are_reported_the_forms_only(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_duration(text)
    assert caught.value.hint == "use a form such as 90s, 5m or 1h30m"
