"""MIG devices of one GPU. Runs in the child process.

Each value is read in a call of its own: an error of one MIG device affects no other value.
"""

from __future__ import annotations

from typing import Any

from kubectl_snapshot.clients.gpu.readers import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    Convert,
    Readings,
    as_failure,
    attempt,
    convert_each,
    decode,
    number,
)

# Keys of a MIG device, and attributes of nvmlDeviceAttributes_t.
ATTRIBUTES = {
    "gpu-instance-slice-count": "gpuInstanceSliceCount",
    "compute-instance-slice-count": "computeInstanceSliceCount",
    "multiprocessor-count": "multiprocessorCount",
    "memory-size-mib": "memorySizeMB",
}
TEXTS: tuple[tuple[str, str, Convert], ...] = (
    ("uuid", "nvmlDeviceGetUUID", decode),
    ("name", "nvmlDeviceGetName", decode),
    ("gpu-instance-id", "nvmlDeviceGetGpuInstanceId", number),
    ("compute-instance-id", "nvmlDeviceGetComputeInstanceId", number),
)


def read_mig_devices(nvml: Any, device: Any) -> Readings:
    """Return the MIG devices by index; indices have gaps after a device was deleted."""
    maximum = number(nvml.nvmlDeviceGetMaxMigDeviceCount(device))
    readings: Readings = {"mig.max-device-count": maximum}
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(device)
    except nvml.NVMLError as error:
        return {**readings, "mig-devices": error}
    for index in range(maximum if current == nvml.NVML_DEVICE_MIG_ENABLE else 0):
        prefix = f"mig.{index}"
        try:
            mig_device = nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index)
        except nvml.NVMLError as error:
            if error.value not in (NOT_FOUND, INVALID_ARGUMENT):  # else there is no such device
                readings[prefix] = as_failure(nvml, error)
            continue
        found = _read_device(nvml, mig_device, prefix)
        instance_id = found[f"{prefix}.gpu-instance-id"]
        readings.update({**found, **_read_instance(nvml, device, instance_id, prefix)})
    return readings


def _read_device(nvml: Any, device: Any, prefix: str) -> Readings:
    readings: Readings = {}
    for key, function, convert in TEXTS:
        call = getattr(nvml, function)
        readings.update(attempt(nvml, f"{prefix}.{key}", convert, call, device))
    try:
        found = nvml.nvmlDeviceGetAttributes_v2(device)
    except nvml.NVMLError as error:
        return {**readings, f"{prefix}.attributes": as_failure(nvml, error)}
    parts = ((f"{prefix}.{key}", number, getattr(found, name)) for key, name in ATTRIBUTES.items())
    return {**readings, **convert_each(parts)}


def _read_instance(nvml: Any, parent: Any, instance_id: Any, prefix: str) -> Readings:
    """Return profile and placement of a MIG device's GPU instance."""
    if not isinstance(instance_id, int):
        return {}  # its own failure is the reason
    try:
        info = nvml.nvmlGpuInstanceGetInfo(nvml.nvmlDeviceGetGpuInstanceById(parent, instance_id))
    except nvml.NVMLError as error:
        return {f"{prefix}.gpu-instance": as_failure(nvml, error)}
    place = info.placement
    return {
        f"{prefix}.profile-id": info.profileId,
        f"{prefix}.placement": f"{place.start}:{place.size}",
    }
