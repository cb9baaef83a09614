"""Credentials that were valid at the start of the run and are rejected now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Unauthorized

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError


def diagnose_expired_login(error: SnapshotError) -> SnapshotError:
    """Return that the credentials expired or were revoked during the run."""
    return Unauthorized(
        "the credentials expired or were revoked during the capture",
        error.why,
        "log in again, check with `kubectl auth whoami`, and run it again",
        status=error.status,
    )
