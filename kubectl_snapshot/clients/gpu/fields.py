"""All NVML values of a GPU: the table of keys and NVML functions, generic readers.

A key is NVML's own noun in kebab-case, its unit last. Special readers are in readers.py,
mig.py and nvlink.py, the names of enums in enums.py. Runs in the child process (nvml_child.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_snapshot.clients.gpu import mig, nvlink, readers
from kubectl_snapshot.clients.gpu.enums import (
    ADDRESSING_MODES,
    ARCHITECTURES,
    BRANDS,
    COMPUTE_MODES,
    HOST_VGPU_MODES,
    PERFORMANCE_STATES,
    RECOVERY_ACTIONS,
    VIRTUALIZATION_MODES,
)
from kubectl_snapshot.clients.gpu.readers import (
    Convert,
    NamedReader,
    Readings,
    convert_each,
    decode,
    flag,
    hexadecimal,
    name_by,
    number,
    read_fields,
)

CLOCKS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
C2C_COUNT_FIELD, RECOVERY_ACTION_FIELD = 170, 230  # nvml.h, NVML_FI_DEV_*
NODE_SCOPE = 0  # nvml.h, NVML_AFFINITY_SCOPE_NODE
AFFINITY_WORDS = 64  # each has 64 bits


def result(key: str, function: str, convert: Convert, *arguments: Any) -> NamedReader:
    """Return the reader of a function with one result."""

    def read(nvml: Any, device: Any) -> Readings:
        given = arguments if device is None else (device, *arguments)
        return {key: convert(getattr(nvml, function)(*given))}

    return key, read


def results(name: str, function: str, converts: Mapping[str, Convert]) -> NamedReader:
    """Return the reader of a function with several results, each with its key and conversion."""

    def read(nvml: Any, device: Any) -> Readings:
        found = getattr(nvml, function)(device)
        return convert_each((*pair, part) for pair, part in zip(converts.items(), found))

    return name, read


def attributes(
    name: str, function: str, names: Mapping[str, str], convert: Convert = number
) -> NamedReader:
    """Return the reader of a function whose result is a structure, by key and attribute."""

    def read(nvml: Any, device: Any) -> Readings:
        found = getattr(nvml, function)(device)
        return convert_each((key, convert, getattr(found, name)) for key, name in names.items())

    return name, read


def field(key: str, field_id: int, convert: Convert) -> NamedReader:
    """Return the reader of one field of nvmlDeviceGetFieldValues (NVML_FI_DEV_*)."""

    def read(nvml: Any, device: Any) -> Readings:
        (value,) = read_fields(nvml, device, [field_id])
        return {} if value is None else {key: convert(value)}

    return key, read


def affinity(key: str, function: str, *arguments: Any) -> NamedReader:
    """Return the reader of the CPUs or NUMA nodes that are close to the GPU."""

    def read(nvml: Any, device: Any) -> Readings:
        words = getattr(nvml, function)(device, AFFINITY_WORDS, *arguments)
        return {key: render_set(sum(word << 64 * i for i, word in enumerate(words)))}

    return key, read


def render_set(mask: int) -> str:
    """Return the bits of a mask in the kernel's CPU list format: `0-55,112-167`."""
    ranges: list[tuple[int, int]] = []
    for bit in range(mask.bit_length()):
        if not mask >> bit & 1:
            continue
        if ranges and ranges[-1][1] == bit - 1:
            ranges[-1] = (ranges[-1][0], bit)
        else:
            ranges.append((bit, bit))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


