"""What subtype GPU.smi says of one GPU: its keys, and those of gpu-<n>."""

from __future__ import annotations

# Keys of subtype smi that describe one GPU, and the key of gpu-<n> that has the value.
SMI_KEYS = {
    "gpu.model": "name",
    "gpu.product-architecture": "architecture",
    "gpu.display-mode": "display-mode",
    "gpu.display-active": "display-active",
    "gpu.persistence-mode": "persistence-mode",
    "gpu.addressing-mode": "addressing-mode",
    "gpu.vbios-version": "vbios-version",
    "gpu.gsp-firmware-version": "gsp-firmware.version",
}
