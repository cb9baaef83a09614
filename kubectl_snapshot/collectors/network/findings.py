"""What can be wrong with a node's network cards."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import INFO, WARNING, FindingSpec

BONDING = "https://docs.kernel.org/networking/bonding.html"
PORTS = "https://docs.kernel.org/infiniband/sysfs.html"
LINK = "https://docs.kernel.org/PCI/sysfs-pci.html"

FINDINGS = (
    FindingSpec(
        "bond-member-down",
        WARNING,
        "Network.interface-*.operstate == down",
        "{on} is part of a bond and is down",
        "check cable, transceiver and switch port; see `ethtool` and /proc/net/bonding",
        BONDING,
        ("Network.interface-*.master ~ bond",),
    ),
    FindingSpec(
        "rdma-port-down",
        WARNING,
        "Network.rdma-*.port.*.state != ACTIVE",
        "an RDMA port of {on} is not active: {value}",
        "check cable and subnet manager; see `ibstat` and `rdma link`",
        PORTS,
        ("not Network.rdma-*.port.*.phys-state == Disabled",),
    ),
    FindingSpec(
        "nic-pcie-width",
        INFO,
        "Network.interface-*.pcie.current-width < Network.interface-*.pcie.max-width",
        "the PCIe link of {on} has {value} of {other} lanes",
        "reseat the card; some slots have no more lanes",
        LINK,
    ),
)