SYSTEM: tuple[NamedReader, ...] = (
    result("driver", "nvmlSystemGetDriverVersion", str),
    ("cuda-version", readers.read_cuda_version),
    result("nvml-version", "nvmlSystemGetNVMLVersion", str),
    ("driver-branch", readers.read_driver_branch),
)
# Identity is read first: it is known even if the GPU hangs in a later call.
IDENTITY: tuple[NamedReader, ...] = (
    ("pci", readers.read_pci),
    result("uuid", "nvmlDeviceGetUUID", str),
    result("name", "nvmlDeviceGetName", str),
)
CONFIG: tuple[NamedReader, ...] = (
    result("serial", "nvmlDeviceGetSerial", str),
    result("board-part-number", "nvmlDeviceGetBoardPartNumber", str),
    result("pdi", "nvmlDeviceGetPdi", number),
    result("brand", "nvmlDeviceGetBrand", name_by(BRANDS)),
    result("architecture", "nvmlDeviceGetArchitecture", name_by(ARCHITECTURES)),
    ("cuda-compute-capability", readers.read_compute_capability),
    result("gpu-core-count", "nvmlDeviceGetNumGpuCores", number),
    ("module-id", readers.read_module_id),
    ("platform", readers.read_platform),
    ("memory", lambda nvml, device: readers.read_memory(nvml, device, "total")),
    result("memory.bus-width-bits", "nvmlDeviceGetMemoryBusWidth", number),
    attributes(
        "bar1-memory", "nvmlDeviceGetBAR1MemoryInfo", {"bar1-memory.total-bytes": "bar1Total"}
    ),
    result("vbios-version", "nvmlDeviceGetVbiosVersion", str),
    result("inforom.image-version", "nvmlDeviceGetInforomImageVersion", str),
    result("inforom.oem-version", "nvmlDeviceGetInforomVersion", str, 0),
    result("inforom.ecc-version", "nvmlDeviceGetInforomVersion", str, 1),
    result("inforom.power-version", "nvmlDeviceGetInforomVersion", str, 2),
    result(
        "inforom.configuration-checksum", "nvmlDeviceGetInforomConfigurationChecksum", hexadecimal
    ),
    result("gsp-firmware.version", "nvmlDeviceGetGspFirmwareVersion", decode),
    ("gsp-firmware", readers.read_gsp_mode),
    results("ecc", "nvmlDeviceGetEccMode", {"ecc.current": flag, "ecc.pending": flag}),
    result("ecc.default", "nvmlDeviceGetDefaultEccMode", lambda found: flag(found[0])),
    results("mig", "nvmlDeviceGetMigMode", {"mig.current": flag, "mig.pending": flag}),
    ("mig-devices", mig.read_mig_devices),
    result("persistence-mode", "nvmlDeviceGetPersistenceMode", flag),
    result("compute-mode", "nvmlDeviceGetComputeMode", name_by(COMPUTE_MODES)),
    result("accounting-mode", "nvmlDeviceGetAccountingMode", flag),
    result("display-mode", "nvmlDeviceGetDisplayMode", flag),
    result("display-active", "nvmlDeviceGetDisplayActive", flag),
    result("api-restriction.application-clocks", "nvmlDeviceGetAPIRestriction", flag, 0),
    result("api-restriction.auto-boosted-clocks", "nvmlDeviceGetAPIRestriction", flag, 1),
    result("power.limit-mw", "nvmlDeviceGetPowerManagementLimit", number),
    result("power.enforced-limit-mw", "nvmlDeviceGetEnforcedPowerLimit", number),
    result("power.default-limit-mw", "nvmlDeviceGetPowerManagementDefaultLimit", number),
    results(
        "power.limits",
        "nvmlDeviceGetPowerManagementLimitConstraints",
        {"power.min-limit-mw": number, "power.max-limit-mw": number},
    ),
    ("power.module", readers.read_module_power),
    *(
        result(f"clocks.max.{name}-mhz", "nvmlDeviceGetMaxClockInfo", number, clock)
        for name, clock in CLOCKS.items()
    ),
    result("clocks.applications.graphics-mhz", "nvmlDeviceGetApplicationsClock", number, 0),
    result("clocks.applications.memory-mhz", "nvmlDeviceGetApplicationsClock", number, 2),
    result("pcie.max-gen", "nvmlDeviceGetMaxPcieLinkGeneration", number),
    result("pcie.device-max-gen", "nvmlDeviceGetGpuMaxPcieLinkGeneration", number),
    result("pcie.max-width", "nvmlDeviceGetMaxPcieLinkWidth", number),
    affinity("cpu-affinity", "nvmlDeviceGetCpuAffinity"),
    affinity("memory-affinity", "nvmlDeviceGetMemoryAffinity", NODE_SCOPE),
    result("numa-node-id", "nvmlDeviceGetNumaNodeId", number),
    ("nvlink", nvlink.read_links),
    ("fabric", nvlink.read_fabric),
    attributes("c2c-mode", "nvmlDeviceGetC2cModeInfoV", {"c2c-mode": "isC2cEnabled"}, bool),
    field("c2c-link-count", C2C_COUNT_FIELD, number),
    ("conf-compute", readers.read_conf_compute),
    results(
        "dram-encryption",
        "nvmlDeviceGetDramEncryptionMode",
        {"dram-encryption.current": flag, "dram-encryption.pending": flag},
    ),
    result("addressing-mode", "nvmlDeviceGetAddressingMode", name_by(ADDRESSING_MODES)),
    result("virtualization-mode", "nvmlDeviceGetVirtualizationMode", name_by(VIRTUALIZATION_MODES)),
    result("host-vgpu-mode", "nvmlDeviceGetHostVgpuMode", name_by(HOST_VGPU_MODES)),
    ("egm-capability", readers.read_egm),
)
STATE: tuple[NamedReader, ...] = (
    result("index", "nvmlDeviceGetIndex", number),
    result("minor-number", "nvmlDeviceGetMinorNumber", number),
    ("temperature", readers.read_temperature),
    result("power.draw-mw", "nvmlDeviceGetPowerUsage", number),
    result("energy.total-mj", "nvmlDeviceGetTotalEnergyConsumption", number),
    attributes(
        "utilization",
        "nvmlDeviceGetUtilizationRates",
        {"utilization.gpu-percent": "gpu", "utilization.memory-percent": "memory"},
    ),
    result("performance-state", "nvmlDeviceGetPerformanceState", name_by(PERFORMANCE_STATES)),
    *(
        result(f"clocks.current.{name}-mhz", "nvmlDeviceGetClockInfo", number, clock)
        for name, clock in CLOCKS.items()
    ),
    result("clocks.event-reasons", "nvmlDeviceGetCurrentClocksEventReasons", hexadecimal),
    (
        "memory",
        lambda nvml, device: readers.read_memory(nvml, device, "reserved", "used", "free"),
    ),
    result("pcie.current-gen", "nvmlDeviceGetCurrPcieLinkGeneration", number),
    result("pcie.current-width", "nvmlDeviceGetCurrPcieLinkWidth", number),
    result("pcie.replay-counter", "nvmlDeviceGetPcieReplayCounter", number),
    result("compute-process-count", "nvmlDeviceGetComputeRunningProcesses_v3", len),
    *(
        result(f"ecc.{since}-{kind}-errors", "nvmlDeviceGetTotalEccErrors", number, error, counter)
        for since, counter in (("volatile", 0), ("aggregate", 1))
        for kind, error in (("corrected", 0), ("uncorrected", 1))
    ),
    ("ecc.sram-threshold-exceeded", readers.read_sram_ecc),
    results(
        "remapped-rows",
        "nvmlDeviceGetRemappedRows",
        {
            "remapped-rows.correctable": number,
            "remapped-rows.uncorrectable": number,
            "remapped-rows.pending": bool,
            "remapped-rows.failure-occurred": bool,
        },
    ),
    attributes(
        "remapped-rows.histogram",
        "nvmlDeviceGetRowRemapperHistogram",
        {
            f"remapped-rows.histogram.{name}-banks": name
            for name in ("max", "high", "partial", "low", "none")
        },
    ),
    result("retired-pages.single-bit-ecc", "nvmlDeviceGetRetiredPages_v2", len, 0),
    result("retired-pages.double-bit-ecc", "nvmlDeviceGetRetiredPages_v2", len, 1),
    result("retired-pages.pending", "nvmlDeviceGetRetiredPagesPendingStatus", bool),
    results(
        "repair",
        "nvmlDeviceGetRepairStatus",
        {"repair.channel-pending": bool, "repair.tpc-pending": bool},
    ),
    field("recovery-action", RECOVERY_ACTION_FIELD, name_by(RECOVERY_ACTIONS)),
)
# A record of values tells the parent that a slow GPU does not hang.
RECORD_SIZE = 8
PARTS = (
    ("config", IDENTITY),
    *(("config", CONFIG[i : i + RECORD_SIZE]) for i in range(0, len(CONFIG), RECORD_SIZE)),
    *(("state", STATE[i : i + RECORD_SIZE]) for i in range(0, len(STATE), RECORD_SIZE)),
)
