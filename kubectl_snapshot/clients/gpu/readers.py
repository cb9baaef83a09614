"""What NVML answers with more than one value, or in more than one way. Runs in the child process.

Each function returns its values by their keys; what NVML does not answer is not there.
"""

from __future__ import annotations

import ctypes
from typing import Any

from kubectl_snapshot.clients.gpu.enums import (
    CC_ENVIRONMENTS,
    CC_MULTI_GPU_MODES,
    FABRIC_HEALTH,
    FABRIC_STATES,
)
from kubectl_snapshot.clients.gpu.values import (
    INVALID_ARGUMENT,
    NO_PERMISSION,
    NOT_FOUND,
    NOT_SUPPORTED,
    UNSUPPORTED,
    Named,
    Values,
    hexadecimal,
    named,
    read_fields,
    structure,
    text,
)
from kubectl_snapshot.clients.host.pci import parse_address

# nvml.h, NVML_FI_DEV_*; scope 1 is the whole module, a Grace CPU with its GPUs.
MODULE_POWER_FIELDS = {"min": 187, "max": 188, "default": 189, "current": 190, "requested": 192}
MODULE_SCOPE = 1
AFFINITY_WORDS = 64  # of 64 CPUs each


def read_cuda_version(nvml: Any, device: Any) -> Values:
    """Return the newest CUDA of the driver, `12.8`: nvmlSystemGetCudaDriverVersion_v2."""
    version = nvml.nvmlSystemGetCudaDriverVersion_v2()
    return {"cuda-version": f"{version // 1000}.{version % 1000 // 10}"}


def read_branch(nvml: Any, device: Any) -> Values:
    """Return the driver's branch, as `r570_00`. Source: nvmlSystemGetDriverBranch."""
    return {"driver-branch": text(nvml.nvmlSystemGetDriverBranch().branch)}


def read_pci(nvml: Any, device: Any) -> Values:
    """Return address and identifiers on the PCI bus. Source: nvmlDeviceGetPciInfo."""
    found = nvml.nvmlDeviceGetPciInfo(device)
    return {
        "pci.bus-id": parse_address(text(found.busId)),
        "pci.device-id": hexadecimal(found.pciDeviceId),
        "pci.subsystem-id": hexadecimal(found.pciSubSystemId),
    }


def read_capability(nvml: Any, device: Any) -> Values:
    """Return the compute capability, `9.0`. Source: nvmlDeviceGetCudaComputeCapability."""
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(device)
    return {"cuda-compute-capability": f"{major}.{minor}"}


def read_module_id(nvml: Any, device: Any) -> Values:
    """Return the number of the module on its board. Source: nvmlDeviceGetModuleId."""
    # Its own number: pynvml's default is one that all threads would share.
    return {"module-id": int(nvml.nvmlDeviceGetModuleId(device, ctypes.c_uint()))}


def read_gsp_mode(nvml: Any, device: Any) -> Values:
    """Return whether GSP firmware runs, and by default. Source: nvmlDeviceGetGspFirmwareMode."""
    found = nvml.nvmlDeviceGetGspFirmwareMode(device, ctypes.c_uint(), ctypes.c_uint())
    return {"gsp-firmware.enabled": bool(found[0]), "gsp-firmware.default": bool(found[1])}


def read_platform(nvml: Any, device: Any) -> Values:
    """Return where the GPU sits in its rack. Source: nvmlDeviceGetPlatformInfo."""
    found = nvml.c_nvmlPlatformInfo_v2_t()
    structure(nvml, "nvmlDeviceGetPlatformInfo", device, found)
    # Raw bytes: ctypes would end the texts and the GUID at their first zero.
    raw = bytes(found)
    serial = raw[20:36].split(b"\0")[0].decode("ascii", "backslashreplace")
    slot, tray, host, peer, module = raw[36:41]
    return {
        "platform.ib-guid": raw[4:20].hex(),
        "platform.chassis-serial-number": serial,
        "platform.slot-number": slot,
        "platform.tray-index": tray,
        "platform.host-id": host,
        "platform.peer-type": peer,
        "platform.module-id": module,
    }


