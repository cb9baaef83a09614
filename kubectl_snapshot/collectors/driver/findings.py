"""What the kernel's log and the settings of drivers say is wrong with a node."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import INFO, WARNING, FindingSpec

XID = "https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html"
FABRIC = "https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/index.html"
AER = "https://docs.kernel.org/PCI/pcieaer-howto.html"
EDAC = "https://docs.kernel.org/driver-api/edac.html"
LOG = "Driver.kernel-log"
# Xids after which NVIDIA's catalog asks to reset the GPU or to restart the machine. The log tells
# of the past: whether the GPU works now is judged by its state.
RESET_XIDS = (46, 48, 62, 64, 79, 95, 110, 119, 120, 136, 140, 143, 155, 156, 158)

FINDINGS = (
    FindingSpec(
        "xid-reset",
        WARNING,
        " or ".join(f"{LOG}.xid.{code}.count > 0" for code in RESET_XIDS),
        "the kernel's log has Xids that ask for a reset of the GPU, as often as: {value}",
        "see `dmesg | grep -i xid`; drain the node and reset the GPU, if nobody has since",
        XID,
    ),
    FindingSpec(
        "sxid-fatal",
        WARNING,
        f"{LOG}.sxid-fatal.count > 0",
        "the kernel's log has fatal errors of NVSwitches: {value}",
        "see `dmesg | grep -i sxid`; drain the node and reset all GPUs and NVSwitches, or reboot",
        FABRIC,
    ),
    FindingSpec(
        "pcie-uncorrected",
        WARNING,
        f"{LOG}.aer.fatal.count > 0 or {LOG}.aer.nonfatal.count > 0",
        "the kernel's log has uncorrected PCIe errors: {value}",
        "see `dmesg | grep AER` for the device; reseat it or its cable",
        AER,
    ),
    FindingSpec(
        "memory-uncorrected",
        WARNING,
        f"{LOG}.edac.uncorrected.count > 0",
        "the kernel's log has uncorrected errors of the node's memory: {value}",
        "see `dmesg | grep EDAC` for the module; replace it",
        EDAC,
    ),
    FindingSpec(
        "task-hung",
        WARNING,
        f"{LOG}.hung-task.count > 0 or {LOG}.lockup.count > 0",
        "the kernel's log has tasks or CPUs that were stuck: {value}",
        "see `dmesg` for the first one and its stack; often a storage or GPU driver",
        "https://docs.kernel.org/admin-guide/lockup-watchdogs.html",
    ),
    FindingSpec(
        "xid",
        INFO,
        f"{LOG}.xid.count > 0",
        "the kernel's log has Xids: {value}",
        "see `dmesg | grep -i xid`; most are errors of a program",
        XID,
        tuple(f"not {LOG}.xid.{code}.count > 0" for code in RESET_XIDS),
    ),
    FindingSpec(
        "node-out-of-memory",
        INFO,
        f"{LOG}.oom.node.count > 0",
        "the node ran out of memory, and the kernel killed processes: {value}",
        "reserve memory for the system: the kubelet's systemReserved and evictionHard",
        "https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/",
    ),
)
