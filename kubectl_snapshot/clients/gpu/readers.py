"""Readers of NVML values that are special, and the calls and error codes all readers share.

A reader takes the module `pynvml` and a device handle and returns values by key; fields.py lists
all of them. Runs in the child process, where nvml_child.py is the only module to import pynvml.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Union

from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.errors import InvalidRequest

Value = Union[str, int, bool]
Values = dict[str, Value]
Convert = Callable[[Any], Value]
Reader = Callable[[Any, Any], Values]
# The name is the reader's key or, for several keys, their prefix.
NamedReader = tuple[str, Reader]

# nvml.h, nvmlReturn_t.
INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 2, 3, 4, 6
FUNCTION_NOT_FOUND, GPU_IS_LOST, ARGUMENT_VERSION_MISMATCH, DEPRECATED = 13, 15, 25, 26
# This GPU, driver or version of NVML does not have the value.
UNSUPPORTED = (
    INVALID_ARGUMENT,
    NOT_SUPPORTED,
    NOT_FOUND,
    FUNCTION_NOT_FOUND,
    ARGUMENT_VERSION_MISMATCH,
    DEPRECATED,
)

# nvml.h, NVML_FI_DEV_*; scope 1 is the whole module, a Grace CPU with its GPUs.
MODULE_POWER_FIELDS = {"min": 187, "max": 188, "default": 189, "current": 190, "requested": 192}
MODULE_SCOPE = 1
CC_ENVIRONMENTS = {0: "Unavailable", 1: "Simulation", 2: "Production"}
CC_MULTI_GPU_MODES = {0: "None", 1: "Protected PCIe", 2: "NVLE"}


def read_values(
    nvml: Any, device: Any, readers: Sequence[NamedReader]
) -> tuple[Values, dict[str, int], dict[str, str]]:
    """Return the values, the NVML code of each unsupported reader, the message of each failed one.

    The last two are by the reader's name. Raises NVMLError if the GPU is lost: every other call
    would fail the same way.
    """
    values: Values = {}
    unsupported: dict[str, int] = {}
    failed: dict[str, str] = {}
    for name, reader in readers:
        try:
            values.update(reader(nvml, device))
        except nvml.NVMLError as error:
            if error.value == GPU_IS_LOST:
                raise
            if error.value in UNSUPPORTED:
                unsupported[name] = error.value
            else:
                failed[name] = str(error)
        except (UnicodeDecodeError, InvalidRequest) as error:
            failed[name] = str(error)
    return values, unsupported, failed


def read_fields(nvml: Any, device: Any, fields: Sequence[Any]) -> list[int | None]:
    """Return the values of several fields, None for each that this GPU does not have."""
    found = nvml.nvmlDeviceGetFieldValues(device, fields)
    return [None if value.nvmlReturn else value.value.uiVal for value in found]


def fill_structure(nvml: Any, function: str, device: Any, structure: Any) -> Any:
    """Return a structure filled by NVML, and check the code, as some wrappers of pynvml do not."""
    try:
        call = getattr(nvml.nvmlLib, function)
    except AttributeError:
        raise nvml.NVMLError(FUNCTION_NOT_FOUND) from None
    given = (ctypes.byref(structure),) if device is None else (device, ctypes.byref(structure))
    code = call(*given)
    if code:
        raise nvml.NVMLError(code)
    return structure


def call_newest(nvml: Any, newest: Callable[[], Any], older: Callable[[], Any]) -> Any:
    """Return the result of the newest version of a call, of the older one if it is unsupported."""
    try:
        return newest()
    except nvml.NVMLError as error:
        if error.value not in UNSUPPORTED:
            raise
        return older()


def name_by(names: Mapping[int, str]) -> Callable[[int], str]:
    """Return the conversion of an enum's number to its name; an unknown number stays a number."""
    return lambda number: names.get(number, str(number))


def decode(value: Any) -> str:
    """Return a string of NVML: pynvml decodes most structures' members, but few results."""
    return value.decode() if isinstance(value, bytes) else str(value)


def hexadecimal(number: int) -> str:
    """Return a 32-bit number as `0x%08X` formats it."""
    return f"0x{number:08X}"


def read_cuda_version(nvml: Any, device: Any) -> Values:
    """Return the newest CUDA version that the driver supports, as `12.8`."""
    version = nvml.nvmlSystemGetCudaDriverVersion_v2()
    return {"cuda-version": f"{version // 1000}.{version % 1000 // 10}"}


def read_driver_branch(nvml: Any, device: Any) -> Values:
    """Return the driver's branch, as `r570_00`."""
    return {"driver-branch": decode(nvml.nvmlSystemGetDriverBranch().branch)}


def read_pci(nvml: Any, device: Any) -> Values:
    """Return the PCI address, device ID and subsystem ID."""
    found = nvml.nvmlDeviceGetPciInfo(device)
    return {
        "pci.bus-id": parse_address(decode(found.busId)),
        "pci.device-id": hexadecimal(found.pciDeviceId),
        "pci.subsystem-id": hexadecimal(found.pciSubSystemId),
    }


def read_compute_capability(nvml: Any, device: Any) -> Values:
    """Return the compute capability, as `9.0`."""
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(device)
    return {"cuda-compute-capability": f"{major}.{minor}"}


def read_module_id(nvml: Any, device: Any) -> Values:
    """Return the number of the GPU module on its board."""
    # All threads would share pynvml's default argument.
    return {"module-id": int(nvml.nvmlDeviceGetModuleId(device, ctypes.c_uint()))}


