"""What independent sources say about GPUs, as flat text. Pure: text in, names and texts out.

Every function returns texts by `source:name`, as in `smi:pci/pci_bus_id` or `sys:numa_node`, just
as the source has them. What a text means is the business of mapping.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

Texts = dict[str, str]

# nvml.h, nvmlClocksEventReason*: the bit of each reason that the report lists by name.
EVENT_REASONS = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
    "display_clocks_setting": 0x100,
}
# The report had other names for them before driver 535.
EVENT_PREFIXES = (
    "clocks_event_reasons/clocks_event_reason_",
    "clocks_throttle_reasons/clocks_throttle_reason_",
)
# Elements of the report that count ECC errors; which of them there are depends on the GPU.
ECC_COUNTERS = {
    "corrected": ("sram_correctable", "dram_correctable"),
    "uncorrected": (
        "sram_uncorrectable",
        "sram_uncorrectable_parity",
        "sram_uncorrectable_secded",
        "dram_uncorrectable",
    ),
}
SKIPPED_ELEMENTS = ("supported_clocks", "processes", "accounted_processes", "mig_devices")

_ADDRESS = re.compile(r"([0-9A-Fa-f]{4,8}):([0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_GPU_LINE = re.compile(r"GPU (\d+): .*\(UUID: ([^)]+)\)")
_MIG_LINE = re.compile(r"\s+(MIG \S+)\s+Device\s+(\d+):\s+\(UUID: ([^)]+)\)")
_LINK_LINE = re.compile(r"\s+Link (\d+): (.*)")


@dataclass(frozen=True)
class Topology:
    """`nvidia-smi topo -m`: the columns of each GPU, by its number and the name of the column."""

    rows: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """`nvidia-smi -q -x`: the elements of the system, and of each GPU by its PCI address."""

    system: Texts
    gpus: Mapping[str, Texts]


def parse_address(text: str) -> str:
    """Return a PCI address as the kernel writes it. Raises ValueError."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no PCI address: {text!r}")
    return f"{int(match[1], 16):04x}:{match[2].lower()}"


def parse_report(xml: str) -> Report:
    """Return every element of the XML report by its path. Raises ValueError."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    system = {
        f"smi:{child.tag}": _text_of(child)
        for child in root
        if child.tag != "gpu" and not len(child)
    }
    gpus = {}
    for index, gpu in enumerate(root.findall("gpu")):
        texts: Texts = {"smi:(order)": str(index)}
        _flatten(gpu, "", texts)
        texts.update(_parse_mig_devices(gpu))
        texts.update(_derive(gpu, texts))
        gpus[parse_address(gpu.findtext("pci/pci_bus_id", gpu.get("id", "")))] = texts
    return Report(system, gpus)


def _flatten(element: ElementTree.Element, path: str, texts: Texts) -> None:
    for child in element:
        if child.tag in SKIPPED_ELEMENTS:
            continue
        name = f"{path}/{child.tag}" if path else child.tag
        if len(child):
            _flatten(child, name, texts)
        else:
            texts[f"smi:{name}"] = _text_of(child)


def _parse_mig_devices(gpu: ElementTree.Element) -> Texts:
    texts: Texts = {}
    for device in gpu.findall("mig_devices/mig_device"):
        found: Texts = {}
        _flatten(device, "", found)
        index = found.pop("smi:index", "")
        texts.update({f"smi:mig/{index}/{k[len('smi:') :]}": v for k, v in found.items()})
    return texts


def _derive(gpu: ElementTree.Element, texts: Texts) -> Texts:
    """Return what the report has as several elements, and a snapshot as one reading."""
    derived: Texts = {}
    for prefix in EVENT_PREFIXES:
        bits = {
            bit: texts[f"smi:{prefix}{name}"]
            for name, bit in EVENT_REASONS.items()
            if f"smi:{prefix}{name}" in texts
        }
        if bits:
            active = sum(bit for bit, word in bits.items() if word == "Active")
            derived["smi:(event reasons)"] = f"0x{active:08X}"
    for since in ("volatile", "aggregate"):
        for kind, names in ECC_COUNTERS.items():
            counts = [texts.get(f"smi:ecc_errors/{since}/{name}", "") for name in names]
            numbers = [int(count) for count in counts if count.isdigit()]
            if numbers:
                derived[f"smi:(ecc {since} {kind})"] = str(sum(numbers))
    processes = gpu.find("processes")
    if processes is not None and _text_of(processes) in ("", "None"):
        types = [process.findtext("type", "") for process in processes.findall("process_info")]
        derived["smi:(compute processes)"] = str(sum("C" in kind for kind in types))
    return derived


def _text_of(element: ElementTree.Element) -> str:
    return (element.text or "").strip()


def parse_topology(text: str) -> Topology:
    """Return the matrix of `nvidia-smi topo -m`; nothing where the text holds none."""
    lines = [_ESCAPE.sub("", line).rstrip("\n") for line in text.splitlines()]
    header: list[str] = []
    rows: dict[int, dict[str, str]] = {}
    for line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        if not header:
            if "GPU0" in cells[1:]:
                header = [cell for cell in cells[1:] if cell]
            continue
        match = re.fullmatch(r"GPU(\d+)", cells[0])
        if match is None:
            continue
        values = cells[1:]
        if "GPU NUMA ID" in header and len(values) == len(header) + 1:
            del values[header.index("GPU NUMA ID")]  # two tabs stand before that column
        rows[int(match[1])] = {name: value for name, value in zip(header, values) if value}
    return Topology(rows)


def build_topology_texts(topology: Topology, index: int) -> Texts:
    """Return the columns of one GPU that are no other device's."""
    columns = topology.rows.get(index, {})
    return {f"topo:{name}": text for name, text in columns.items() if not name[-1:].isdigit()}


