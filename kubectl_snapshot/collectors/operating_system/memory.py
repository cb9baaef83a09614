"""How the node's kernel uses memory (subtype OS.memory): swap, zram, transparent and huge pages.

Sources: /proc/swaps, Documentation/admin-guide/mm/{transhuge,hugetlbpage,ksm,zswap}.rst,
admin-guide/blockdev/zram.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.storage import parse_chosen
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


SWAPS, MM, BLOCK = "/proc/swaps", "/sys/kernel/mm", "/sys/block"
THP_FILES = {
    "enabled": "thp.enabled",
    "defrag": "thp.defrag",
    "shmem_enabled": "thp.shmem-enabled",
    "use_zero_page": "thp.use-zero-page",
}
ZRAM_FILES = {"disksize": "size-bytes", "comp_algorithm": "algorithm"}
ZSWAP_FILES = {"enabled": "zswap.enabled", "compressor": "zswap.compressor"}
CHOICES = ("enabled", "defrag", "shmem-enabled", "algorithm")


def read(host: HostPath) -> Subtype:
    """Return swap, compressed memory and huge pages, as they are set."""
    return read_parts(
        "memory",
        lambda: parse_swaps(host.with_root("/").read_text(SWAPS)),
        lambda: _choose(read_optional(host, f"{MM}/transparent_hugepage", THP_FILES)),
        lambda: _read_pages(host),
        lambda: read_optional(host, f"{MM}/ksm", {"run": "ksm.run"}),
        lambda: _read_zram(host),
        lambda: read_optional(host, "/sys/module/zswap/parameters", ZSWAP_FILES),
    )


def parse_swaps(text: str) -> Data:
    """Return `swap.total-kib`, 0 without swap, and type, size and priority of each swap area.

    Raises InvalidRequest for a text that is not the kernel's: less than all is no total.
    """
    data: Data = {"swap.total-kib": 0}
    total = 0
    head, *lines = text.splitlines() or [""]
    if not head.startswith("Filename"):
        raise refuse(SWAPS, text)
    for line in lines:
        words = line.split()
        if len(words) != 5 or not is_number(words[2]):
            raise refuse(SWAPS, line)
        path = words[0].replace("\\040", " ")
        total += int(words[2])
        data[f"swap.{path}.type"] = words[1]
        data[f"swap.{path}.size-kib"] = int(words[2])
        data[f"swap.{path}.priority"] = words[4]
    data["swap.total-kib"] = total
    return data


def _read_pages(host: HostPath) -> Data:
    data: Data = {}
    for name in read_names(host, f"{MM}/hugepages", "hugepages-"):
        key = f"hugepages.{name[len('hugepages-') :].replace('kB', '-kib')}"
        keys = {"nr_hugepages": key, "nr_overcommit_hugepages": f"{key}.overcommit"}
        data.update(read_optional(host, f"{MM}/hugepages/{name}", keys))
    return data


def _read_zram(host: HostPath) -> Data:
    data: Data = {}
    for name in read_names(host, BLOCK, "zram"):
        found = read_optional(host, f"{BLOCK}/{name}", ZRAM_FILES)
        if found.get("size-bytes"):  # 0 is not set up
            data.update({f"{name}.{key}": value for key, value in _choose(found).items()})
    return data


def _choose(found: Data) -> Data:
    return {
        key: parse_chosen(str(value)) if key.endswith(CHOICES) else value
        for key, value in found.items()
    }