def read_memory(nvml: Any, device: Any, *parts: str) -> Values:
    """Return parts of the framebuffer in bytes. Source: nvmlDeviceGetMemoryInfo, version 2 or 1."""
    try:
        found = nvml.nvmlDeviceGetMemoryInfo(device, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError as error:
        if error.value not in UNSUPPORTED:
            raise
        found = nvml.nvmlDeviceGetMemoryInfo(device)
    return {f"memory.{part}-bytes": getattr(found, part) for part in parts if hasattr(found, part)}


def read_bar1(nvml: Any, device: Any) -> Values:
    """Return the size of BAR1 in bytes. Source: nvmlDeviceGetBAR1MemoryInfo."""
    return {"bar1-memory.total-bytes": nvml.nvmlDeviceGetBAR1MemoryInfo(device).bar1Total}


def read_power_constraints(nvml: Any, device: Any) -> Values:
    """Return the bounds of the power limit in mW: nvmlDeviceGetPowerManagementLimitConstraints."""
    low, high = nvml.nvmlDeviceGetPowerManagementLimitConstraints(device)
    return {"power.min-limit-mw": low, "power.max-limit-mw": high}


def read_module_power(nvml: Any, device: Any) -> Values:
    """Return the whole module's power limits in mW. Source: nvmlDeviceGetFieldValues."""
    fields = [(field, MODULE_SCOPE) for field in MODULE_POWER_FIELDS.values()]
    values = read_fields(nvml, device, fields)
    limits = zip(MODULE_POWER_FIELDS, values)
    return {f"power.module.{name}-limit-mw": n for name, n in limits if n is not None}


def read_c2c_mode(nvml: Any, device: Any) -> Values:
    """Return whether the link between chips is on. Source: nvmlDeviceGetC2cModeInfoV."""
    return {"c2c-mode": bool(nvml.nvmlDeviceGetC2cModeInfoV(device).isC2cEnabled)}


def read_fabric(nvml: Any, device: Any) -> Values:
    """Return the state of the NVLink fabric. Source: nvmlDeviceGetGpuFabricInfoV."""
    found = _read_fabric_info(nvml, device)
    state = found.state
    values: Values = {"fabric.state": FABRIC_STATES.get(state, str(state))}
    if state != 3:  # the rest is filled in once the fabric is completed
        return values
    cluster = bytes(found.clusterUuid).hex()
    values["fabric.status"] = str(nvml.NVMLError(found.status)) if found.status else "Success"
    values["fabric.clique-id"] = found.cliqueId
    values["fabric.cluster-uuid"] = "-".join(
        (cluster[:8], cluster[8:12], cluster[12:16], cluster[16:20], cluster[20:])
    )
    if hasattr(found, "healthMask"):
        values["fabric.health-mask"] = hexadecimal(found.healthMask)
    if hasattr(found, "healthSummary"):
        values["fabric.health-summary"] = named(FABRIC_HEALTH)(found.healthSummary)
    return values


def _read_fabric_info(nvml: Any, device: Any) -> Any:
    """Return the newest form that the driver knows: v3 since R580, v2 since R550."""
    for form in (nvml.c_nvmlGpuFabricInfo_v3_t, nvml.c_nvmlGpuFabricInfo_v2_t):
        try:
            return structure(nvml, "nvmlDeviceGetGpuFabricInfoV", device, form())
        except nvml.NVMLError as error:
            if error.value not in UNSUPPORTED or error.value == NOT_SUPPORTED:
                raise
    return structure(nvml, "nvmlDeviceGetGpuFabricInfo", device, nvml.c_nvmlGpuFabricInfo_t())


def read_conf_compute(nvml: Any, device: Any) -> Values:
    """Return the confidential computing settings. Source: nvmlSystemGetConfComputeSettings."""
    settings = nvml.c_nvmlSystemConfComputeSettings_v1_t()
    try:
        structure(nvml, "nvmlSystemGetConfComputeSettings", None, settings)
    except nvml.NVMLError as error:
        if error.value not in UNSUPPORTED:
            raise
        settings = nvml.nvmlSystemGetConfComputeState()
    values: Values = {
        "conf-compute.environment": named(CC_ENVIRONMENTS)(settings.environment),
        "conf-compute.feature-enabled": bool(settings.ccFeature),
        "conf-compute.dev-tools-mode": bool(settings.devToolsMode),
    }
    if hasattr(settings, "multiGpuMode"):
        values["conf-compute.multi-gpu-mode"] = named(CC_MULTI_GPU_MODES)(settings.multiGpuMode)
    return values


def read_egm(nvml: Any, device: Any) -> Values:
    """Return whether extended GPU memory is possible. Source: nvmlDeviceGetCapabilities."""
    found = nvml.c_nvmlDeviceCapabilities_v1_t()
    structure(nvml, "nvmlDeviceGetCapabilities", device, found)
    return {"egm-capability": bool(found.capMask & nvml.NVML_DEV_CAP_EGM)}


def read_affinity(key: str, function: str, *arguments: Any) -> Named:
    """Return the reader of a set of CPUs or NUMA nodes that is near the GPU."""

    def read(nvml: Any, device: Any) -> Values:
        words = getattr(nvml, function)(device, AFFINITY_WORDS, *arguments)
        return {key: render_set(sum(word << 64 * i for i, word in enumerate(words)))}

    return key, read


def render_set(mask: int) -> str:
    """Return the bits of a mask as the kernel lists CPUs: `0-55,112-167`."""
    runs: list[tuple[int, int]] = []
    for bit in range(mask.bit_length()):
        if not mask >> bit & 1:
            continue
        if runs and runs[-1][1] == bit - 1:
            runs[-1] = (runs[-1][0], bit)
        else:
            runs.append((bit, bit))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def read_mig_devices(nvml: Any, device: Any) -> Values:
    """Return every MIG device. Source: nvmlDeviceGetMigDeviceHandleByIndex and what it gives."""
    most = nvml.nvmlDeviceGetMaxMigDeviceCount(device)
    values: Values = {"mig.max-device-count": most}
    current, _ = nvml.nvmlDeviceGetMigMode(device)
    for index in range(most if current else 0):
        try:
            instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index)
        except nvml.NVMLError as error:
            if error.value not in (NOT_FOUND, INVALID_ARGUMENT):
                raise
            continue  # a hole: devices keep their numbers while others go
        values.update(_read_mig_device(nvml, device, instance, f"mig.{index}"))
    return values


