"""The inventory of the node's GPUs: the driver's list, matched with the PCI bus by address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu import driver_files
from kubectl_snapshot.clients.gpu.integrated import read_integrated_gpu
from kubectl_snapshot.clients.host.pci import read_pci_gpus
from kubectl_snapshot.collectors.run.context import explain
from kubectl_snapshot.errors import Internal, SnapshotError, Unavailable
from kubectl_snapshot.records import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.gpu import nvml
    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles, KernelModule
    from kubectl_snapshot.clients.gpu.integrated import IntegratedGpu
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.host.pci import PciGpu
    from kubectl_snapshot.document.snapshot import Scalar

NVML, NVIDIA_SMI = "nvml", "nvidia-smi"
# The kernel module's name as a PCI driver.
NVIDIA_DRIVER = "nvidia"


@dataclass(frozen=True)
class MatchedGpu:
    """One GPU. `pci_gpu` is None if sysfs does not list it, `driver_gpu` if the driver does not.

    `error` is the reason that values are missing.
    """

    address: str
    pci_gpu: PciGpu | None
    driver_gpu: nvml.DriverGpu | None
    error: SnapshotError | None


@dataclass(frozen=True)
class GpuInventory:
    """All GPUs as read. Fields that could not be read hold the error.

    `source` is NVML or nvidia-smi, which returned `system` and `driver_gpus`; if neither did,
    `error` is the reason. With nvidia-smi, `smi` is its report as subtype `smi`, `smi_failed` has
    the texts that are no values of it, `warning` what it printed around the report, and `note` is
    the reason that NVML failed. `fabric_manager` is the installed version.
    """

    pci: tuple[PciGpu, ...] | SnapshotError
    module: KernelModule | SnapshotError | None
    source: str = ""
    system: Mapping[str, Scalar] = field(default_factory=dict)
    driver_gpus: tuple[nvml.DriverGpu, ...] = ()
    excluded: tuple[str, ...] = ()
    smi: Mapping[str, Scalar] = field(default_factory=dict)
    smi_failed: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""
    note: str = ""
    error: SnapshotError | None = None
    integrated: IntegratedGpu | None = None
    fabric_manager: str | SnapshotError = ""

    @property
    def pci_gpus(self) -> tuple[PciGpu, ...]:
        """Return the GPUs on the PCI bus, none if sysfs could not be read."""
        return () if isinstance(self.pci, SnapshotError) else self.pci

    @property
    def has_no_gpu(self) -> bool:
        """Return whether both PCI bus and driver were read and neither has a GPU."""
        if isinstance(self.pci, SnapshotError) or self.pci or self.driver_gpus:
            return False
        if self.unread_integrated is not None:
            return False
        return self.error is None or self.module is None

    @property
    def unread_integrated(self) -> IntegratedGpu | None:
        """Return the integrated GPU if the driver does not list it: it has no PCI address."""
        if self.integrated is None:
            return None
        if any(not _address_of(gpu) and gpu.error is None for gpu in self.driver_gpus):
            return None
        is_alone = not (self.pci_gpus or self.driver_gpus)
        return self.integrated if self.integrated.is_certain or is_alone else None


def read_inventory(host: HostPath, deadline: float, hang_s: float) -> GpuInventory:
    """Return the GPUs read before `deadline`, a time.monotonic() value. Raises nothing.

    NVML hangs if it answers nothing for `hang_s` seconds; nvidia-smi answers once, at its end.
    """
    inventory = _read_driver(host, deadline, hang_s)
    unread = inventory.unread_integrated
    if unread is None or inventory.pci_gpus or inventory.driver_gpus:
        return inventory
    what = f"{unread.describe()} cannot be read"
    if inventory.error is None or inventory.module is None:
        why = "NVML does not list GPUs of the driver nvgpu"
        return replace(inventory, error=Unavailable(what, why=why))
    return replace(inventory, error=type(inventory.error)(what, why=explain(inventory.error)))


def _read_driver(host: HostPath, deadline: float, hang_s: float) -> GpuInventory:
    pci: tuple[PciGpu, ...] | SnapshotError
    module: KernelModule | SnapshotError | None
    try:
        pci = read_pci_gpus(host)
    except SnapshotError as error:
        pci = error
    try:
        module = driver_files.read_kernel_module(host)
    except SnapshotError as error:
        module = error
    if module is None and isinstance(pci, SnapshotError):
        # In this pod, even a loaded driver might be invisible.
        module = pci
    inventory = GpuInventory(
        pci,
        module,
        integrated=read_integrated_gpu(host),
        fabric_manager=_read_fabric_manager(host) if module else "",
    )
    files = driver_files.find_driver(host, os.uname().machine)
    if not (files.library or files.program or isinstance(module, driver_files.KernelModule)):
        missing = Unavailable("no NVIDIA driver found on the node")
        return replace(inventory, error=pci if isinstance(pci, SnapshotError) else missing)
    from kubectl_snapshot.clients.gpu import nvml  # late: most nodes have no driver

    try:
        return _read_nvml(inventory, files, deadline, hang_s)
    except nvml.NoDeviceNode as error:
        if module is None:
            return replace(inventory, error=Unavailable("the NVIDIA driver is not loaded"))
        return replace(inventory, error=error)
    except nvml.DriverMismatch as error:
        return replace(inventory, error=_add_versions(error, files, module))
    except SnapshotError as error:
        return replace(inventory, error=error)


def _read_fabric_manager(host: HostPath) -> str | SnapshotError:
    try:
        return driver_files.read_fabric_manager_version(host)
    except SnapshotError as error:
        return error


def match_gpus(inventory: GpuInventory) -> tuple[MatchedGpu, ...]:
    """Return the driver's GPUs and those on the PCI bus only, sorted by PCI address.

    NVML lists GPUs in that order, too. A lost GPU has no address: if as many addresses are
    unmatched as GPUs are lost, they are paired in order; otherwise it follows its predecessor.
    """
    known = {_address_of(gpu) for gpu in inventory.driver_gpus}
    unmatched = [device for device in inventory.pci_gpus if device.address not in known]
    lost = [gpu.index for gpu in inventory.driver_gpus if gpu.error and not _address_of(gpu)]
    # Neither a GPU of another driver nor an excluded one is a lost one.
    candidates = [
        device.address
        for device in unmatched
        if device.driver == NVIDIA_DRIVER and device.address not in inventory.excluded
    ]
    lost_addresses: dict[int, str] = {}
    if len(candidates) == len(lost):
        lost_addresses = dict(zip(lost, candidates))
        unmatched = [device for device in unmatched if device.address not in candidates]
    by_address = {device.address: device for device in inventory.pci_gpus}
    ordered: list[tuple[str, int, MatchedGpu]] = []
    before = ""
    for driver_gpu in inventory.driver_gpus:
        address = _address_of(driver_gpu) or lost_addresses.get(driver_gpu.index, "")
        before = address or before
        gpu = MatchedGpu(address, by_address.get(address), driver_gpu, driver_gpu.error)
        ordered.append((before, 0 if address else 1 + driver_gpu.index, gpu))
    for device in unmatched:
        gpu = MatchedGpu(device.address, device, None, _explain_missing(device, inventory))
        ordered.append((device.address, 0, gpu))
    return tuple(gpu for _, _, gpu in sorted(ordered, key=lambda entry: entry[:2]))


def _read_nvml(
    inventory: GpuInventory, files: DriverFiles, deadline: float, hang_s: float
) -> GpuInventory:
    from kubectl_snapshot.clients.gpu import nvml

    try:
        if not _has_glibc():
            why = "it needs glibc, and this image's Python uses another C library"
            raise nvml.CannotLoad("the driver's library cannot be loaded", why=why)
        driver = nvml.read_driver(files, deadline, hang_s)
    except nvml.CannotLoad as error:
        return _read_nvidia_smi(inventory, files, deadline, error)
    return replace(
        inventory,
        source=NVML,
        system=driver.system,
        driver_gpus=driver.gpus,
        excluded=driver.excluded,
    )


def _read_nvidia_smi(
    inventory: GpuInventory, files: DriverFiles, deadline: float, cause: SnapshotError
) -> GpuInventory:
    from kubectl_snapshot.clients.gpu import nvidia_smi, nvml

    try:
        report = nvidia_smi.read_report(files, deadline)
    except SnapshotError as error:
        # Name both causes: nvidia-smi runs only because NVML could not be loaded.
        raise type(error)(f"{explain(cause)}; {error.what}", why=error.why) from error
    # late: 4 ms of each start, and few nodes need the fallback
    from kubectl_snapshot.collectors.gpu.smi.report import parse_report

    parsed = parse_report(report.xml)
    driver_gpus = tuple(
        nvml.DriverGpu(
            index, gpu.config, gpu.state, failed=gpu.failed, state_failed=gpu.state_failed
        )
        for index, gpu in enumerate(parsed.gpus)
    )
    return replace(
        inventory,
        source=NVIDIA_SMI,
        system=parsed.system,
        driver_gpus=driver_gpus,
        smi=parsed.smi,
        smi_failed=parsed.failed,
        warning=report.warning,
        note=explain(cause),
    )


def _has_glibc() -> bool:
    """Return whether this process runs on glibc; musl's confstr fails with EINVAL."""
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False


def _add_versions(
    error: SnapshotError, files: DriverFiles, module: KernelModule | SnapshotError | None
) -> SnapshotError:
    if not isinstance(module, driver_files.KernelModule):
        return error
    library = files.library_version or "of another version"
    why = f"kernel module {module.version}, library {library} ({error.why})"
    return Internal(error.what, why=why)


def _address_of(gpu: nvml.DriverGpu) -> str:
    return str(gpu.config.get("pci.bus-id", ""))


def _explain_missing(device: PciGpu, inventory: GpuInventory) -> SnapshotError:
    if device.address in inventory.excluded:
        why = "the driver's configuration excludes it"
    elif device.driver not in ("", NVIDIA_DRIVER):
        why = f"{device.driver} is bound to it"
    elif inventory.error is not None:
        return inventory.error
    elif not device.driver:
        why = "no driver is bound to it"
    else:
        why = "the driver does not list it"
    return Unavailable("the GPU is only on the PCI bus", why=why)
