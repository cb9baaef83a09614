"""What is read of a GPU: key by key, with the NVML function that has it. Runs in the child process.

A key is NVML's own noun in kebab-case, its unit last; the name before a reader of several keys is
their prefix.
"""

from __future__ import annotations

from functools import partial

from kubectl_snapshot.clients.gpu import readers
from kubectl_snapshot.clients.gpu.enums import (
    ADDRESSING_MODES,
    ARCHITECTURES,
    BRANDS,
    COMPUTE_MODES,
    HOST_VGPU_MODES,
    RECOVERY_ACTIONS,
    VIRTUALIZATION_MODES,
)
from kubectl_snapshot.clients.gpu.links import read_links
from kubectl_snapshot.clients.gpu.values import (
    Named,
    hexadecimal,
    named,
    read_field,
    read_pair,
    simple,
    text,
)

CLOCKS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
C2C_COUNT_FIELD, RECOVERY_ACTION_FIELD = 170, 230  # nvml.h, NVML_FI_DEV_*
NODE_SCOPE = 0

SYSTEM: tuple[Named, ...] = (
    simple("driver", "nvmlSystemGetDriverVersion", str),
    ("cuda-version", readers.read_cuda_version),
    simple("nvml-version", "nvmlSystemGetNVMLVersion", str),
    ("driver-branch", readers.read_branch),
)
IDENTITY: tuple[Named, ...] = (
    ("pci", readers.read_pci),
    simple("uuid", "nvmlDeviceGetUUID", str),
    simple("name", "nvmlDeviceGetName", str),
)
CONFIG: tuple[Named, ...] = (
    simple("serial", "nvmlDeviceGetSerial", str),
    simple("board-part-number", "nvmlDeviceGetBoardPartNumber", str),
    simple("pdi", "nvmlDeviceGetPdi", int),
    simple("brand", "nvmlDeviceGetBrand", named(BRANDS)),
    simple("architecture", "nvmlDeviceGetArchitecture", named(ARCHITECTURES)),
    ("cuda-compute-capability", readers.read_capability),
    simple("gpu-core-count", "nvmlDeviceGetNumGpuCores", int),
    ("module-id", readers.read_module_id),
    ("platform", readers.read_platform),
    ("memory", lambda nvml, device: readers.read_memory(nvml, device, "total")),
    simple("memory.bus-width-bits", "nvmlDeviceGetMemoryBusWidth", int),
    ("bar1-memory", readers.read_bar1),
    simple("vbios-version", "nvmlDeviceGetVbiosVersion", str),
    simple("inforom.image-version", "nvmlDeviceGetInforomImageVersion", str),
    simple("inforom.oem-version", "nvmlDeviceGetInforomVersion", str, 0),
    simple("inforom.ecc-version", "nvmlDeviceGetInforomVersion", str, 1),
    simple("inforom.power-version", "nvmlDeviceGetInforomVersion", str, 2),
    simple(
        "inforom.configuration-checksum", "nvmlDeviceGetInforomConfigurationChecksum", hexadecimal
    ),
    simple("gsp-firmware.version", "nvmlDeviceGetGspFirmwareVersion", text),
    ("gsp-firmware", readers.read_gsp_mode),
    ("ecc", partial(read_pair, ("ecc.current", "ecc.pending"), "nvmlDeviceGetEccMode")),
    simple("ecc.default", "nvmlDeviceGetDefaultEccMode", lambda found: bool(found[0])),
    ("mig", partial(read_pair, ("mig.current", "mig.pending"), "nvmlDeviceGetMigMode")),
    ("mig-devices", readers.read_mig_devices),
    simple("persistence-mode", "nvmlDeviceGetPersistenceMode", bool),
    simple("compute-mode", "nvmlDeviceGetComputeMode", named(COMPUTE_MODES)),
    simple("accounting-mode", "nvmlDeviceGetAccountingMode", bool),
    simple("display-mode", "nvmlDeviceGetDisplayMode", bool),
    simple("display-active", "nvmlDeviceGetDisplayActive", bool),
    simple("api-restriction.application-clocks", "nvmlDeviceGetAPIRestriction", bool, 0),
    simple("api-restriction.auto-boosted-clocks", "nvmlDeviceGetAPIRestriction", bool, 1),
    simple("power.limit-mw", "nvmlDeviceGetPowerManagementLimit", int),
    simple("power.enforced-limit-mw", "nvmlDeviceGetEnforcedPowerLimit", int),
    simple("power.default-limit-mw", "nvmlDeviceGetPowerManagementDefaultLimit", int),
    ("power.limits", readers.read_power_constraints),
    ("power.module", readers.read_module_power),
    *(
        simple(f"clocks.max.{name}-mhz", "nvmlDeviceGetMaxClockInfo", int, clock)
        for name, clock in CLOCKS.items()
    ),
    simple("clocks.applications.graphics-mhz", "nvmlDeviceGetApplicationsClock", int, 0),
    simple("clocks.applications.memory-mhz", "nvmlDeviceGetApplicationsClock", int, 2),
    simple("pcie.max-gen", "nvmlDeviceGetMaxPcieLinkGeneration", int),
    simple("pcie.device-max-gen", "nvmlDeviceGetGpuMaxPcieLinkGeneration", int),
    simple("pcie.max-width", "nvmlDeviceGetMaxPcieLinkWidth", int),
    readers.read_affinity("cpu-affinity", "nvmlDeviceGetCpuAffinity"),
    readers.read_affinity("memory-affinity", "nvmlDeviceGetMemoryAffinity", NODE_SCOPE),
    simple("numa-node-id", "nvmlDeviceGetNumaNodeId", int),
    ("nvlink", read_links),
    ("fabric", readers.read_fabric),
    ("c2c-mode", readers.read_c2c_mode),
    read_field("c2c-link-count", C2C_COUNT_FIELD, int),
    ("conf-compute", readers.read_conf_compute),
    (
        "dram-encryption",
        partial(
            read_pair,
            ("dram-encryption.current", "dram-encryption.pending"),
            "nvmlDeviceGetDramEncryptionMode",
        ),
    ),
    simple("addressing-mode", "nvmlDeviceGetAddressingMode", named(ADDRESSING_MODES)),
    simple("virtualization-mode", "nvmlDeviceGetVirtualizationMode", named(VIRTUALIZATION_MODES)),
    simple("host-vgpu-mode", "nvmlDeviceGetHostVgpuMode", named(HOST_VGPU_MODES)),
    ("egm-capability", readers.read_egm),
)
STATE: tuple[Named, ...] = (
    simple("index", "nvmlDeviceGetIndex", int),
    simple("minor-number", "nvmlDeviceGetMinorNumber", int),
    ("temperature", readers.read_temperature),
    simple("power.draw-mw", "nvmlDeviceGetPowerUsage", int),
    simple("energy.total-mj", "nvmlDeviceGetTotalEnergyConsumption", int),
    ("utilization", readers.read_utilization),
    simple("performance-state", "nvmlDeviceGetPerformanceState", lambda state: f"P{state}"),
    *(
        simple(f"clocks.current.{name}-mhz", "nvmlDeviceGetClockInfo", int, clock)
        for name, clock in CLOCKS.items()
    ),
    simple("clocks.event-reasons", "nvmlDeviceGetCurrentClocksEventReasons", hexadecimal),
    (
        "memory",
        lambda nvml, device: readers.read_memory(nvml, device, "reserved", "used", "free"),
    ),
    simple("pcie.current-gen", "nvmlDeviceGetCurrPcieLinkGeneration", int),
    simple("pcie.current-width", "nvmlDeviceGetCurrPcieLinkWidth", int),
    simple("pcie.replay-counter", "nvmlDeviceGetPcieReplayCounter", int),
    simple("compute-process-count", "nvmlDeviceGetComputeRunningProcesses_v3", len),
    *(
        simple(f"ecc.{since}-{kind}-errors", "nvmlDeviceGetTotalEccErrors", int, error, counter)
        for since, counter in (("volatile", 0), ("aggregate", 1))
        for kind, error in (("corrected", 0), ("uncorrected", 1))
    ),
    ("ecc.sram-threshold-exceeded", readers.read_sram_ecc),
    ("remapped-rows", readers.read_remapped_rows),
    ("remapped-rows.histogram", readers.read_row_histogram),
    simple("retired-pages.single-bit-ecc", "nvmlDeviceGetRetiredPages_v2", len, 0),
    simple("retired-pages.double-bit-ecc", "nvmlDeviceGetRetiredPages_v2", len, 1),
    simple("retired-pages.pending", "nvmlDeviceGetRetiredPagesPendingStatus", bool),
    ("repair", readers.read_repair),
    read_field("recovery-action", RECOVERY_ACTION_FIELD, named(RECOVERY_ACTIONS)),
)
# Who it is comes first: should the GPU hang in a later call, that much is known.
PARTS = (("config", IDENTITY), ("config", CONFIG), ("state", STATE))
