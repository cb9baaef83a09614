"""Documents with one thing broken each: the finding that names it is the first one."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS, find_all
from kubectl_snapshot.document.findings.spec import CRITICAL, INFO, WARNING
from kubectl_snapshot.document.snapshot import Scalar
from tests.unit.document.findings.support import Edits, change, drop
from tests.unit.render.pages import GOOD

STATE = "GPU.gpu-3-state"
TAINT = "NodeTopology.taint.node.kubernetes.io/"
CARD = "Network.interface-enp170s0f0"
STATUS = "K8s.node-status"
ALLOCATABLE = f"{STATUS}.allocatable.nvidia.com/gpu"
CONDITION = f"{STATUS}.condition"
TAINTED = "OS.sysctl./proc/sys/kernel/tainted"
LOG = "Driver.kernel-log"
RESET_XIDS = (46, 48, 62, 64, 79, 95, 110, 119, 120, 136, 140, 143, 155, 156, 158)
FABRIC_MANAGER = "SystemD.nvidia-fabricmanager.service"


def failed(subtype: str, status: str, reason: str) -> dict[str, Scalar]:
    return {f"{subtype}.context.status": status, f"{subtype}.context.reason": reason}


def every_gpu(key: str, value: Scalar) -> dict[str, Scalar]:
    return {f"GPU.gpu-{n}.{key}": value for n in range(8)}


# The finding, what it is about, and what is changed in the document of a healthy node.
BROKEN: tuple[tuple[str, str, Edits], ...] = (
    ("node-not-ready", "", {f"{CONDITION}.Ready.status": "Unknown"}),
    ("node-not-ready", "", {f"{CONDITION}.AcceleratedHardwareReady.status": "False"}),
    ("node-not-ready", "", {f"{CONDITION}.NetworkUnavailable.status": "True"}),
    ("node-pressure", "", {f"{CONDITION}.MemoryPressure.status": "True"}),
    ("node-pressure", "", {f"{CONDITION}.DiskPressure.status": "True"}),
    ("node-cordoned", "", {f"{STATUS}.unschedulable": True}),
    ("no-gpu-allocatable", "", {f"{STATUS}.allocatable.nvidia.com/gpu": "0"}),
    ("gpus-not-allocatable", "", {f"{STATUS}.allocatable.nvidia.com/gpu": "7"}),
    ("gpus-not-allocatable", "", {f"{STATUS}.capacity.nvidia.com/gpu": "9"}),
    (
        "gpus-not-allocatable",
        "",
        {f"{STATUS}.{k}.nvidia.com/gpu": "7" for k in ("allocatable", "capacity")},
    ),
    ("node-problem", "", {f"{CONDITION}.KernelDeadlock.status": "True"}),
    ("node-problem", "", {f"{CONDITION}.ReadonlyFilesystem.status": "True"}),
    ("node-problem", "", {f"{CONDITION}.FrequentKubeletRestart.status": "True"}),
    ("node-problem", "", {f"{CONDITION}.FilesystemCorruptionProblem.status": "True"}),
    ("kubelet-skew", "", {"K8s.node.kubelet-version": "v1.35.0"}),
    ("kubelet-skew", "", {"K8s.node.kubelet-version": "v1.30.9"}),
    ("kubelet-behind", "", {"K8s.node.kubelet-version": "v1.31.0"}),
    ("nouveau", "", {"OS.kmod.nouveau": True}),
    ("kernel-failed", "", {TAINTED: "12433"}),
    ("kernel-warned", "", {TAINTED: "12801"}),
    ("iommu-translates", "", {"OS.grub.iommu": None, "OS.grub.intel_iommu": "on"}),
    ("peermem-missing", "", {"OS.kmod.nvidia_peermem": None}),
    ("numa-balancing", "", {"OS.sysctl./proc/sys/kernel/numa_balancing": "1"}),
    ("disk-full", "", {"OS.filesystems.kubelet.free-percent": "5-10"}),
    ("disk-full", "", {"OS.filesystems.kubelet.free-percent": "0-5"}),
    ("raid-degraded", "", {"OS.block-devices.md0.raid-degraded": 1}),
    ("clock-not-synchronized", "", {"OS.time.synchronized": False}),
    ("swap-on", "", {"OS.memory.swap.total-kib": 8, "K8s.kubelet.failSwapOn": "true"}),
    ("cgroup-v1", "", {"OS.cgroup.version": "v1"}),
    ("cgroup-v1", "", {"OS.cgroup.version": "hybrid"}),
    ("pcie-lanes", "", {"Hardware.pcie.gpu.0000:1b:00.0.missing-lanes": 8}),
    ("pcie-errors", "", {"Hardware.pcie-errors.0000:1b:00.0.fatal": 1}),
    ("pcie-errors", "", {"Hardware.pcie-errors.0000:1b:00.0.nonfatal": 1}),
    ("nvme-not-live", "", {"Hardware.nvme.0000:22:00.0.state": "dead"}),
    (
        "driver-library-mismatch",
        "",
        failed(
            "GPU.smi", "error", "driver/library version mismatch: kernel module 570, library 580"
        ),
    ),
    ("driver-library-mismatch", "", {"GPU.device.nvml-version": "13.570.1"}),
    ("driver-not-loaded", "", {"GPU.hardware.driver-loaded": False}),
    ("driver-hung", "", failed("GPU.smi", "timeout", "NVML does not respond")),
    ("driver-failed", "", failed("GPU.smi", "error", "NVML cannot be initialized: 999")),
    ("gpus-gone", "", {"GPU.hardware.gpu-present": False}),
    (
        "gpu-missing",
        "gpu-5",
        failed(
            "GPU.gpu-5",
            "unavailable",
            "the GPU is only on the PCI bus: the driver does not list it",
        ),
    ),
    ("gpu-hung", "gpu-2", failed("GPU.gpu-2", "timeout", "NVML does not respond")),
    ("gpu-lost", "gpu-1", failed("GPU.gpu-1", "error", "the GPU does not respond: GPU is lost")),
    (
        "gpu-unbound",
        "gpu-1",
        failed(
            "GPU.gpu-1", "unavailable", "the GPU is only on the PCI bus: no driver is bound to it"
        ),
    ),
    ("recovery-action", "gpu-3", {f"{STATE}.recovery-action": "Drain and Reset"}),
    ("row-remap-failed", "gpu-3", {f"{STATE}.remapped-rows.failure-occurred": True}),
    ("ecc-uncorrected", "gpu-3", {f"{STATE}.ecc.volatile-uncorrected-errors": 1}),
    ("sram-threshold", "gpu-3", {f"{STATE}.ecc.sram-threshold-exceeded": True}),
    ("fabric-not-completed", "gpu-3", {"GPU.gpu-3.fabric.state": "In Progress"}),
    ("fabric-failed", "gpu-3", {"GPU.gpu-3.fabric.status": "Unknown Error"}),
    ("fabric-failed", "gpu-3", {"GPU.gpu-3.fabric.health-summary": "Unhealthy"}),
    ("nvlink-down", "gpu-0", {"GPU.gpu-0.nvlink.7.active": False}),
    ("gpu-slowed-by-hardware", "gpu-3", {f"{STATE}.clocks.event-reasons": "0x0000000000000048"}),
    ("gpu-slowed-by-hardware", "gpu-3", {f"{STATE}.clocks.event-reasons": "0x80"}),
    ("gpu-slowed", "gpu-3", {f"{STATE}.clocks.event-reasons": "0x0000000000000020"}),
    ("gpu-slowed-by-hardware", "gpu-3", {f"{STATE}.clocks.event-reasons": "0x8"}),
    ("gpu-hot", "gpu-3", {f"{STATE}.temperature.gpu-c": 90}),
    ("memory-repair-pending", "gpu-3", {f"{STATE}.remapped-rows.pending": True}),
    ("memory-repair-pending", "gpu-3", {f"{STATE}.retired-pages.pending": True}),
    ("memory-repair-pending", "gpu-3", {f"{STATE}.repair.channel-pending": True}),
    ("memory-repair-pending", "gpu-3", {f"{STATE}.repair.tpc-pending": True}),
    ("pcie-width", "gpu-3", {f"{STATE}.pcie.current-width": 4}),
    (
        "pcie-generation",
        "gpu-1",
        {"GPU.gpu-1.pcie.max-gen": 3, "GPU.gpu-1-state.pcie.current-gen": 3},
    ),
    (
        "pcie-generation-under-load",
        "gpu-3",
        {f"{STATE}.pcie.current-gen": 1, f"{STATE}.utilization.gpu-percent": 50},
    ),
    (
        "nvlinks-fewer",
        "gpu-3",
        {**every_gpu("fabric.state", "Not Supported"), "GPU.gpu-3.nvlink.7.active": False},
    ),
    ("fabric-manager-version", "", {"GPU.device.fabric-manager-version": "570.1"}),
    ("fabric-limited", "gpu-3", {"GPU.gpu-3.fabric.health-summary": "Limited Capacity"}),
    ("ecc-off", "gpu-3", {"GPU.gpu-3.ecc.current": False, "GPU.gpu-3.ecc.pending": False}),
    ("ecc-pending", "gpu-3", {"GPU.gpu-3.ecc.pending": False}),
    ("mig-pending", "gpu-3", {"GPU.gpu-3.mig.pending": True}),
    ("persistence-off", "gpu-4", {"GPU.gpu-4.persistence-mode": False}),
    ("gpu-models-differ", "gpu-4", {"GPU.gpu-4.name": "NVIDIA H200"}),
    ("gpu-models-differ", "gpu-4", {"GPU.gpu-4.memory.total-bytes": 1}),
    ("vbios-differs", "gpu-2", {"GPU.gpu-2.vbios-version": "96.00.74.00.1A"}),
    ("gpu-limits-differ", "gpu-2", {"GPU.gpu-2.power.limit-mw": 500000}),
    ("gpu-limits-differ", "gpu-2", {"GPU.gpu-2.clocks.max.sm-mhz": 1755}),
    ("gsp-version", "gpu-2", {"GPU.gpu-2.gsp-firmware.version": "570.1"}),
    ("compute-prohibited", "gpu-2", {"GPU.gpu-2.compute-mode": "Prohibited"}),
    ("gpu-count-label", "", {"GPU.hardware.gpu-count": 7}),
    ("rows-remapped", "gpu-2", {"GPU.gpu-2-state.remapped-rows.uncorrectable": 1}),
    (
        "rows-remapped",
        "gpu-3",
        {f"{STATE}.remapped-rows.uncorrectable": 1, f"{STATE}.ecc.volatile-uncorrected-errors": 0},
    ),
    ("rows-remapped", "gpu-2", {"GPU.gpu-2-state.ecc.aggregate-uncorrected-errors": 1}),
    ("rows-remapped", "gpu-2", {"GPU.gpu-2-state.retired-pages.double-bit-ecc": 1}),
    ("pcie-slot", "gpu-[0-7]", {**every_gpu("pcie.max-gen", 4)}),
    ("power-capped", "gpu-[0-7]", {**every_gpu("power.limit-mw", 600000)}),
    ("mig-differs", "gpu-6", {"GPU.gpu-6.mig.current": True, "GPU.gpu-6.mig.pending": True}),
    ("gpu-given-away", "gpu-6", {"GPU.gpu-6.pci.driver": "vfio-pci"}),
    *(("xid-reset", "", {f"{LOG}.xid.{n}.count": 1, f"{LOG}.xid.count": 3}) for n in RESET_XIDS),
    ("sxid-fatal", "", {f"{LOG}.sxid-fatal.count": 1}),
    ("pcie-uncorrected", "", {f"{LOG}.aer.fatal.count": 1}),
    ("pcie-uncorrected", "", {f"{LOG}.aer.nonfatal.count": 1}),
    ("memory-uncorrected", "", {f"{LOG}.edac.uncorrected.count": 1}),
    ("task-hung", "", {f"{LOG}.hung-task.count": 1}),
    ("task-hung", "", {f"{LOG}.lockup.count": 1}),
    ("xid", "", {f"{LOG}.xid.13.count": 1, f"{LOG}.xid.count": 1}),
    ("node-out-of-memory", "", {f"{LOG}.oom.node.count": 1}),
    (
        "bond-member-down",
        "interface-enp170s0f0",
        {f"{CARD}.operstate": "down", f"{CARD}.master": "bond0"},
    ),
    ("rdma-port-down", "rdma-mlx5_3", {"Network.rdma-mlx5_3.port.1.state": "INIT"}),
    ("nic-pcie-width", "interface-enp170s0f0", {f"{CARD}.pcie.current-width": 8}),
    (
        "fabric-manager-down",
        "nvidia-fabricmanager.service",
        {f"{FABRIC_MANAGER}.ActiveState": "failed"},
    ),
    (
        "fabric-manager-down",
        "nvidia-fabricmanager.service",
        {f"{FABRIC_MANAGER}.ActiveState": "inactive"},
    ),
    ("unit-failed", "kubelet.service", {"SystemD.kubelet.service.ActiveState": "failed"}),
    (
        "persistenced-failed",
        "nvidia-persistenced.service",
        {"SystemD.nvidia-persistenced.service.ActiveState": "failed"},
    ),
    ("unit-restarting", "kubelet.service", {"SystemD.kubelet.service.SubState": "auto-restart"}),
    (
        "unit-not-reloaded",
        "containerd.service",
        {"SystemD.containerd.service.NeedDaemonReload": True},
    ),
    ("unreadable", "K8s.helm", failed("K8s.helm", "forbidden", "cannot list secrets")),
)
# What is meant, or follows from something else: the finding that a document does not have.
MEANT: tuple[tuple[str, Edits], ...] = (
    ("disk-full", {"OS.filesystems.kubelet.free-percent": "10-15"}),
    ("swap-on", {"OS.memory.swap.total-kib": 8}),
    ("swap-on", {"OS.memory.swap.total-kib": 8, "K8s.kubelet.failSwapOn": "false"}),
    (
        "ecc-off",
        {
            k: v
            for key in ("current", "pending", "default")
            for k, v in every_gpu(f"ecc.{key}", False).items()
        },
    ),
    ("bond-member-down", {f"{CARD}.operstate": "down"}),
    (
        "rdma-port-down",
        {
            "Network.rdma-mlx5_3.port.1.state": "DOWN",
            "Network.rdma-mlx5_3.port.1.phys-state": "Disabled",
        },
    ),
    ("no-gpu-allocatable", {ALLOCATABLE: "0", **every_gpu("mig.current", True)}),
    ("no-gpu-allocatable", {ALLOCATABLE: "0", "GPU.hardware.gpu-count": 0}),
    ("gpus-not-allocatable", {ALLOCATABLE: "7", **every_gpu("mig.current", True)}),
    ("gpus-not-allocatable", {ALLOCATABLE: "80", f"{STATUS}.capacity.nvidia.com/gpu": "80"}),
    ("gpus-not-allocatable", {ALLOCATABLE: "0"}),
    ("ecc-off", {"GPU.gpu-3.ecc.current": False, "GPU.gpu-3.virtualization-mode": "VGPU"}),
    (
        "persistence-off",
        {"GPU.gpu-3.persistence-mode": False, "GPU.gpu-3.virtualization-mode": "VGPU"},
    ),
    ("gpu-count-label", {"GPU.hardware.gpu-count": 7, **every_gpu("mig.current", True)}),
    ("iommu-translates", {"OS.grub.iommu": "pt", "OS.grub.intel_iommu": "on"}),
    ("iommu-translates", {"OS.grub.intel_iommu": "on", "GPU.hardware.gpu-present": False}),
    ("peermem-missing", {"OS.kmod.nvidia_peermem": None, "OS.kmod.ib_uverbs": None}),
    ("peermem-missing", {"OS.kmod.nvidia_peermem": None, "OS.kmod.nvidia": None}),
    (
        "numa-balancing",
        {"OS.sysctl./proc/sys/kernel/numa_balancing": "1", "GPU.hardware.gpu-present": False},
    ),
    (
        "gpus-gone",
        {"GPU.hardware.gpu-present": False, "NodeTopology.label.nvidia.com/gpu.present": None},
    ),
    (
        "driver-not-loaded",
        {"GPU.hardware.driver-loaded": False, **every_gpu("pci.driver", "vfio-pci")},
    ),
    ("driver-not-loaded", {"GPU.hardware.driver-loaded": False, "GPU.hardware.gpu-present": False}),
    (
        "rows-remapped",
        {f"{STATE}.remapped-rows.uncorrectable": 1, f"{STATE}.ecc.volatile-uncorrected-errors": 1},
    ),
    ("vbios-differs", {"GPU.gpu-2.vbios-version": "1", "GPU.gpu-2.name": "NVIDIA H200"}),
    ("gpu-limits-differ", {"GPU.gpu-2.power.limit-mw": 1, "GPU.gpu-2.name": "NVIDIA H200"}),
    ("power-capped", {"GPU.gpu-2.power.limit-mw": 600000}),
    ("pcie-slot", {"GPU.gpu-1.pcie.max-gen": 3}),
    (
        "fabric-manager-down",
        {f"{FABRIC_MANAGER}.ActiveState": "failed", **every_gpu("fabric.state", "Not Supported")},
    ),
    (
        "fabric-manager-down",
        {f"{FABRIC_MANAGER}.ActiveState": "inactive", f"{FABRIC_MANAGER}.LoadState": "masked"},
    ),
    ("fabric-manager-missing", {f"{FABRIC_MANAGER}.LoadState": "not-found"}),
    ("unit-failed", {f"{FABRIC_MANAGER}.ActiveState": "failed"}),
    ("unit-failed", {"SystemD.nvidia-persistenced.service.ActiveState": "failed"}),
    ("kubelet-behind", {"K8s.node.kubelet-version": "v1.30.9"}),
    ("kernel-warned", {TAINTED: "12433"}),
    ("xid", {f"{LOG}.xid.79.count": 1, f"{LOG}.xid.count": 1}),
    ("xid-reset", {f"{LOG}.xid.13.count": 1, f"{LOG}.xid.count": 1}),
    ("xid", {f"{LOG}.xid.count": 0}),
    ("node-out-of-memory", {f"{LOG}.oom.cgroup.count": 9}),
)
# Not the first finding of any document: its cause is.
SECOND = {
    "fabric-manager-missing": {
        "GPU.gpu-3.fabric.state": "Not Started",
        f"{FABRIC_MANAGER}.LoadState": "not-found",
        f"{FABRIC_MANAGER}.ActiveState": "inactive",
    },
}
# What the healthy document has, too.
HEALTHY = {"kernel-tainted"}


# What `--fail-on` and a reader at night go by (ADR 0051): no job should start here; it works, but
# not as it should. The others are true and often meant.
SEVERE = """
node-not-ready no-gpu-allocatable gpus-not-allocatable node-problem
nouveau kernel-failed driver-library-mismatch driver-not-loaded driver-hung
driver-failed gpus-gone gpu-missing gpu-hung gpu-lost gpu-unbound recovery-action row-remap-failed
ecc-uncorrected sram-threshold fabric-not-completed fabric-failed nvlink-down
gpu-slowed-by-hardware fabric-manager-down unit-failed
""".split()
WARNED = """
node-pressure node-cordoned kubelet-skew kernel-warned iommu-translates disk-full raid-degraded
clock-not-synchronized swap-on gpu-slowed gpu-hot
memory-repair-pending pcie-width pcie-generation pcie-generation-under-load nvlinks-fewer
fabric-manager-version fabric-limited ecc-off ecc-pending mig-pending persistence-off
gpu-models-differ vbios-differs gpu-limits-differ gsp-version compute-prohibited gpu-count-label
xid-reset sxid-fatal pcie-uncorrected memory-uncorrected task-hung
bond-member-down rdma-port-down pcie-lanes pcie-errors nvme-not-live
persistenced-failed fabric-manager-missing unit-restarting
""".split()


def test_a_severity_says_whether_a_job_can_start() -> None:
    by_severity = {
        severity: [spec.id for spec in ALL_FINDINGS if spec.severity == severity]
        for severity in (CRITICAL, WARNING)
    }
    assert by_severity == {CRITICAL: SEVERE, WARNING: WARNED}


@pytest.mark.parametrize(
    ("id_", "on", "edits"), BROKEN, ids=[f"{b[0]}-{n}" for n, b in enumerate(BROKEN)]
)
def test_the_first_finding_names_what_is_broken(id_: str, on: str, edits: Edits) -> None:
    found = find_all(change(GOOD, edits)).found
    assert (found[0].spec.id, found[0].on) == (id_, on)
    assert on in found[0].text or "fabric manager" in found[0].text
    assert found[0].proof
    assert all(proof.path and proof.value for proof in found[0].proof)
    others = [finding.spec for finding in found[1:]]
    assert all(spec.severity == INFO for spec in others), [spec.id for spec in others]


@pytest.mark.parametrize(
    ("id_", "taint"),
    [
        ("node-not-ready", "not-ready"),
        ("node-not-ready", "unreachable"),
        ("node-not-ready", "network-unavailable"),
        ("node-pressure", "memory-pressure"),
        ("node-pressure", "disk-pressure"),
        ("node-pressure", "pid-pressure"),
        ("node-cordoned", "unschedulable"),
    ],
)
def test_taints_are_judged_where_the_status_was_not_read(id_: str, taint: str) -> None:
    tainted = change(GOOD, {f"{TAINT}{taint}": "NoSchedule||gpu-16,gpu-17"})
    assert find_all(tainted).found[0].spec.id != id_
    without = find_all(drop(tainted, STATUS))
    assert without.found[0].spec.id == id_
    # What taints do not tell is unknown, and all that they tell is judged.
    assert [s.id for u in without.unknown for s in u.specs] == [
        *("no-gpu-allocatable", "gpus-not-allocatable", "node-problem"),
    ]


@pytest.mark.parametrize(("id_", "edits"), MEANT)
def test_what_is_meant_or_follows_is_not_found(id_: str, edits: Edits) -> None:
    assert id_ not in [finding.spec.id for finding in find_all(change(GOOD, edits)).found]


@pytest.mark.parametrize("id_", SECOND)
def test_a_finding_follows_from_a_worse_one(id_: str) -> None:
    found = [finding.spec.id for finding in find_all(change(GOOD, SECOND[id_])).found]
    assert found[1] == id_


def test_each_finding_has_a_document_and_none_of_the_healthy_one() -> None:
    ids = [spec.id for spec in ALL_FINDINGS]
    assert len(ids) == len(set(ids))
    assert {*(id_ for id_, _, _ in BROKEN), *SECOND, *HEALTHY} == set(ids)
    assert {finding.spec.id for finding in find_all(GOOD).found} == HEALTHY
    assert find_all(GOOD).unknown == ()