def read_gsp_mode(nvml: Any, device: Any) -> Values:
    """Return whether GSP firmware is enabled, and whether it is by default."""
    # All threads would share pynvml's default arguments.
    found = nvml.nvmlDeviceGetGspFirmwareMode(device, ctypes.c_uint(), ctypes.c_uint())
    return {"gsp-firmware.enabled": bool(found[0]), "gsp-firmware.default": bool(found[1])}


def read_platform(nvml: Any, device: Any) -> Values:
    """Return the GPU's position in its rack: chassis, slot, tray, host, module."""
    found = nvml.c_nvmlPlatformInfo_v2_t()
    fill_structure(nvml, "nvmlDeviceGetPlatformInfo", device, found)
    # From the raw bytes: ctypes would truncate the strings and the GUID at their first zero.
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
    """Return parts of the framebuffer's size in bytes; version 1 of the call has no `reserved`."""
    found = call_newest(
        nvml,
        lambda: nvml.nvmlDeviceGetMemoryInfo(device, version=nvml.nvmlMemory_v2),
        lambda: nvml.nvmlDeviceGetMemoryInfo(device),
    )
    return {f"memory.{part}-bytes": getattr(found, part) for part in parts if hasattr(found, part)}


def read_module_power(nvml: Any, device: Any) -> Values:
    """Return the power limits of the whole module in mW."""
    fields = [(number, MODULE_SCOPE) for number in MODULE_POWER_FIELDS.values()]
    limits = zip(MODULE_POWER_FIELDS, read_fields(nvml, device, fields))
    return {f"power.module.{name}-limit-mw": n for name, n in limits if n is not None}


def read_conf_compute(nvml: Any, device: Any) -> Values:
    """Return the confidential computing settings of the system."""
    settings = nvml.c_nvmlSystemConfComputeSettings_v1_t()
    found = call_newest(
        nvml,
        lambda: fill_structure(nvml, "nvmlSystemGetConfComputeSettings", None, settings),
        nvml.nvmlSystemGetConfComputeState,
    )
    values: Values = {
        "conf-compute.environment": name_by(CC_ENVIRONMENTS)(found.environment),
        "conf-compute.feature-enabled": bool(found.ccFeature),
        "conf-compute.dev-tools-mode": bool(found.devToolsMode),
    }
    if hasattr(found, "multiGpuMode"):
        values["conf-compute.multi-gpu-mode"] = name_by(CC_MULTI_GPU_MODES)(found.multiGpuMode)
    return values


def read_egm(nvml: Any, device: Any) -> Values:
    """Return whether the GPU supports extended GPU memory (EGM)."""
    found = nvml.c_nvmlDeviceCapabilities_v1_t()
    fill_structure(nvml, "nvmlDeviceGetCapabilities", device, found)
    return {"egm-capability": bool(found.capMask & nvml.NVML_DEV_CAP_EGM)}


def read_mig_devices(nvml: Any, device: Any) -> Values:
    """Return the MIG devices by index; indices have gaps after a device was deleted."""
    maximum = nvml.nvmlDeviceGetMaxMigDeviceCount(device)
    values: Values = {"mig.max-device-count": maximum}
    current, _ = nvml.nvmlDeviceGetMigMode(device)
    for index in range(maximum if current else 0):
        try:
            mig_device = nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index)
        except nvml.NVMLError as error:
            if error.value not in (NOT_FOUND, INVALID_ARGUMENT):
                raise
            continue
        values.update(_read_mig_device(nvml, device, mig_device, f"mig.{index}"))
    return values


def _read_mig_device(nvml: Any, parent: Any, device: Any, prefix: str) -> Values:
    instance_id = nvml.nvmlDeviceGetGpuInstanceId(device)
    found = nvml.nvmlDeviceGetAttributes_v2(device)
    values: Values = {
        f"{prefix}.uuid": nvml.nvmlDeviceGetUUID(device),
        f"{prefix}.name": nvml.nvmlDeviceGetName(device),
        f"{prefix}.gpu-instance-id": instance_id,
        f"{prefix}.compute-instance-id": nvml.nvmlDeviceGetComputeInstanceId(device),
        f"{prefix}.gpu-instance-slice-count": found.gpuInstanceSliceCount,
        f"{prefix}.compute-instance-slice-count": found.computeInstanceSliceCount,
        f"{prefix}.multiprocessor-count": found.multiprocessorCount,
        f"{prefix}.memory-size-mib": found.memorySizeMB,
    }
    try:
        info = nvml.nvmlGpuInstanceGetInfo(nvml.nvmlDeviceGetGpuInstanceById(parent, instance_id))
    except nvml.NVMLError as error:
        if error.value not in (*UNSUPPORTED, NO_PERMISSION):
            raise
        return values
    values[f"{prefix}.profile-id"] = info.profileId
    values[f"{prefix}.placement"] = f"{info.placement.start}:{info.placement.size}"
    return values


def read_temperature(nvml: Any, device: Any) -> Values:
    """Return the GPU's temperature in degrees Celsius."""
    degrees = call_newest(
        nvml,
        lambda: nvml.nvmlDeviceGetTemperatureV(device, 0),
        lambda: nvml.nvmlDeviceGetTemperature(device, 0),
    )
    return {"temperature.gpu-c": degrees}


def read_sram_ecc(nvml: Any, device: Any) -> Values:
    """Return whether the SRAM exceeded its threshold of ECC errors."""
    found = nvml.c_nvmlEccSramErrorStatus_v1_t()
    fill_structure(nvml, "nvmlDeviceGetSramEccErrorStatus", device, found)
    return {"ecc.sram-threshold-exceeded": bool(found.bThresholdExceeded)}
