"""Parse the XML of `nvidia-smi -q -x`: subtype `smi` by the contract, and each GPU's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.errors import Internal, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from kubectl_snapshot.clients.gpu.readers import Value
    from kubectl_snapshot.document.snapshot import Scalar

# Contract 2.2, in its order: elements below the root, and below the first `gpu`.
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
# What nvidia-smi prints in place of a value (all from public reports).
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
    """Return subtype `smi`: element texts unchanged, "" for a missing element.

    Raises Internal if the report is not well-formed or `attached_gpus` is not a number.
    """
    root = parse_report(report)
    gpus = root.findall("gpu")
    data: dict[str, Scalar] = {k: _text(root, path) for k, path in SYSTEM_ELEMENTS.items()}
    data["gpu-count"] = len(gpus)
    if gpus:
        data.update({key: _text(gpus[0], path) for key, path in GPU_ELEMENTS.items()})
    return data


def parse_gpus(report: str | bytes) -> list[dict[str, Value]]:
    """Return the settings of each GPU, by the keys of the NVML values. Raises as parse_smi."""
    return [_parse_gpu(gpu) for gpu in parse_report(report).findall("gpu")]


def parse_report(report: str | bytes) -> Element:
    """Return the root element of a report, whatever its name. Raises as parse_smi."""
    from xml.etree import ElementTree  # late: 2 ms, and only the fallback parses XML

    try:
        root = ElementTree.fromstring(report)
        int(root.findtext("attached_gpus", "0"))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Internal("invalid nvidia-smi report", why=str(error)) from error
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
            continue  # unknown wording: no value
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
