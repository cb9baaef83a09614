"""What driver and PCI bus tell of the node's GPUs, reconciled: one list in the order of the bus."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu import driver_files, nvidia_smi, nvml
from kubectl_snapshot.clients.host import pci
from kubectl_snapshot.collectors.gpu.smi import parse_gpus, parse_smi
from kubectl_snapshot.collectors.run.context import explain
from kubectl_snapshot.errors import Internal, SnapshotError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles, KernelModule
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.host.pci import PciGpu
    from kubectl_snapshot.document.snapshot import Scalar

NVML, NVIDIA_SMI = "nvml", "nvidia-smi"


@dataclass(frozen=True)
class Gpu:
    """One GPU: `on_bus` is None where sysfs does not have it, `told` where the driver does not.

    `error` is why there is nothing, or not all, of it.
    """

    address: str
    on_bus: PciGpu | None
    told: nvml.Gpu | None
    error: SnapshotError | None


@dataclass(frozen=True)
class Reading:
    """What was found. `bus` and `module` may be the error of looking for them.

    `source` is who told of the driver, with `system` and `told`; where nobody did, `error` says
    why. Where nvidia-smi did, `smi` is its report as subtype `smi` and `note` why NVML did not.
    """

    bus: tuple[PciGpu, ...] | SnapshotError
    module: KernelModule | SnapshotError | None
    source: str = ""
    system: Mapping[str, Scalar] = field(default_factory=dict)
    told: tuple[nvml.Gpu, ...] = ()
    excluded: tuple[str, ...] = ()
    smi: Mapping[str, Scalar] = field(default_factory=dict)
    note: str = ""
    error: SnapshotError | None = None

    @property
    def on_bus(self) -> tuple[PciGpu, ...]:
        """Return what is known to be on the bus."""
        return () if isinstance(self.bus, SnapshotError) else self.bus

    @property
    def is_without_gpu(self) -> bool:
        """Return whether bus and driver were looked at, and there is no GPU."""
        if isinstance(self.bus, SnapshotError) or self.bus or self.told:
            return False
        return self.error is None or self.module is None


def read_gpus(host: HostPath, deadline: float) -> Reading:
    """Return all that can be found by `deadline`, a time.monotonic() value. Raises nothing."""
    bus: tuple[PciGpu, ...] | SnapshotError
    module: KernelModule | SnapshotError | None
    try:
        bus = pci.read_gpus(host)
    except SnapshotError as error:
        bus = error
    try:
        module = driver_files.read_kernel_module(host)
    except SnapshotError as error:
        module = error
    if module is None and isinstance(bus, SnapshotError):
        # From here even a driver that is loaded might not show.
        module = bus
    reading = Reading(bus, module)
    files = driver_files.find_driver(host, os.uname().machine)
    try:
        return _ask_driver(reading, files, deadline)
    except nvml.NoDeviceNode as error:
        if module is None:
            return replace(reading, error=Unavailable("the NVIDIA driver is not loaded"))
        return replace(reading, error=error)
    except nvml.DriverMismatch as error:
        return replace(reading, error=_name_versions(error, files, module))
    except SnapshotError as error:
        return replace(reading, error=error)


def reconcile(reading: Reading) -> tuple[Gpu, ...]:
    """Return the driver's GPUs and those that only the bus has, in the order of the bus.

    The driver lists its GPUs in that order, too: one whose address it does not tell any more has
    the one that is left over where there are as many of both, else it comes after the one before.
    """
    known = {_address_of(gpu) for gpu in reading.told}
    left_over = [device for device in reading.on_bus if device.address not in known]
    nameless = [gpu.index for gpu in reading.told if not _address_of(gpu)]
    named: dict[int, str] = {}
    if len(left_over) == len(nameless):
        named = {index: device.address for index, device in zip(nameless, left_over)}
        left_over = []
    by_address = {device.address: device for device in reading.on_bus}
    ordered: list[tuple[str, int, Gpu]] = []
    before = ""
    for told in reading.told:
        address = _address_of(told) or named.get(told.index, "")
        before = address or before
        gpu = Gpu(address, by_address.get(address), told, told.error)
        ordered.append((before, 0 if address else 1 + told.index, gpu))
    for device in left_over:
        gpu = Gpu(device.address, device, None, _explain_missing(device, reading))
        ordered.append((device.address, 0, gpu))
    return tuple(gpu for _, _, gpu in sorted(ordered, key=lambda entry: entry[:2]))


def _ask_driver(reading: Reading, files: DriverFiles, deadline: float) -> Reading:
    is_loaded = isinstance(reading.module, driver_files.KernelModule)
    if not (files.library or files.program or is_loaded):
        if isinstance(reading.bus, SnapshotError):
            raise reading.bus
        raise Unavailable("there is no NVIDIA driver on the node")
    try:
        if not _has_glibc():
            why = "it is built for glibc, and this image's Python is not"
            raise nvml.CannotLoad("the driver's library cannot be loaded", why=why)
        driver = nvml.read_driver(files, deadline)
    except nvml.CannotLoad as error:
        return _ask_program(reading, files, deadline, error)
    return replace(
        reading, source=NVML, system=driver.system, told=driver.gpus, excluded=driver.excluded
    )


def _ask_program(
    reading: Reading, files: DriverFiles, deadline: float, cause: SnapshotError
) -> Reading:
    try:
        report = nvidia_smi.read_report(files, deadline)
    except SnapshotError as error:
        # Both are why: without the first, the second would not have been tried.
        raise type(error)(f"{explain(cause)}; {error.what}", why=error.why) from error
    smi = parse_smi(report)
    told = tuple(nvml.Gpu(index, config=config) for index, config in enumerate(parse_gpus(report)))
    system = {key: smi[key] for key in ("driver", "cuda-version") if smi[key]}
    return replace(
        reading, source=NVIDIA_SMI, system=system, told=told, smi=smi, note=explain(cause)
    )


def _has_glibc() -> bool:
    """Return whether this process runs on glibc; musl knows the name, and has no value for it."""
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except ValueError:
        return False


def _name_versions(
    error: SnapshotError, files: DriverFiles, module: KernelModule | SnapshotError | None
) -> SnapshotError:
    if not isinstance(module, driver_files.KernelModule):
        return error
    library = files.library_version or "of another version"
    why = f"kernel module {module.version}, library {library} ({error.why})"
    return Internal(error.what, why=why)


def _address_of(gpu: nvml.Gpu) -> str:
    return str(gpu.config.get("pci.bus-id", ""))


def _explain_missing(device: PciGpu, reading: Reading) -> SnapshotError:
    if reading.error is not None:
        return reading.error
    if device.address in reading.excluded:
        why = "the driver's configuration excludes it"
    elif not device.driver:
        why = "no driver is bound to it"
    elif device.driver != "nvidia":
        why = f"{device.driver} is bound to it"
    else:
        why = "the driver does not list it"
    return Unavailable("the GPU is on the PCI bus only", why=why)
