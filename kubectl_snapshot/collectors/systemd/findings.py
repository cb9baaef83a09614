"""What can be wrong with systemd units that a node needs."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import CRITICAL, INFO, WARNING, FindingSpec

SYSTEMD = "https://www.freedesktop.org/software/systemd/man/latest/systemctl.html"
FABRIC = "https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/index.html"
LOG = "see `systemctl status` and `journalctl -u` of the unit"
HAS_FABRIC = "GPU.gpu-*.fabric.state != Not Supported"
# Units with a finding of their own, or without which jobs still run.
FABRIC_MANAGER = "SystemD.*.context.name ~ nvidia-fabricmanager"
PERSISTENCED = "SystemD.*.context.name ~ nvidia-persistenced"

FINDINGS = (
    FindingSpec(
        "fabric-manager-down",
        CRITICAL,
        "SystemD.nvidia-fabricmanager.service.ActiveState != active",
        "the fabric manager is {value}: the NVLink fabric is not managed",
        "see `journalctl -u nvidia-fabricmanager`; its version must be the driver's",
        FABRIC,
        (HAS_FABRIC, "SystemD.nvidia-fabricmanager.service.LoadState == loaded"),
    ),
    FindingSpec(
        "unit-failed",
        CRITICAL,
        "SystemD.*.ActiveState == failed",
        "{on} failed",
        LOG,
        SYSTEMD,
        (f"not {FABRIC_MANAGER}", f"not {PERSISTENCED}"),
    ),
    FindingSpec(
        "persistenced-failed",
        WARNING,
        "SystemD.nvidia-persistenced.service.ActiveState == failed",
        "{on} failed",
        LOG,
        SYSTEMD,
    ),
    FindingSpec(
        "fabric-manager-missing",
        WARNING,
        "SystemD.nvidia-fabricmanager.service.LoadState == not-found",
        "the NVLink fabric is not completed, and no fabric manager is installed",
        "install the fabric manager of the driver's version, or let the GPU operator run it",
        FABRIC,
        (HAS_FABRIC, "GPU.gpu-*.fabric.state != Completed"),
    ),
    FindingSpec(
        "unit-restarting",
        WARNING,
        "SystemD.*.SubState == auto-restart",
        "{on} ends again and again",
        LOG,
        SYSTEMD,
    ),
    FindingSpec(
        "unit-not-reloaded",
        INFO,
        "SystemD.*.NeedDaemonReload == true",
        "the files of {on} were changed after systemd loaded them",
        "systemctl daemon-reload, then restart the unit",
        SYSTEMD,
    ),
)
