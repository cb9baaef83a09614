"""Find the integrated GPU of a Tegra system (Jetson), which is not on the PCI bus.

Its driver is nvgpu; NVML reads it on the newest releases only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath

PLATFORM_DEVICES = ("/sys/bus/platform/devices", "/sys/devices/platform", "/sys/devices")
MODULES, MODULE = "/proc/modules", "nvgpu"
RELEASE = "/etc/nv_tegra_release"
COMPATIBLE = "/proc/device-tree/compatible"
SOC = "/sys/devices/soc0"

# `17000000.ga10b` by the chip's name or, as in newer device trees and for any vendor, `.gpu`.
_CHIP = compile_late(r"[0-9a-f]+\.(?:gk20a|gm20b|gp10b|gv11b|ga10b)", re.ASCII)
_ANY = compile_late(r"[0-9a-f]+\.gpu", re.ASCII)
_SOC = compile_late(r"nvidia,tegra\d", re.ASCII)
# Grace (Tegra241) is a CPU without a GPU: its chip ID, 0x24, in drivers/soc/tegra/fuse.
GRACE_ID = "36"


@dataclass(frozen=True)
class IntegratedGpu:
    """The integrated GPU: names of its platform devices, and whether its driver is loaded.

    Without both, only the system on a chip says that there is one.
    """

    devices: tuple[str, ...] = ()
    has_driver: bool = False

    @property
    def is_certain(self) -> bool:
        """Return whether the GPU itself was seen; a board may have it switched off."""
        return bool(self.devices) or self.has_driver

    def describe(self) -> str:
        """Return what the GPU is called in a reason."""
        named = f" {', '.join(self.devices)}" if self.devices else " of the Tegra system"
        return f"the integrated GPU{named}"


def read_integrated_gpu(host: HostPath) -> IntegratedGpu | None:
    """Return the integrated GPU, None if there is no sign of one. Raises nothing."""
    names = {name for path in PLATFORM_DEVICES for name in _read_names(host, path)}
    is_tegra = _is_tegra(host)
    devices = {name for name in names if _CHIP.fullmatch(name)}
    if is_tegra:
        devices.update(name for name in names if _ANY.fullmatch(name))
    modules = _read_text(host, MODULES).splitlines()
    has_driver = any(line.split(" ")[0] == MODULE for line in modules)
    if not (devices or has_driver or is_tegra):
        return None
    return IntegratedGpu(tuple(sorted(devices)), has_driver)


def _is_tegra(host: HostPath) -> bool:
    """Return whether the system on a chip is a Tegra with a GPU."""
    if _read_text(host, RELEASE):
        return True
    if any(map(_SOC.match, _read_text(host, COMPATIBLE).split("\0"))):
        return True
    if _read_text(host, f"{SOC}/family").strip().lower() != "tegra":
        return False
    return _read_text(host, f"{SOC}/soc_id").strip() != GRACE_ID


def _read_names(host: HostPath, path: str) -> tuple[str, ...]:
    try:
        return host.read_names(path)
    except SnapshotError:
        return ()


def _read_text(host: HostPath, path: str) -> str:
    try:
        return host.read_text(path)
    except SnapshotError:
        return ""
