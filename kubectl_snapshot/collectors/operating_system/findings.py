"""What can be wrong with a node's kernel and modules."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import CRITICAL, INFO, WARNING, FindingSpec

TAINTED = "https://docs.kernel.org/admin-guide/tainted-kernels.html"
SYSCTL = "https://docs.kernel.org/admin-guide/sysctl/kernel.html"
PARAMETERS = "https://docs.kernel.org/admin-guide/kernel-parameters.html"
RDMA = "https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/gpu-operator-rdma.html"
TAINT = "OS.sysctl./proc/sys/kernel/tainted & bits"
CGROUPS = "https://kubernetes.io/docs/concepts/architecture/cgroups/"
SWAP = "https://kubernetes.io/docs/concepts/cluster-administration/swap-memory-management/"
CLOCK = "https://www.freedesktop.org/software/systemd/man/latest/timedatectl.html"
EVICTION = "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/"
RAID = "https://docs.kernel.org/admin-guide/md.html"
HAS_GPU = "GPU.hardware.gpu-present == true"

FINDINGS = (
    FindingSpec(
        "nouveau",
        CRITICAL,
        "OS.kmod.nouveau == true",
        "nouveau is loaded: the NVIDIA driver cannot have its GPUs",
        "blacklist nouveau, rebuild the initramfs and reboot",
        "https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/index.html",
    ),
    FindingSpec(
        "kernel-failed",
        CRITICAL,
        TAINT,
        "the kernel had a failure since boot: {bits}",
        "see `dmesg` and the machine check log; drain the node and reboot it",
        TAINTED,
        bits={16: "machine check", 32: "bad page", 128: "oops"},
    ),
    FindingSpec(
        "kernel-warned",
        WARNING,
        TAINT,
        "the kernel is tainted: {bits}",
        "see `dmesg` for the first message of its kind",
        TAINTED,
        bits={
            2: "module loaded by force",
            4: "kernel on hardware out of specification",
            8: "module unloaded by force",
            512: "warning",
            16384: "soft lockup",
        },
    ),
    FindingSpec(
        "iommu-translates",
        WARNING,
        "OS.grub.iommu == on or OS.grub.iommu == force or OS.grub.iommu == nopt"
        " or OS.grub.intel_iommu == on or OS.grub.amd_iommu == on",
        "the IOMMU translates DMA: GPUs and network cards reach each other slowly or not at all",
        "add iommu=pt to the kernel command line and reboot",
        PARAMETERS,
        (HAS_GPU, "not OS.grub.iommu == pt"),
    ),
    FindingSpec(
        "peermem-missing",
        INFO,
        "OS.kmod.nvidia_peermem == false",
        "nvidia_peermem is not loaded: GPUDirect RDMA works through DMA-BUF only",
        "modprobe nvidia_peermem, if your software does not use DMA-BUF",
        RDMA,
        ("OS.kmod.ib_uverbs == true", "OS.kmod.nvidia == true"),
    ),
    FindingSpec(
        "numa-balancing",
        INFO,
        "OS.sysctl./proc/sys/kernel/numa_balancing != 0",
        "automatic NUMA balancing is on: the kernel moves pages that GPUs use",
        "sysctl kernel.numa_balancing=0",
        SYSCTL,
        (HAS_GPU,),
    ),
    FindingSpec(
        "disk-full",
        WARNING,
        "OS.filesystems.*.free-percent == 0-5 or OS.filesystems.*.free-percent == 5-10",
        "a file system of the node is nearly full: {value} % are free",
        "remove unused images and logs; the kubelet evicts pods below 10 %",
        EVICTION,
    ),
    FindingSpec(
        "raid-degraded",
        WARNING,
        "OS.block-devices.*.raid-degraded > 0",
        "a RAID array lacks disks: {value}",
        "see /proc/mdstat; replace the disk",
        RAID,
    ),
    FindingSpec(
        "clock-not-synchronized",
        WARNING,
        "OS.time.synchronized == false",
        "the clock is not synchronized: tokens, certificates and logs go by it",
        "start chrony or systemd-timesyncd, and see `chronyc sources`",
        CLOCK,
    ),
    FindingSpec(
        "swap-on",
        WARNING,
        "OS.memory.swap.total-kib > 0",
        "swap is on ({value} KiB), and the kubelet will not start with it",
        "swapoff -a, also in /etc/fstab, or failSwapOn: false for the kubelet",
        SWAP,
        ("K8s.kubelet.failSwapOn == true",),
    ),
    FindingSpec(
        "cgroup-v1",
        INFO,
        "OS.cgroup.version == v1 or OS.cgroup.version == hybrid",
        "the node uses cgroups of version 1, which newer kubelets refuse",
        "boot with systemd.unified_cgroup_hierarchy=1, or a newer system",
        CGROUPS,
    ),
)
# Listed last: every node with the NVIDIA driver has it.
TAINTED_BY_MODULES = FindingSpec(
    "kernel-tainted",
    INFO,
    TAINT,
    "the kernel is tainted by modules: {bits}",
    "nothing: the NVIDIA driver does this",
    TAINTED,
    bits={1: "proprietary", 4096: "out of tree", 8192: "unsigned"},
)
