from __future__ import annotations

import time

import pytest

from kubectl_snapshot.document.diff.equality import (
    DIFFERENT,
    HIDDEN,
    SAME,
    Footing,
    compare_values,
    find_footing,
)
from kubectl_snapshot.document.redaction.values import new_token
from kubectl_snapshot.document.snapshot import Scalar

ONE_NODE = Footing(None, False)
TWO_NODES = Footing(("gpu-1", "gpu-2"), False)
RED, BLUE = (new_token(text, b"a key of 128 bits") for text in ("red", "blue"))


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (1, "1", SAME),
        (1, 1.0, SAME),
        (1000000, 1e6, SAME),
        (True, "true", SAME),
        (float("nan"), float("nan"), SAME),
        (True, 1, DIFFERENT),
        ("1.1", "1.10", DIFFERENT),
        ("a", "A", DIFFERENT),
        ("", "0", DIFFERENT),
        (False, "", DIFFERENT),
    ],
)
def test_values_are_the_same_if_they_read_the_same(
    before: Scalar, after: Scalar, outcome: str
) -> None:
    assert compare_values("GPU.smi.x", before, after, ONE_NODE) == outcome
    assert compare_values("GPU.smi.x", after, before, ONE_NODE) == outcome


@pytest.mark.parametrize(
    ("before", "after", "is_one_key", "outcome"),
    [
        (RED, RED, False, SAME),
        (RED, BLUE, True, DIFFERENT),
        (RED, BLUE, False, HIDDEN),
        (f"https://u:{RED}@a", f"https://u:{BLUE}@a", False, HIDDEN),
        (f"https://u:{RED}@a", f"https://u:{BLUE}@b", False, DIFFERENT),
        (f"https://u:{RED}@a", "https://u:secret@a", True, HIDDEN),
        ("https://u:secret@a", f"https://u:{RED}@a", True, HIDDEN),
        (f"https://u:{RED}@a", "https://u:secret@b", True, DIFFERENT),
        (RED, "", False, HIDDEN),
    ],
)
def test_what_redaction_hides_is_not_said_to_differ(
    before: str, after: str, is_one_key: bool, outcome: str
) -> None:
    footing = Footing(None, is_one_key)
    assert compare_values("SystemD.a.service.Environment", before, after, footing) == outcome


def test_a_value_of_many_tokens_takes_no_longer_than_its_length() -> None:
    started = time.monotonic()
    text = f"{RED} " * 20_000
    assert compare_values("OS.grub.a", text, "x" * 400_000, ONE_NODE) == DIFFERENT
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("before", "after", "nodes", "is_one_key"),
    [
        ({"source-node": "a"}, {"source-node": "a"}, None, False),
        ({"source-node": "a"}, {"source-node": "b"}, ("a", "b"), False),
        ({}, {"source-node": "b"}, None, False),
        ({"redaction-key": "1"}, {"redaction-key": "1"}, None, True),
        ({"redaction-key": "1"}, {"redaction-key": "2"}, None, False),
        ({"redaction-key": "1"}, {}, None, False),
    ],
)
def test_the_metadata_tell_whether_it_is_one_node_and_one_key(
    before: dict[str, str],
    after: dict[str, str],
    nodes: tuple[str, str] | None,
    is_one_key: bool,
) -> None:
    assert find_footing(before, after) == Footing(nodes, is_one_key)


def test_a_nodes_own_name_is_no_difference_where_settings_hold_it() -> None:
    path = "SystemD.kubelet.service.Environment"
    assert compare_values(path, "[NAME=gpu-1]", "[NAME=gpu-2]", TWO_NODES) == SAME
    assert compare_values(path, "[NAME=gpu-1]", "[NAME=gpu-2]", ONE_NODE) == DIFFERENT
    # A name that was copied from another node is what one looks for.
    assert compare_values(path, "[NAME=gpu-1]", "[NAME=gpu-1]", ONE_NODE) == SAME
    assert compare_values(path, "[NAME=gpu-1 x]", "[NAME=gpu-1]", TWO_NODES) == DIFFERENT
    assert compare_values("OS.release.ID", "gpu-1", "gpu-2", TWO_NODES) == DIFFERENT
