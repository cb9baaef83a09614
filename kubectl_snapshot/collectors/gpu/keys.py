"""Every key of the GPU subtypes, `*` for a number: the words that a path may use.

clients/gpu reads them; a test compares both. As data they cost no import of NVML's tables. Not here
is what only nvidia-smi says, `memory.total-mib`: a path of it is a mistake where the document has
the size in bytes.
"""

from __future__ import annotations

SMI_KEYS = (
    *("driver", "cuda-version", "gpu-count", "gpu.model", "gpu.product-architecture"),
    *("gpu.display-mode", "gpu.display-active", "gpu.persistence-mode", "gpu.addressing-mode"),
    *("gpu.vbios-version", "gpu.gsp-firmware-version"),
)
DEVICE_KEYS = (
    *("count", "cuda-version", "driver", "driver-branch", "fabric-manager-version"),
    *("kernel-module-flavor", "model", "nvml-version"),
)
HARDWARE_KEYS = ("detection-source", "driver-loaded", "gpu-count", "gpu-present", "model")
_CLOCKS = ("graphics", "sm", "memory", "video")
_MIG = (
    *("uuid", "name", "gpu-instance-id", "compute-instance-id", "gpu-instance-slice-count"),
    *("compute-instance-slice-count", "multiprocessor-count", "memory-size-mib", "profile-id"),
    "placement",
)
_PLATFORM = (
    *("ib-guid", "chassis-serial-number", "slot-number", "tray-index", "host-id", "peer-type"),
    "module-id",
)
_BANKS = ("max", "high", "partial", "low", "none")
GPU_KEYS = (
    *("pci.bus-id", "pci.device-id", "pci.subsystem-id", "pci.driver", "pci.numa-node"),
    *("uuid", "name", "serial", "board-part-number", "pdi", "brand", "architecture"),
    *("cuda-compute-capability", "gpu-core-count", "module-id"),
    *(f"platform.{name}" for name in _PLATFORM),
    *("memory.total-bytes", "memory.bus-width-bits", "bar1-memory.total-bytes", "vbios-version"),
    *("inforom.image-version", "inforom.oem-version", "inforom.ecc-version"),
    *("inforom.power-version", "inforom.configuration-checksum"),
    *("gsp-firmware.version", "gsp-firmware.enabled", "gsp-firmware.default"),
    *("ecc.current", "ecc.pending", "ecc.default", "mig.current", "mig.pending"),
    "mig.max-device-count",
    *(f"mig.*.{name}" for name in _MIG),
    *("persistence-mode", "compute-mode", "accounting-mode", "display-mode", "display-active"),
    *("api-restriction.application-clocks", "api-restriction.auto-boosted-clocks"),
    *("power.limit-mw", "power.enforced-limit-mw", "power.default-limit-mw"),
    *("power.min-limit-mw", "power.max-limit-mw", "power.module.*-limit-mw"),
    *(f"clocks.max.{name}-mhz" for name in _CLOCKS),
    *("clocks.applications.graphics-mhz", "clocks.applications.memory-mhz"),
    *("pcie.max-gen", "pcie.device-max-gen", "pcie.max-width"),
    *("cpu-affinity", "memory-affinity", "numa-node-id"),
    *("nvlink.link-count", "nvlink.*.active", "nvlink.*.version", "nvlink.*.remote-type"),
    "nvlink.*.remote-pci-bus-id",
    *("fabric.state", "fabric.status", "fabric.clique-id", "fabric.cluster-uuid"),
    *("fabric.health-mask", "fabric.health-summary", "c2c-mode", "c2c-link-count"),
    *("conf-compute.environment", "conf-compute.feature-enabled", "conf-compute.dev-tools-mode"),
    *("conf-compute.multi-gpu-mode", "dram-encryption.current", "dram-encryption.pending"),
    *("addressing-mode", "virtualization-mode", "host-vgpu-mode", "egm-capability"),
)
STATE_KEYS = (
    *("index", "minor-number", "temperature.gpu-c", "power.draw-mw", "energy.total-mj"),
    *("utilization.gpu-percent", "utilization.memory-percent", "performance-state"),
    *(f"clocks.current.{name}-mhz" for name in _CLOCKS),
    *("clocks.event-reasons", "memory.reserved-bytes", "memory.used-bytes", "memory.free-bytes"),
    *("pcie.current-gen", "pcie.current-width", "pcie.replay-counter", "compute-process-count"),
    *("ecc.volatile-corrected-errors", "ecc.volatile-uncorrected-errors"),
    *("ecc.aggregate-corrected-errors", "ecc.aggregate-uncorrected-errors"),
    "ecc.sram-threshold-exceeded",
    *("remapped-rows.correctable", "remapped-rows.uncorrectable", "remapped-rows.pending"),
    "remapped-rows.failure-occurred",
    *(f"remapped-rows.histogram.{name}-banks" for name in _BANKS),
    *("retired-pages.single-bit-ecc", "retired-pages.double-bit-ecc", "retired-pages.pending"),
    *("repair.channel-pending", "repair.tpc-pending", "recovery-action"),
)
