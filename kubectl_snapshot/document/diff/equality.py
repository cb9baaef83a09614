"""Whether two values say the same, differ, or cannot be compared. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.ignored import anonymous_text, steady_text
from kubectl_snapshot.document.patterns import matches_parts
from kubectl_snapshot.document.redaction.values import MARK, REDACTION_KEY, TOKEN_PATTERN
from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar

SAME, DIFFERENT, HIDDEN = "same", "different", "hidden"


class Footing(NamedTuple):
    """What two documents have in common.

    `nodes` are the names of two nodes, None for documents of one node. `is_one_key` is whether
    equal secrets are equal tokens in both. With `is_exact`, what changes by itself counts, too.
    """

    nodes: tuple[str, str] | None
    is_one_key: bool
    is_exact: bool = False


def find_footing(
    before: Mapping[str, str], after: Mapping[str, str], is_exact: bool = False
) -> Footing:
    """Return what the metadata of two documents tells; without a name, it is the same node."""
    nodes = before.get("source-node", ""), after.get("source-node", "")
    keys = before.get(REDACTION_KEY, ""), after.get(REDACTION_KEY, "")
    is_one_node = nodes[0] == nodes[1] or not all(nodes)
    return Footing(None if is_one_node else nodes, keys[0] == keys[1] != "", is_exact)


def compare_values(path: str, before: Scalar, after: Scalar, footing: Footing) -> str:
    """Return SAME, DIFFERENT, or HIDDEN where redaction hides which of both it is.

    What reads the same is the same: 1 and "1", which codecs and older tools write for each other.
    """
    old, new = text_of(before), text_of(after)
    if old == new or _are_equal_numbers(before, after):
        return SAME
    if not footing.is_exact:
        old, new = steady_text(path, old), steady_text(path, new)
    if footing.nodes is not None and not footing.is_exact:
        old = anonymous_text(path, old, footing.nodes[0])
        new = anonymous_text(path, new, footing.nodes[1])
    if old == new:
        return SAME
    return _compare_redacted(old, new, footing.is_one_key)


def _are_equal_numbers(before: Scalar, after: Scalar) -> bool:
    """Return whether both are the same number, as 1000000 and 1e+06 are."""
    are_numbers = not any(isinstance(value, (str, bool)) for value in (before, after))
    return are_numbers and before == after


def _compare_redacted(before: str, after: str, is_one_key: bool) -> str:
    if MARK not in before + after:
        return DIFFERENT
    old, new = re.split(TOKEN_PATTERN, before), re.split(TOKEN_PATTERN, after)
    if old == new:
        return DIFFERENT if is_one_key else HIDDEN
    # A secret that only one of them hides may be the other's.
    is_hidden = (len(old) > 1 and matches_parts(after, old)) or (
        len(new) > 1 and matches_parts(before, new)
    )
    return HIDDEN if is_hidden else DIFFERENT
