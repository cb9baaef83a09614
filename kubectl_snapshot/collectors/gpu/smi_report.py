"""The XML of `nvidia-smi -q -x`: subtype smi by the contract's rules, and each GPU's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.errors import Internal, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from kubectl_snapshot.clients.gpu.readers import Value
    from kubectl_snapshot.document.snapshot import Scalar

# Contract 2.2, the order of the table; below the root, and below the first `gpu`.
SYSTEM_ELEMENTS = {"driver": "driver_version", "cuda-version": "cuda_version"}
GPU_ELEMENTS = {
    "gpu.model": "product_name",
    "gpu.product-architecture": "product_architecture",
    "gpu.display-mode": "display_mode",
    "gpu.display-active": "display_active",
    "gpu.persistence-mode": "persistence_mode",
    "gpu.addressing-mode": "addressing_mode",
    "gpu.vbios-version": "vbios_version",
    "gpu.gsp-firmware-version": "gsp_firmware_version",
}
# What nvidia-smi writes where there is no value (all of it seen in public reports).
NO_VALUES = (
    "",
    "N/A",
    "[N/A]",
    "Not Supported",
    "Requested functionality has been deprecated",
    "Insufficient Permissions",
    "Unknown Error",
)
GPU_IS_LOST = "GPU is lost"


def parse_smi(report: str | bytes) -> dict[str, Scalar]:
    """Return subtype `smi`: texts exactly as they are, "" for an element that is missing.

    Raises Internal where the report is not well-formed, or its count of GPUs not a number.
    """
    root = parse_report(report)
    gpus = root.findall("gpu")
    data: dict[str, Scalar] = {k: _text(root, path) for k, path in SYSTEM_ELEMENTS.items()}
    data["gpu-count"] = len(gpus)
    if gpus:
        data.update({key: _text(gpus[0], path) for key, path in GPU_ELEMENTS.items()})
    return data


def parse_gpus(report: str | bytes) -> list[dict[str, Value]]:
    """Return what a report says of each GPU, by the keys that NVML's figures have.

    Raises Internal as parse_smi.
    """
    return [_parse_gpu(gpu) for gpu in parse_report(report).findall("gpu")]


def parse_report(report: str | bytes) -> Element:
    """Return the root of a report; its name is not looked at."""
    from xml.etree import ElementTree  # late: only the fallback needs a parser of XML

    try:
        root = ElementTree.fromstring(report)
        int(root.findtext("attached_gpus", "0"))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Internal("the report of nvidia-smi cannot be read", why=str(error)) from error
    return root


def _parse_gpu(gpu: Element) -> dict[str, Value]:
    data: dict[str, Value] = {}
    for key, path, convert in FIELDS:
        text = _text(gpu, path).strip()
        if text in NO_VALUES or text == GPU_IS_LOST:
            continue
        try:
            data[key] = convert(text)
        except (ValueError, InvalidRequest):
            continue  # a wording that is not known is no value
    return data


def _text(element: Element, path: str) -> str:
    return element.findtext(path, "")


def _parse_enabled(text: str) -> bool:
    if text not in ("Enabled", "Disabled"):
        raise ValueError(text)
    return text == "Enabled"


def _parse_milliwatts(text: str) -> int:
    number, _, unit = text.partition(" ")
    if unit != "W":
        raise ValueError(text)
    return round(float(number) * 1000)


def _parse_hexadecimal(text: str) -> str:
    return f"0x{int(text, 16):08X}"


FIELDS: tuple[tuple[str, str, Callable[[str], Value]], ...] = (
    ("pci.bus-id", "pci/pci_bus_id", parse_address),
    ("pci.device-id", "pci/pci_device_id", _parse_hexadecimal),
    ("pci.subsystem-id", "pci/pci_sub_system_id", _parse_hexadecimal),
    ("uuid", "uuid", str),
    ("name", "product_name", str),
    ("serial", "serial", str),
    ("board-part-number", "board_part_number", str),
    ("brand", "product_brand", str),
    ("architecture", "product_architecture", str),
    ("vbios-version", "vbios_version", str),
    ("gsp-firmware.version", "gsp_firmware_version", str),
    ("inforom.image-version", "inforom_version/img_version", str),
    ("ecc.current", "ecc_mode/current_ecc", _parse_enabled),
    ("ecc.pending", "ecc_mode/pending_ecc", _parse_enabled),
    ("mig.current", "mig_mode/current_mig", _parse_enabled),
    ("mig.pending", "mig_mode/pending_mig", _parse_enabled),
    ("persistence-mode", "persistence_mode", _parse_enabled),
    ("compute-mode", "compute_mode", str),
    ("addressing-mode", "addressing_mode", str),
    ("power.limit-mw", "gpu_power_readings/current_power_limit", _parse_milliwatts),
    ("power.default-limit-mw", "gpu_power_readings/default_power_limit", _parse_milliwatts),
    ("power.min-limit-mw", "gpu_power_readings/min_power_limit", _parse_milliwatts),
    ("power.max-limit-mw", "gpu_power_readings/max_power_limit", _parse_milliwatts),
)
