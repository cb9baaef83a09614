"""How the node's kernel is built, tainted and patched.

Subtypes OS.kernel-config, OS.taint, OS.livepatch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.sysfs import SWITCH, read_keys, read_names, read_parts, refuse
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.sysfs import Data


OSRELEASE, TAINTED, MODULES = (
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/tainted",
    "/proc/modules",
)
PATCHES = "/sys/kernel/livepatch"
# Where a kernel's configuration is, as Kubernetes looks for it (k8s.io/system-validators,
# validators/kernel_validator_helper.go).
COMPRESSED = "/proc/config.gz"
CONFIG_FILES = (
    "/boot/config-{}",
    "/usr/lib/modules/{}/config",
    "/usr/lib/kernel/config-{}",
    "/usr/lib/ostree-boot/config-{}",
    "/usr/src/linux-headers-{}/.config",
    "/usr/src/linux-{}/.config",
)
MAX_CONFIG_BYTES = 4_194_304
# What the documentation of GPU and network drivers, CNI plugins and container runtimes asks for.
OPTIONS = """
LOCALVERSION CC_VERSION_TEXT HZ PREEMPT PREEMPT_RT PREEMPT_DYNAMIC NO_HZ_FULL ARM64_64K_PAGES
ARM64_4K_PAGES NUMA NUMA_BALANCING_DEFAULT_ENABLED TRANSPARENT_HUGEPAGE_ALWAYS
TRANSPARENT_HUGEPAGE_MADVISE HUGETLBFS ZONE_DEVICE DEVICE_PRIVATE PCI_P2PDMA DMABUF_MOVE_NOTIFY
HSA_AMD_P2P IOMMU_DEFAULT_PASSTHROUGH IOMMU_DEFAULT_DMA_LAZY IOMMU_DEFAULT_DMA_STRICT
INTEL_IOMMU_DEFAULT_ON VFIO_PCI PCIEAER EDAC INFINIBAND INFINIBAND_USER_ACCESS MLX5_INFINIBAND
DRM_NOUVEAU SYSFB_SIMPLEFB MODULES MODULE_SIG MODULE_SIG_FORCE MODVERSIONS LIVEPATCH
STRICT_DEVMEM SECURITY_LOCKDOWN_LSM LSM USER_NS MEMCG CPUSETS CGROUP_PIDS CGROUP_HUGETLB
CGROUP_RDMA CGROUP_BPF CFS_BANDWIDTH SECCOMP_FILTER OVERLAY_FS BPF_SYSCALL BPF_JIT DEBUG_INFO_BTF
NF_TABLES BRIDGE_NETFILTER VXLAN WIREGUARD IP_VS IPV6 XFS_FS NFS_V4_1
""".split()
# By bit (Documentation/admin-guide/tainted-kernels.rst).
TAINTS = """
proprietary-module module-loaded-by-force out-of-specification module-unloaded-by-force
machine-check bad-page user-request oops acpi-table-overridden warning staging-driver
firmware-workaround out-of-tree-module unsigned-module soft-lockup live-patched auxiliary
struct-randomization in-kernel-test fwctl
""".split()
TAINT_BITS = 64


def read_config(host: HostPath) -> Subtype:
    """Return options of an allow-list with which the kernel was built, without `CONFIG_`."""
    return Subtype("kernel-config", parse_config(_read_config(host)))


def read_taint(host: HostPath) -> Subtype:
    """Return what taints the kernel, and the modules that do with their letters."""
    return read_parts(
        "taint", lambda: parse_taint(host.read_text(TAINTED)), lambda: _read_letters(host)
    )


def read_livepatch(host: HostPath) -> Subtype:
    """Return the live patches; Absent without any.

    Source: Documentation/ABI/testing/sysfs-kernel-livepatch.
    """
    data: Data = {}
    for name in read_names(host, PATCHES):
        keys = {"enabled": f"{name}.enabled", "transition": f"{name}.transition"}
        found = read_keys(host, f"{PATCHES}/{name}", keys)
        data.update({key: SWITCH[value] for key, value in found.items() if value in SWITCH})
    if not data:
        host.read_names("/sys/kernel")  # raises where nothing is known
        raise Absent("the kernel has no live patch")
    return Subtype("livepatch", data)


def parse_config(text: bytes) -> dict[str, str]:
    """Return the options of the allow-list; `n` is not set, and one that it lacks is left out."""
    found = {}
    text = b"\n" + text
    for name in OPTIONS:
        key = f"CONFIG_{name}".encode()
        at = text.find(b"\n" + key + b"=")
        if at >= 0:
            line = text[at + len(key) + 2 :].split(b"\n", 1)[0]
            found[name] = line.decode("utf-8", "backslashreplace").strip('"')
        elif b"\n# " + key + b" is not set" in text:
            found[name] = "n"
    return found


def parse_taint(text: str) -> Data:
    """Return the bits of a taint mask that are set, by name, an unknown one by number."""
    text = text.strip()
    mask = int(text) if text.isascii() and text.isdigit() and len(text) < 21 else -1
    if not 0 <= mask < 1 << TAINT_BITS:
        raise refuse(TAINTED, text)
    names = {bit: TAINTS[bit] if bit < len(TAINTS) else f"bit-{bit}" for bit in range(TAINT_BITS)}
    return {name: True for bit, name in names.items() if mask >> bit & 1}


def _read_letters(host: HostPath) -> Data:
    data: Data = {}
    # Absent from a kernel without modules.
    for line in host.read_text(MODULES).splitlines():
        words = line.split(" ")
        # The last word, `(POE)`; `(POE+)` while the module is being loaded.
        if words[-1].startswith("("):
            data[f"module.{words[0]}"] = words[-1].strip("()+-")
    return data


def _read_config(host: HostPath) -> bytes:
    try:
        packed = host.read_bytes(COMPRESSED)
    except Absent:
        release = host.read_text(OSRELEASE).strip()
        for file in CONFIG_FILES:
            try:
                return host.read_bytes(file.format(release), MAX_CONFIG_BYTES)
            except Absent:
                pass
        raise Absent(
            "the kernel's configuration is not on the node",
            why=f"no {COMPRESSED}, no {CONFIG_FILES[0].format(release)}",
        ) from None
    import zlib  # late: not with a file that is not compressed

    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, MAX_CONFIG_BYTES)
    except zlib.error as error:
        raise Internal(f"cannot unpack {COMPRESSED} of the node", why=str(error)) from error