def _read_mig_device(nvml: Any, parent: Any, device: Any, prefix: str) -> Values:
    instance_id = nvml.nvmlDeviceGetGpuInstanceId(device)
    attributes = nvml.nvmlDeviceGetAttributes_v2(device)
    values: Values = {
        f"{prefix}.uuid": nvml.nvmlDeviceGetUUID(device),
        f"{prefix}.name": nvml.nvmlDeviceGetName(device),
        f"{prefix}.gpu-instance-id": instance_id,
        f"{prefix}.compute-instance-id": nvml.nvmlDeviceGetComputeInstanceId(device),
        f"{prefix}.gpu-instance-slice-count": attributes.gpuInstanceSliceCount,
        f"{prefix}.compute-instance-slice-count": attributes.computeInstanceSliceCount,
        f"{prefix}.multiprocessor-count": attributes.multiprocessorCount,
        f"{prefix}.memory-size-mib": attributes.memorySizeMB,
    }
    try:
        found = nvml.nvmlGpuInstanceGetInfo(nvml.nvmlDeviceGetGpuInstanceById(parent, instance_id))
    except nvml.NVMLError as error:
        if error.value not in (*UNSUPPORTED, NO_PERMISSION):
            raise
        return values
    values[f"{prefix}.profile-id"] = found.profileId
    values[f"{prefix}.placement"] = f"{found.placement.start}:{found.placement.size}"
    return values


def read_utilization(nvml: Any, device: Any) -> Values:
    """Return the last use of GPU and memory in percent. Source: nvmlDeviceGetUtilizationRates."""
    found = nvml.nvmlDeviceGetUtilizationRates(device)
    return {"utilization.gpu-percent": found.gpu, "utilization.memory-percent": found.memory}


def read_temperature(nvml: Any, device: Any) -> Values:
    """Return the chip's temperature in degrees Celsius. Source: nvmlDeviceGetTemperatureV."""
    try:
        degrees = nvml.nvmlDeviceGetTemperatureV(device, 0)
    except nvml.NVMLError as error:
        if error.value not in UNSUPPORTED:
            raise
        degrees = nvml.nvmlDeviceGetTemperature(device, 0)
    return {"temperature.gpu-c": degrees}


def read_remapped_rows(nvml: Any, device: Any) -> Values:
    """Return counts and state of remapped rows. Source: nvmlDeviceGetRemappedRows."""
    correctable, uncorrectable, pending, failure = nvml.nvmlDeviceGetRemappedRows(device)
    return {
        "remapped-rows.correctable": correctable,
        "remapped-rows.uncorrectable": uncorrectable,
        "remapped-rows.pending": bool(pending),
        "remapped-rows.failure-occurred": bool(failure),
    }


def read_row_histogram(nvml: Any, device: Any) -> Values:
    """Return banks by their spare rows. Source: nvmlDeviceGetRowRemapperHistogram."""
    found = nvml.nvmlDeviceGetRowRemapperHistogram(device)
    names = ("max", "high", "partial", "low", "none")
    return {f"remapped-rows.histogram.{name}-banks": getattr(found, name) for name in names}


def read_repair(nvml: Any, device: Any) -> Values:
    """Return whether repairs wait for a reset. Source: nvmlDeviceGetRepairStatus."""
    channel, tpc = nvml.nvmlDeviceGetRepairStatus(device)
    return {"repair.channel-pending": bool(channel), "repair.tpc-pending": bool(tpc)}


def read_sram_ecc(nvml: Any, device: Any) -> Values:
    """Return whether SRAM has too many ECC errors. Source: nvmlDeviceGetSramEccErrorStatus."""
    found = nvml.c_nvmlEccSramErrorStatus_v1_t()
    structure(nvml, "nvmlDeviceGetSramEccErrorStatus", device, found)
    return {"ecc.sram-threshold-exceeded": bool(found.bThresholdExceeded)}
