from __future__ import annotations

import time

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.equality import (
    DIFFERENT,
    EQUAL,
    UNDECIDABLE,
    Comparability,
    compare_values,
    find_comparability,
)
from kubectl_snapshot.document.diff.ignored import build_ignore_rules
from kubectl_snapshot.document.redaction.values import redact_text
from kubectl_snapshot.document.snapshot import Scalar

IGNORE = build_ignore_rules(REGISTRY)
ONE_NODE = Comparability(None, False, IGNORE)
TWO_NODES = Comparability(("gpu-1", "gpu-2"), False, IGNORE)
RED, BLUE = (redact_text(text, b"a key of 128 bits") for text in ("red", "blue"))


def compare(path: str, before: Scalar, after: Scalar, comparability: Comparability) -> str:
    subtype, _, key = path.rpartition(".")
    rules = comparability.ignore.below(subtype)
    return compare_values(key, before, after, comparability, rules)


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (1, "1", EQUAL),
        (1, 1.0, EQUAL),
        (1000000, 1e6, EQUAL),
        (True, "true", EQUAL),
        (float("nan"), float("nan"), EQUAL),
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
    assert compare("GPU.smi.x", before, after, ONE_NODE) == outcome
    assert compare("GPU.smi.x", after, before, ONE_NODE) == outcome


@pytest.mark.parametrize(
    ("before", "after", "is_one_key", "outcome"),
    [
        (RED, RED, False, EQUAL),
        (RED, BLUE, True, DIFFERENT),
        (RED, BLUE, False, UNDECIDABLE),
        (f"https://u:{RED}@a", f"https://u:{BLUE}@a", False, UNDECIDABLE),
        (f"https://u:{RED}@a", f"https://u:{BLUE}@b", False, DIFFERENT),
        (f"https://u:{RED}@a", "https://u:secret@a", True, UNDECIDABLE),
        ("https://u:secret@a", f"https://u:{RED}@a", True, UNDECIDABLE),
        (f"https://u:{RED}@a", "https://u:secret@b", True, DIFFERENT),
        (RED, "", False, UNDECIDABLE),
    ],
)
def test_what_redaction_hides_is_not_said_to_differ(
    before: str, after: str, is_one_key: bool, outcome: str
) -> None:
    comparability = Comparability(None, is_one_key, IGNORE)
    assert compare("SystemD.a.service.Environment", before, after, comparability) == outcome


def test_a_value_of_many_tokens_takes_no_longer_than_its_length() -> None:
    started = time.monotonic()
    text = f"{RED} " * 20_000
    assert compare("OS.grub.a", text, "x" * 400_000, ONE_NODE) == DIFFERENT
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
    found = find_comparability(before, after, IGNORE)
    assert found == Comparability(nodes, is_one_key, IGNORE)


def test_a_nodes_own_name_is_no_difference_where_settings_hold_it() -> None:
    path = "SystemD.kubelet.service.Environment"
    assert compare(path, "[NAME=gpu-1]", "[NAME=gpu-2]", TWO_NODES) == EQUAL
    assert compare(path, "[NAME=gpu-1]", "[NAME=gpu-2]", ONE_NODE) == DIFFERENT
    # A name that was copied from another node is what one looks for.
    assert compare(path, "[NAME=gpu-1]", "[NAME=gpu-1]", ONE_NODE) == EQUAL
    assert compare(path, "[NAME=gpu-1 x]", "[NAME=gpu-1]", TWO_NODES) == DIFFERENT
    assert compare("OS.release.ID", "gpu-1", "gpu-2", TWO_NODES) == DIFFERENT
