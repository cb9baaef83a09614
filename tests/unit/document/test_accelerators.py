from __future__ import annotations

import re

import pytest

from kubectl_snapshot.document.accelerators import (
    DEVICE_IDS,
    TOKENS,
    WITH_RECIPES,
    find_token,
    parse_product,
)


@pytest.mark.parametrize(
    ("device_id", "token"),
    [
        ("2330", "h100"),
        ("233D", "h100"),
        ("2335", "h200"),
        ("2941", "gb200"),
        ("31c3", "gb300"),
        ("2bb5", "rtx-pro-6000"),
        ("15f7", "p100"),
        ("26b5", "l40"),
        ("26b9", "l40s"),
        ("25b6", ""),  # the A2, and the A16
        ("1234", ""),
        ("", ""),
    ],
)
def test_a_device_id_has_the_token_of_its_model_or_none(device_id: str, token: str) -> None:
    assert find_token(device_id) == token


def test_every_id_has_four_digits_and_one_token() -> None:
    ids = re.findall(r"\b[0-9a-f]{4}\b", DEVICE_IDS)
    assert len(ids) - len(TOKENS) == len(("a100", "a800", "b100", "b200", "b300", "6000"))
    assert all(len(bytes.fromhex(device_id)) == 2 for device_id in TOKENS)
    assert set(TOKENS.values()) >= WITH_RECIPES


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", "h100"),
        ("NVIDIA-L40S", "l40s"),
        ("NVIDIA L40", "l40"),
        ("NVIDIA GB200", "gb200"),
        ("NVIDIA GH200 144G HBM3e", "gh200"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"),
        ("NVIDIA RTX 6000 Ada Generation", ""),
        ("NVIDIA RTX A1000", ""),
        ("Tesla T4", "t4"),
        ("h100", "h100"),
        ("", ""),
    ],
)
def test_a_product_name_has_the_token_that_is_a_word_of_it(name: str, token: str) -> None:
    assert parse_product(name) == token
