"""All NVML values of a GPU: the table of keys and NVML functions, enum names, generic readers.

A key is NVML's own noun in kebab-case, its unit last. Special readers are in readers.py and
nvlink.py. Runs in the child process (nvml_child.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_snapshot.clients.gpu import nvlink, readers
from kubectl_snapshot.clients.gpu.readers import (
    Convert,
    NamedReader,
    Values,
    decode,
    hexadecimal,
    name_by,
    read_fields,
)

ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}
BRANDS = {
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "GRID",
    5: "GeForce",
    6: "TITAN",
    12: "Quadro RTX",
    13: "NVIDIA RTX",
    14: "NVIDIA",
}
# The names are those of nvidia-smi.
COMPUTE_MODES = {0: "Default", 2: "Prohibited", 3: "Exclusive_Process"}
VIRTUALIZATION_MODES = {0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"}
HOST_VGPU_MODES = {0: "Non SR-IOV", 1: "SR-IOV"}
ADDRESSING_MODES = {0: "None", 1: "HMM", 2: "ATS"}
RECOVERY_ACTIONS = {
    0: "None",
    1: "GPU Reset",
    2: "Node Reboot",
    3: "Drain P2P",
    4: "Drain and Reset",
    5: "Recover IMEX Domain",
}
CLOCKS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
C2C_COUNT_FIELD, RECOVERY_ACTION_FIELD = 170, 230  # nvml.h, NVML_FI_DEV_*
NODE_SCOPE = 0  # nvml.h, NVML_AFFINITY_SCOPE_NODE
AFFINITY_WORDS = 64  # each has 64 bits


def result(key: str, function: str, convert: Convert, *arguments: Any) -> NamedReader:
    """Return the reader of a function with one result."""

    def read(nvml: Any, device: Any) -> Values:
        given = arguments if device is None else (device, *arguments)
        return {key: convert(getattr(nvml, function)(*given))}

    return key, read


def results(name: str, function: str, converts: Mapping[str, Convert]) -> NamedReader:
    """Return the reader of a function with several results, each with its key and conversion."""

    def read(nvml: Any, device: Any) -> Values:
        found = getattr(nvml, function)(device)
        return {key: convert(part) for (key, convert), part in zip(converts.items(), found)}

    return name, read


def attributes(
    name: str, function: str, names: Mapping[str, str], convert: Convert = int
) -> NamedReader:
    """Return the reader of a function whose result is a structure, by key and attribute."""

    def read(nvml: Any, device: Any) -> Values:
        found = getattr(nvml, function)(device)
        return {key: convert(getattr(found, attribute)) for key, attribute in names.items()}

    return name, read


def field(key: str, number: int, convert: Convert) -> NamedReader:
    """Return the reader of one field of nvmlDeviceGetFieldValues (NVML_FI_DEV_*)."""

    def read(nvml: Any, device: Any) -> Values:
        (value,) = read_fields(nvml, device, [number])
        return {} if value is None else {key: convert(value)}

    return key, read


def affinity(key: str, function: str, *arguments: Any) -> NamedReader:
    """Return the reader of the CPUs or NUMA nodes that are close to the GPU."""

    def read(nvml: Any, device: Any) -> Values:
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
    result("pdi", "nvmlDeviceGetPdi", int),
    result("brand", "nvmlDeviceGetBrand", name_by(BRANDS)),
    result("architecture", "nvmlDeviceGetArchitecture", name_by(ARCHITECTURES)),
    ("cuda-compute-capability", readers.read_compute_capability),
    result("gpu-core-count", "nvmlDeviceGetNumGpuCores", int),
    ("module-id", readers.read_module_id),
    ("platform", readers.read_platform),
    ("memory", lambda nvml, device: readers.read_memory(nvml, device, "total")),
    result("memory.bus-width-bits", "nvmlDeviceGetMemoryBusWidth", int),
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
    results("ecc", "nvmlDeviceGetEccMode", {"ecc.current": bool, "ecc.pending": bool}),
    result("ecc.default", "nvmlDeviceGetDefaultEccMode", lambda found: bool(found[0])),
    results("mig", "nvmlDeviceGetMigMode", {"mig.current": bool, "mig.pending": bool}),
    ("mig-devices", readers.read_mig_devices),
    result("persistence-mode", "nvmlDeviceGetPersistenceMode", bool),
    result("compute-mode", "nvmlDeviceGetComputeMode", name_by(COMPUTE_MODES)),
    result("accounting-mode", "nvmlDeviceGetAccountingMode", bool),
    result("display-mode", "nvmlDeviceGetDisplayMode", bool),
    result("display-active", "nvmlDeviceGetDisplayActive", bool),
    result("api-restriction.application-clocks", "nvmlDeviceGetAPIRestriction", bool, 0),
    result("api-restriction.auto-boosted-clocks", "nvmlDeviceGetAPIRestriction", bool, 1),
    result("power.limit-mw", "nvmlDeviceGetPowerManagementLimit", int),
    result("power.enforced-limit-mw", "nvmlDeviceGetEnforcedPowerLimit", int),
    result("power.default-limit-mw", "nvmlDeviceGetPowerManagementDefaultLimit", int),
    results(
        "power.limits",
        "nvmlDeviceGetPowerManagementLimitConstraints",
        {"power.min-limit-mw": int, "power.max-limit-mw": int},
    ),
    ("power.module", readers.read_module_power),
    *(
        result(f"clocks.max.{name}-mhz", "nvmlDeviceGetMaxClockInfo", int, clock)
        for name, clock in CLOCKS.items()
    ),
    result("clocks.applications.graphics-mhz", "nvmlDeviceGetApplicationsClock", int, 0),
    result("clocks.applications.memory-mhz", "nvmlDeviceGetApplicationsClock", int, 2),
    result("pcie.max-gen", "nvmlDeviceGetMaxPcieLinkGeneration", int),
    result("pcie.device-max-gen", "nvmlDeviceGetGpuMaxPcieLinkGeneration", int),
    result("pcie.max-width", "nvmlDeviceGetMaxPcieLinkWidth", int),
    affinity("cpu-affinity", "nvmlDeviceGetCpuAffinity"),
    affinity("memory-affinity", "nvmlDeviceGetMemoryAffinity", NODE_SCOPE),
    result("numa-node-id", "nvmlDeviceGetNumaNodeId", int),
    ("nvlink", nvlink.read_links),
    ("fabric", nvlink.read_fabric),
    attributes("c2c-mode", "nvmlDeviceGetC2cModeInfoV", {"c2c-mode": "isC2cEnabled"}, bool),
    field("c2c-link-count", C2C_COUNT_FIELD, int),
    ("conf-compute", readers.read_conf_compute),
    results(
        "dram-encryption",
        "nvmlDeviceGetDramEncryptionMode",
        {"dram-encryption.current": bool, "dram-encryption.pending": bool},
    ),
    result("addressing-mode", "nvmlDeviceGetAddressingMode", name_by(ADDRESSING_MODES)),
    result("virtualization-mode", "nvmlDeviceGetVirtualizationMode", name_by(VIRTUALIZATION_MODES)),
    result("host-vgpu-mode", "nvmlDeviceGetHostVgpuMode", name_by(HOST_VGPU_MODES)),
    ("egm-capability", readers.read_egm),
)
STATE: tuple[NamedReader, ...] = (
    result("index", "nvmlDeviceGetIndex", int),
    result("minor-number", "nvmlDeviceGetMinorNumber", int),
    ("temperature", readers.read_temperature),
    result("power.draw-mw", "nvmlDeviceGetPowerUsage", int),
    result("energy.total-mj", "nvmlDeviceGetTotalEnergyConsumption", int),
    attributes(
        "utilization",
        "nvmlDeviceGetUtilizationRates",
        {"utilization.gpu-percent": "gpu", "utilization.memory-percent": "memory"},
    ),
    result("performance-state", "nvmlDeviceGetPerformanceState", lambda state: f"P{state}"),
    *(
        result(f"clocks.current.{name}-mhz", "nvmlDeviceGetClockInfo", int, clock)
        for name, clock in CLOCKS.items()
    ),
    result("clocks.event-reasons", "nvmlDeviceGetCurrentClocksEventReasons", hexadecimal),
    (
        "memory",
        lambda nvml, device: readers.read_memory(nvml, device, "reserved", "used", "free"),
    ),
    result("pcie.current-gen", "nvmlDeviceGetCurrPcieLinkGeneration", int),
    result("pcie.current-width", "nvmlDeviceGetCurrPcieLinkWidth", int),
    result("pcie.replay-counter", "nvmlDeviceGetPcieReplayCounter", int),
    result("compute-process-count", "nvmlDeviceGetComputeRunningProcesses_v3", len),
    *(
        result(f"ecc.{since}-{kind}-errors", "nvmlDeviceGetTotalEccErrors", int, error, counter)
        for since, counter in (("volatile", 0), ("aggregate", 1))
        for kind, error in (("corrected", 0), ("uncorrected", 1))
    ),
    ("ecc.sram-threshold-exceeded", readers.read_sram_ecc),
    results(
        "remapped-rows",
        "nvmlDeviceGetRemappedRows",
        {
            "remapped-rows.correctable": int,
            "remapped-rows.uncorrectable": int,
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
PARTS = (("config", IDENTITY), ("config", CONFIG), ("state", STATE))
