"""Read the node's memory: total, DIMMs, NUMA nodes and their huge pages.

Sources: /proc/meminfo, Documentation/ABI/stable/sysfs-devices-node, sysfs-firmware-dmi-tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.hardware.dmi import describe_dimms, parse_dimms
from kubectl_snapshot.collectors.sysfs import (
    is_number,
    read_names,
    read_optional,
    read_parts,
    refuse,
)

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.sysfs import Data
    from kubectl_snapshot.document.snapshot import Subtype

NODES = "/sys/devices/system/node"
SHOWN = ("cpulist", "distance")
DMI_TABLE = "/sys/firmware/dmi/tables/DMI"


def read_memory(host: HostPath) -> Subtype:
    """Return the memory of the node, of its slots and of its NUMA nodes."""
    return read_parts(
        "memory",
        lambda: _read_total(host),
        lambda: _read_nodes(host),
        lambda: describe_dimms(parse_dimms(host.read_bytes(DMI_TABLE))),
    )


def parse_total(text: str) -> int:
    """Return MemTotal in KiB, of /proc/meminfo or of a NUMA node's meminfo.

    Raises InvalidRequest for a text without it.
    """
    words = text.partition("MemTotal:")[2].split(maxsplit=2)
    if words[1:2] != ["kB"] or not is_number(words[0]):
        raise refuse("meminfo", text)
    return int(words[0])


def _read_total(host: HostPath) -> Data:
    texts = host.read_values("/proc", ("meminfo",))
    return {"total-kib": parse_total(texts["meminfo"])} if texts else {}


def _read_nodes(host: HostPath) -> Data:
    data: Data = {}
    for node in read_names(host, NODES, "node"):
        key, directory = f"node.{node[len('node') :]}", f"{NODES}/{node}"
        texts = host.read_values(directory, ("meminfo", *SHOWN))
        if "meminfo" in texts:
            data[f"{key}.total-kib"] = parse_total(texts["meminfo"])
        # A node of memory only, as of a Grace Hopper's GPU, has no processor.
        data.update({f"{key}.{name}": texts[name] for name in SHOWN if texts.get(name)})
        for pages in read_names(host, f"{directory}/hugepages", "hugepages-"):
            size = pages[len("hugepages-") :].replace("kB", "-kib")
            files = {"nr_hugepages": f"{key}.hugepages.{size}"}
            data.update(read_optional(host, f"{directory}/hugepages/{pages}", files))
    return data
