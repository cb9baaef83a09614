"""Parse the XML of `nvidia-smi -q -x`: subtype `smi` by the contract, and each GPU's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.gpu.smi import fields as smi_fields
from kubectl_snapshot.errors import Internal, InvalidRequest
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

    from kubectl_snapshot.clients.gpu.readers import Value
    from kubectl_snapshot.collectors.gpu.smi.fields import Convert, Field
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
# A reason is part of a sentence; a report may hold anything.
MAX_REASON = 100


@dataclass(frozen=True)
class SmiGpu:
    """One GPU of a report. `failed` and `state_failed` have the text in place of each value."""

    config: dict[str, Value] = field(default_factory=dict)
    state: dict[str, Value] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    state_failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SmiReport:
    """A whole report. `smi` is subtype `smi`, `failed` the texts that are no values of it."""

    smi: dict[str, Scalar]
    failed: dict[str, str]
    gpus: tuple[SmiGpu, ...]

    @property
    def system(self) -> dict[str, Scalar]:
        """Return the versions of driver and CUDA, as far as the report has them."""
        found = {key: self.smi.get(key, "") for key in SYSTEM_ELEMENTS}
        return {key: text for key, text in found.items() if text not in smi_fields.ABSENT}


def parse_report(report: str | bytes) -> SmiReport:
    """Return a report's values, by the keys of NVML's; the root element may have any name.

    Raises Internal if the report is not well-formed or `attached_gpus` is not a number.
    """
    root = _parse_xml(report)
    smi, failed = _parse_smi(root)
    return SmiReport(smi, failed, tuple(_parse_gpu(gpu) for gpu in root.findall("gpu")))


def parse_smi(report: str | bytes) -> dict[str, Scalar]:
    """Return subtype `smi`: element texts unchanged, "" for a missing element.

    A text that is an error message is left out. Raises as parse_report.
    """
    return _parse_smi(_parse_xml(report))[0]


def _parse_xml(report: str | bytes) -> Element:
    from xml.etree import ElementTree  # late: 2 ms, and only the fallback parses XML

    try:
        root = ElementTree.fromstring(report)
        int(root.findtext("attached_gpus", "0"))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Internal("invalid nvidia-smi report", why=str(error)) from error
    return root


def _parse_smi(root: Element) -> tuple[dict[str, Scalar], dict[str, str]]:
    gpus = root.findall("gpu")
    data: dict[str, Scalar] = {"gpu-count": len(gpus)}
    failed: dict[str, str] = {}
    converts = {paths[0]: convert for _, paths, convert in smi_fields.CONFIG}
    elements = [(key, root, path) for key, path in SYSTEM_ELEMENTS.items()]
    elements += [(key, gpus[0], path) for key, path in GPU_ELEMENTS.items() if gpus]
    for key, element, path in elements:
        text = element.findtext(path, "")
        convert = converts.get(path, smi_fields.parse_identifier)
        if text.strip() in smi_fields.ABSENT or _convert(convert, text.strip()) is not None:
            data[key] = text
        else:
            failed[key] = _shorten(text)
    return data, failed


def _parse_gpu(gpu: Element) -> SmiGpu:
    for old, new in smi_fields.RENAMED.items():
        element = gpu.find(old)
        if element is not None and gpu.find(new) is None:
            element.tag = new
    config, failed = _parse_fields(gpu, smi_fields.CONFIG)
    for device in gpu.findall("mig_devices/mig_device"):
        values, missing = _parse_fields(device, smi_fields.MIG_DEVICE)
        index = device.findtext("index", "").strip()
        if smi_fields.NUMBER.fullmatch(index) is None:
            failed["mig-devices"] = f'a MIG device has the index "{_shorten(index)}"'
            continue
        prefix = f"mig.{int(index)}"
        config.update({f"{prefix}.{key}": value for key, value in values.items()})
        failed.update({f"{prefix}.{key}": text for key, text in missing.items()})
    state, state_failed = _parse_fields(gpu, smi_fields.STATE)
    return SmiGpu(config, state, failed, state_failed)


def _parse_fields(
    element: Element, fields: Iterable[Field]
) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the values, and the text in place of each that has none."""
    values: dict[str, Value] = {}
    failed: dict[str, str] = {}
    for key, paths, convert in fields:
        texts = [element.findtext(path, "").strip() for path in paths]
        present = [text for text in texts if text not in smi_fields.ABSENT]
        found = (_convert(convert, text) for text in present)
        value = next((value for value in found if value is not None), None)
        if value is not None:
            values[key] = value
        elif present:
            failed[key] = _shorten(present[0])
    return values, failed


def _convert(convert: Convert, text: str) -> Value | None:
    """Return a value, None for a text that has not the shape of one."""
    try:
        return convert(text)
    except InvalidRequest:
        return None


def _shorten(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON]