def parse_listing(text: str) -> dict[int, Texts]:
    """Return UUIDs of GPUs and MIG devices by the GPU's number: `nvidia-smi -L`."""
    found: dict[int, Texts] = {}
    texts: Texts = {}
    for line in text.splitlines():
        if gpu := _GPU_LINE.match(line):
            texts = found.setdefault(int(gpu[1]), {"list:uuid": gpu[2]})
        elif device := _MIG_LINE.match(line):
            texts[f"list:mig/{device[2]}/name"] = device[1]
            texts[f"list:mig/{device[2]}/uuid"] = device[3]
    return found


def parse_links(text: str, name: str) -> dict[int, Texts]:
    """Return one text per NVLink by the GPU's number: `nvidia-smi nvlink -s` or `-R`."""
    found: dict[int, Texts] = {}
    texts: Texts = {}
    for line in text.splitlines():
        if gpu := _GPU_LINE.match(line):
            texts = found.setdefault(int(gpu[1]), {})
        elif link := _LINK_LINE.match(line):
            texts[f"nvlink:{link[1]}/{name}"] = link[2].strip()
    if name == "state":
        for texts in found.values():
            texts["nvlink:(count)"] = str(len(texts))
    return found


def parse_query(text: str, fields: Iterable[str]) -> dict[str, Texts]:
    """Return the fields of `nvidia-smi --query-gpu` by PCI address, which is the first field."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        try:
            address = parse_address(cells[0])
        except ValueError:
            continue  # a warning beside the table
        found[address] = {f"query:{name}": cell for name, cell in zip(fields, cells[1:])}
    return found


def parse_colons(text: str, source: str) -> Texts:
    """Return lines `name: value`, as of /proc/driver/nvidia/gpus/*/information."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {f"{source}:{name.strip()}": value.strip() for name, sep, value in pairs if sep}


def parse_bar1(resource: str) -> str:
    """Return the size of BAR1 in bytes, of a PCI device's file `resource`; "" if it has none.

    The second memory region, which is the third line where the first is of 64 bits and takes one
    line (Documentation/PCI/sysfs-pci.rst).
    """
    for line in resource.splitlines()[1:3]:
        start, end, _ = (int(word, 16) for word in line.split())
        if end > start:
            return str(end - start + 1)
    return ""
