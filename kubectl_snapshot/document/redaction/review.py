"""What to look at before a snapshot is shared: its redacted values, and what mentions a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.paths import list_readings
from kubectl_snapshot.document.redaction.values import DISABLED, PREFIX
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

# Broader than what redaction recognises: a person decides.
MENTION = compile_late(r"(?i)passw|passphrase|secret|token|credential|api.?key|private.?key|\bauth")


class Review(NamedTuple):
    """Values by path: `redacted` have a redacted value, `mentions` a secret's name and none."""

    is_redacted: bool
    redacted: dict[str, Scalar]
    mentions: dict[str, Scalar]


def review(snapshot: Snapshot) -> Review:
    """Return a snapshot's redacted values and what a person should read; contexts included."""
    redacted: dict[str, Scalar] = {}
    mentions: dict[str, Scalar] = {}
    for path, value in _list_values(snapshot):
        text = f"{path}={text_of(value)}"
        if PREFIX in text:
            redacted[path] = value
        elif isinstance(value, str) and MENTION.search(text):
            mentions[path] = value
    return Review(snapshot.metadata.get("redaction") != DISABLED, redacted, mentions)


def _list_values(snapshot: Snapshot) -> Iterator[tuple[str, Scalar]]:
    yield from list_readings(snapshot).items()
    for measurement in snapshot.measurements:
        for subtype in measurement.subtypes:
            for key, text in subtype.context.items():
                yield f"{measurement.type}.{subtype.name}.context.{key}", text
