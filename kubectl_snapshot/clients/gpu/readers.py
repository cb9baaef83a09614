"""Readers of NVML values that are special, and the calls and error codes all readers share.

A reader takes the module `pynvml` and a device handle and returns values by key; fields.py lists
all of them. Runs in the child process, where nvml_child.py is the only module to import pynvml.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Union

from kubectl_snapshot.clients.gpu.enums import (
    CC_ENVIRONMENTS,
    CC_MULTI_GPU_MODES,
    NOT_AVAILABLE,
    UNKNOWN,
    Names,
)
from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.errors import InvalidRequest

Value = Union[str, int, bool]
Values = dict[str, Value]
# What a reader returns: in place of a value that cannot be read, the exception that says why.
Readings = dict[str, Union[Value, Exception]]
Convert = Callable[[Any], Value]
Reader = Callable[[Any, Any], Readings]
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


class NoValue(Exception):
    """NVML answers with its sentinel for a value that this GPU does not have."""


class Unclear(Exception):
    """NVML answers with a number that is not a value: the message says which."""


# What a conversion raises.
BAD_VALUES = (UnicodeDecodeError, InvalidRequest, NoValue, Unclear)


def read_values(
    nvml: Any, device: Any, readers: Sequence[NamedReader]
) -> tuple[Values, dict[str, int], dict[str, str]]:
    """Return the values, the NVML code of each unsupported reader, the message of each failed one.

    The last two are by the key or, if a reader returns nothing, by the reader's name. Raises
    NVMLError if the GPU is lost: every other call would fail the same way.
    """
    values: Values = {}
    unsupported: dict[str, int] = {}
    failed: dict[str, str] = {}
    for name, reader in readers:
        try:
            found = reader(nvml, device)
        except (nvml.NVMLError, *BAD_VALUES) as error:
            found = {name: error}
        for key, reading in found.items():
            if not isinstance(reading, Exception):
                values[key] = reading
                continue
            code = find_code(nvml, reading)
            if code == GPU_IS_LOST:
                raise reading
            if code in UNSUPPORTED:
                unsupported[key] = code
            else:
                failed[key] = _explain(reading)
    return values, unsupported, failed


def find_code(nvml: Any, error: Exception) -> int:
    """Return NVML's code of an error, 0 for an answer that is not a value."""
    if isinstance(error, NoValue):
        return NOT_SUPPORTED
    return int(error.value) if isinstance(error, nvml.NVMLError) else 0


def convert_each(parts: Iterable[tuple[str, Convert, Any]]) -> Readings:
    """Return converted results by key; an invalid result does not affect the others."""
    readings: Readings = {}
    for key, convert, part in parts:
        try:
            readings[key] = convert(part)
        except BAD_VALUES as error:
            readings[key] = error
    return readings


def attempt(
    nvml: Any, key: str, convert: Convert, function: Callable[..., Any], *arguments: Any
) -> Readings:
    """Return one value of a link or a MIG device or, in its place, why there is none."""
    try:
        return {key: convert(function(*arguments))}
    except (nvml.NVMLError, *BAD_VALUES) as error:
        return {key: as_failure(nvml, error)}


def as_failure(nvml: Any, error: Exception) -> Exception:
    """Return an error that read_values counts as failed, whatever NVML's code.

    The other links or MIG devices have the value: that this one does not is worth a reason.
    """
    return Unclear(str(error)) if find_code(nvml, error) in UNSUPPORTED else error


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


def name_by(names: Names) -> Callable[[int], str]:
    """Return the conversion of an enum's number to its name, `unknown (N)` for a new one.

    It raises Unclear for the number by which NVML says that it does not know.
    """

    def convert(number: int) -> str:
        if number in NOT_AVAILABLE or names.get(number) == UNKNOWN:
            raise Unclear("not known to NVML")
        return names.get(number, f"unknown ({number})")

    return convert


def number(value: Any) -> int:
    """Return a number; raises NoValue for NVML_VALUE_NOT_AVAILABLE."""
    if value in NOT_AVAILABLE:
        raise NoValue("not available")
    return int(value)


def flag(value: Any) -> bool:
    """Return whether a setting is enabled (nvmlEnableState_t); raises Unclear for neither."""
    if number(value) not in (0, 1):
        raise Unclear(f"unknown ({value})")
    return bool(value)


def decode(value: Any) -> str:
    """Return a string of NVML: pynvml decodes most structures' members, but few results."""
    return value.decode() if isinstance(value, bytes) else str(value)


def hexadecimal(number: int) -> str:
    """Return a 32-bit number as `0x%08X` formats it."""
    return f"0x{number:08X}"


def _explain(error: Exception) -> str:
    why = getattr(error, "what", "")  # of a SnapshotError, whose text is for a log
    return why or str(error)


