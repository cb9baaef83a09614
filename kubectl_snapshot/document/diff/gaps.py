"""Why values of a subtype are missing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.diff.change import LETTERS
from kubectl_snapshot.document.redaction.values import LEFT_OUT, PREFIX
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, PARTIAL

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Subtype


def is_unread(subtype: Subtype) -> bool:
    """Return whether a subtype could not be read at all, or only as far as its data goes."""
    is_gap = subtype.status in GAP_STATUSES and subtype.status != PARTIAL
    return is_gap or subtype.is_left_out


def may_be_unread(key: str, subtype: Subtype) -> bool:
    """Return whether a key may be missing because it was not read, or was redacted."""
    is_unread = subtype.status in GAP_STATUSES or subtype.is_left_out
    return is_unread or LEFT_OUT in subtype.context or PREFIX in key


def explain_both(old: Subtype, new: Subtype) -> str:
    """Return the reason a subtype is missing, as `B: forbidden: <reason>`."""
    reasons = [explain(old), explain(new)]
    if reasons[0] == reasons[1] != "":
        return f"{' and '.join(LETTERS)}: {reasons[0]}"
    return "; ".join(f"{letter}: {reason}" for letter, reason in zip(LETTERS, reasons) if reason)


def explain(subtype: Subtype) -> str:
    """Return status and reason of a subtype, empty if it was read."""
    if LEFT_OUT in subtype.context:
        return "left out by --redact"
    reason = subtype.context.get("reason", "")
    if subtype.is_left_out:
        return f"not collected: {reason}"
    if subtype.status not in (*GAP_STATUSES, ABSENT):
        return ""
    return f"{subtype.status}: {reason}" if reason else subtype.status
