"""What can be wrong with a node's PCIe links and disks."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import WARNING, FindingSpec

LINK = "https://docs.kernel.org/PCI/sysfs-pci.html"
AER = "https://docs.kernel.org/PCI/pcieaer-howto.html"
NVME = "https://docs.kernel.org/nvme/index.html"

FINDINGS = (
    FindingSpec(
        "pcie-lanes",
        WARNING,
        "Hardware.pcie.*.missing-lanes > 0",
        "a PCIe link has fewer lanes than both its ends: {value} are missing",
        "reseat the card or riser; see `lspci -vv`, LnkSta",
        LINK,
    ),
    FindingSpec(
        "pcie-errors",
        WARNING,
        "Hardware.pcie-errors.*.fatal > 0 or Hardware.pcie-errors.*.nonfatal > 0",
        "uncorrectable errors on PCIe since boot: {value}",
        "see the kernel log (AER) for the device; reseat or replace it",
        AER,
    ),
    FindingSpec(
        "nvme-not-live",
        WARNING,
        "Hardware.nvme.*.state != live",
        "an NVMe disk does not work: its state is {value}",
        "see the kernel log and `nvme list`; reset or replace the disk",
        NVME,
    ),
)