def read_cuda_version(nvml: Any, device: Any) -> Readings:
    """Return the newest CUDA version that the driver supports, as `12.8`."""
    version = nvml.nvmlSystemGetCudaDriverVersion_v2()
    return {"cuda-version": f"{version // 1000}.{version % 1000 // 10}"}


def read_driver_branch(nvml: Any, device: Any) -> Readings:
    """Return the driver's branch, as `r570_00`."""
    return {"driver-branch": decode(nvml.nvmlSystemGetDriverBranch().branch)}


def read_pci(nvml: Any, device: Any) -> Readings:
    """Return the PCI address, device ID and subsystem ID."""
    found = nvml.nvmlDeviceGetPciInfo(device)
    return {
        "pci.bus-id": parse_address(decode(found.busId)),
        "pci.device-id": hexadecimal(found.pciDeviceId),
        "pci.subsystem-id": hexadecimal(found.pciSubSystemId),
    }


def read_compute_capability(nvml: Any, device: Any) -> Readings:
    """Return the compute capability, as `9.0`."""
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(device)
    return {"cuda-compute-capability": f"{major}.{minor}"}


def read_module_id(nvml: Any, device: Any) -> Readings:
    """Return the number of the GPU module on its board."""
    # All threads would share pynvml's default argument.
    return {"module-id": number(nvml.nvmlDeviceGetModuleId(device, ctypes.c_uint()))}


def read_gsp_mode(nvml: Any, device: Any) -> Readings:
    """Return whether GSP firmware is enabled, and whether it is by default."""
    # All threads would share pynvml's default arguments.
    found = nvml.nvmlDeviceGetGspFirmwareMode(device, ctypes.c_uint(), ctypes.c_uint())
    return {"gsp-firmware.enabled": bool(found[0]), "gsp-firmware.default": bool(found[1])}


def read_platform(nvml: Any, device: Any) -> Readings:
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


def read_memory(nvml: Any, device: Any, *parts: str) -> Readings:
    """Return parts of the framebuffer's size in bytes; version 1 of the call has no `reserved`."""
    found = call_newest(
        nvml,
        lambda: nvml.nvmlDeviceGetMemoryInfo(device, version=nvml.nvmlMemory_v2),
        lambda: nvml.nvmlDeviceGetMemoryInfo(device),
    )
    return convert_each(
        (f"memory.{part}-bytes", number, getattr(found, part))
        for part in parts
        if hasattr(found, part)
    )


def read_module_power(nvml: Any, device: Any) -> Readings:
    """Return the power limits of the whole module in mW."""
    fields = [(number, MODULE_SCOPE) for number in MODULE_POWER_FIELDS.values()]
    limits = zip(MODULE_POWER_FIELDS, read_fields(nvml, device, fields))
    return convert_each(
        (f"power.module.{name}-limit-mw", number, limit)
        for name, limit in limits
        if limit is not None
    )


def read_conf_compute(nvml: Any, device: Any) -> Readings:
    """Return the confidential computing settings of the system."""
    settings = nvml.c_nvmlSystemConfComputeSettings_v1_t()
    found = call_newest(
        nvml,
        lambda: fill_structure(nvml, "nvmlSystemGetConfComputeSettings", None, settings),
        nvml.nvmlSystemGetConfComputeState,
    )
    parts: list[tuple[str, Convert, Any]] = [
        ("conf-compute.environment", name_by(CC_ENVIRONMENTS), found.environment),
        ("conf-compute.feature-enabled", bool, found.ccFeature),
        ("conf-compute.dev-tools-mode", bool, found.devToolsMode),
    ]
    if hasattr(found, "multiGpuMode"):
        mode = found.multiGpuMode
        parts.append(("conf-compute.multi-gpu-mode", name_by(CC_MULTI_GPU_MODES), mode))
    return convert_each(parts)


def read_egm(nvml: Any, device: Any) -> Readings:
    """Return whether the GPU supports extended GPU memory (EGM)."""
    found = nvml.c_nvmlDeviceCapabilities_v1_t()
    fill_structure(nvml, "nvmlDeviceGetCapabilities", device, found)
    return {"egm-capability": bool(found.capMask & nvml.NVML_DEV_CAP_EGM)}


def read_temperature(nvml: Any, device: Any) -> Readings:
    """Return the GPU's temperature in degrees Celsius."""
    degrees = call_newest(
        nvml,
        lambda: nvml.nvmlDeviceGetTemperatureV(device, 0),
        lambda: nvml.nvmlDeviceGetTemperature(device, 0),
    )
    return {"temperature.gpu-c": number(degrees)}


def read_sram_ecc(nvml: Any, device: Any) -> Readings:
    """Return whether the SRAM exceeded its threshold of ECC errors."""
    found = nvml.c_nvmlEccSramErrorStatus_v1_t()
    fill_structure(nvml, "nvmlDeviceGetSramEccErrorStatus", device, found)
    return {"ecc.sram-threshold-exceeded": bool(found.bThresholdExceeded)}
