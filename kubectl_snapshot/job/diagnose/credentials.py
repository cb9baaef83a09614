"""Credentials that were rejected while the run lasted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Unauthorized

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError


def diagnose_expired_login(error: SnapshotError) -> SnapshotError:
    """Return that credentials which were good when the run began are refused now."""
    return Unauthorized(
        "the login expired, or was revoked, while the capture ran",
        error.why,
        "log in again, check with `kubectl auth whoami`, and run it again",
        status=error.status,
    )
