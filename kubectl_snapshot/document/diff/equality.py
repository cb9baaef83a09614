"""Whether two values are equal, differ, or cannot be compared. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.ignored import hide_node_name
from kubectl_snapshot.document.patterns import matches_parts
from kubectl_snapshot.document.redaction.values import PREFIX, REDACTED_VALUE, REDACTION_KEY
from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.diff.ignored import IgnoreRules, SubtypeRules
    from kubectl_snapshot.document.snapshot import Scalar

EQUAL, DIFFERENT, UNDECIDABLE = "equal", "different", "undecidable"


class Comparability(NamedTuple):
    """How the values of two documents can be compared.

    `nodes` are the names of two nodes, None for documents of one node. With `is_one_key`, equal
    secrets have equal redacted values in both. With `is_exact`, nothing is ignored.
    """

    nodes: tuple[str, str] | None
    is_one_key: bool
    ignore: IgnoreRules
    is_exact: bool = False


def find_comparability(
    before: Mapping[str, str], after: Mapping[str, str], ignore: IgnoreRules, is_exact: bool = False
) -> Comparability:
    """Return the comparability by two documents' metadata; without a name, it is the same node."""
    nodes = before.get("source-node", ""), after.get("source-node", "")
    keys = before.get(REDACTION_KEY, ""), after.get(REDACTION_KEY, "")
    is_one_node = nodes[0] == nodes[1] or not all(nodes)
    return Comparability(None if is_one_node else nodes, keys[0] == keys[1] != "", ignore, is_exact)


def compare_values(
    key: str, before: Scalar, after: Scalar, comparability: Comparability, rules: SubtypeRules
) -> str:
    """Return EQUAL, DIFFERENT, or UNDECIDABLE where a redacted value hides the answer.

    Values with the same text are equal: 1 and "1", which codecs and older tools write for each
    other.
    """
    if isinstance(before, str) and isinstance(after, str):
        old, new = before, after
    elif type(before) is int and type(after) is int and rules.is_exact:
        return EQUAL if before == after else DIFFERENT
    else:
        old, new = text_of(before), text_of(after)
        if _are_equal_numbers(before, after):
            return EQUAL
    if old == new:
        return EQUAL
    nodes = comparability.nodes
    if not (rules.is_exact or comparability.is_exact):
        path = rules.prefix + key
        if rules.normalizers:
            old, new = rules.normalize(path, old), rules.normalize(path, new)
        if nodes is not None and rules.names_node(path):
            old, new = hide_node_name(old, nodes[0]), hide_node_name(new, nodes[1])
        if old == new:
            return EQUAL
    if PREFIX not in old and PREFIX not in new:
        return DIFFERENT
    return _compare_redacted(old, new, comparability.is_one_key)


def _are_equal_numbers(before: Scalar, after: Scalar) -> bool:
    """Return whether both are the same number, as 1000000 and 1e+06 are."""
    if isinstance(before, (str, bool)) or isinstance(after, (str, bool)):
        return False
    return before == after


def _compare_redacted(before: str, after: str, is_one_key: bool) -> str:
    old, new = re.split(REDACTED_VALUE, before), re.split(REDACTED_VALUE, after)
    if old == new:
        return DIFFERENT if is_one_key else UNDECIDABLE
    # A secret that is redacted in one document only may be in the other as plain text.
    may_be_equal = (len(old) > 1 and matches_parts(after, old)) or (
        len(new) > 1 and matches_parts(before, new)
    )
    return UNDECIDABLE if may_be_equal else DIFFERENT
