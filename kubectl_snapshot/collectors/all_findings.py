"""All findings, in the order in which those of one severity are listed.

Each is declared beside the collector that reads its facts; these modules import no collector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.driver import findings as driver
from kubectl_snapshot.collectors.gpu import findings as gpu
from kubectl_snapshot.collectors.hardware import findings as hardware
from kubectl_snapshot.collectors.kubernetes import findings as kubernetes
from kubectl_snapshot.collectors.network import findings as network
from kubectl_snapshot.collectors.operating_system import findings as operating_system
from kubectl_snapshot.collectors.systemd import findings as systemd_findings
from kubectl_snapshot.document.findings.find import find_findings
from kubectl_snapshot.document.findings.spec import INFO, FindingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.findings.spec import NodeFindings
    from kubectl_snapshot.document.snapshot import Snapshot

UNREADABLE = FindingSpec(
    "unreadable",
    INFO,
    "gaps() != ok",
    "parts of the snapshot could not be read: {on}",
    "see the reasons; most are a missing permission or privilege",
    "docs/format.md#context",
)

ALL_FINDINGS = (
    *kubernetes.FINDINGS,
    *operating_system.FINDINGS,
    *gpu.FINDINGS,
    *driver.FINDINGS,
    *network.FINDINGS,
    *hardware.FINDINGS,
    *systemd_findings.FINDINGS,
    UNREADABLE,
    operating_system.TAINTED_BY_MODULES,
)


def find_all(snapshot: Snapshot, mutes: Mapping[str, str] | None = None) -> NodeFindings:
    """Return what is wrong with the node of a snapshot; `mutes` are reasons by id."""
    return find_findings(snapshot, ALL_FINDINGS, mutes)
