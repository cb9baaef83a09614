"""Swap, zram and huge pages of a small tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.memory import parse_swaps, read
from kubectl_snapshot.errors import InvalidRequest, Unavailable
from tests.unit.hosts import write_files

SWAPS = """\
Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/swap\\040file                              file\t\t2097148\t\t512\t\t-2
/dev/zram0                              partition\t1000\t0\t100
"""


def test_memory_as_it_is_set(tmp_path: Path) -> None:
    write_files(tmp_path / "proc", {"swaps": SWAPS.rstrip()})
    write_files(
        tmp_path / "sys/kernel/mm",
        {
            "transparent_hugepage/enabled": "always [madvise] never",
            "transparent_hugepage/defrag": "always defer [never]",
            "transparent_hugepage/shmem_enabled": "always [never] deny",
            "hugepages/hugepages-2048kB/nr_hugepages": "512",
            "hugepages/hugepages-2048kB/nr_overcommit_hugepages": "7",
            "ksm/run": "0",
        },
    )
    write_files(
        tmp_path / "sys/block/zram0", {"disksize": "1024000", "comp_algorithm": "lzo [zstd]"}
    )
    write_files(tmp_path / "sys/block/zram1", {"disksize": "0", "comp_algorithm": "[lzo] zstd"})
    write_files(tmp_path / "sys/block/vda", {"disksize": "1"})
    write_files(tmp_path / "sys/module/zswap/parameters", {"enabled": "N", "compressor": "lzo"})
    found = read(HostPath(str(tmp_path)))
    assert found.context == {}
    assert found.data == {
        "swap.total-kib": 2098148,
        "swap./swap file.type": "file",
        "swap./swap file.size-kib": 2097148,
        "swap./swap file.priority": "-2",
        "swap./dev/zram0.type": "partition",
        "swap./dev/zram0.size-kib": 1000,
        "swap./dev/zram0.priority": "100",
        "thp.enabled": "madvise",
        "thp.defrag": "never",
        "thp.shmem-enabled": "never",
        "hugepages.2048-kib": 512,
        "hugepages.2048-kib.overcommit": 7,
        "ksm.run": 0,
        "zram0.size-bytes": 1024000,
        "zram0.algorithm": "zstd",
        "zswap.enabled": "N",
        "zswap.compressor": "lzo",
    }


def test_a_node_without_swap_has_none_of_it() -> None:
    assert parse_swaps("Filename Type Size Used Priority\n") == {"swap.total-kib": 0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        SWAPS[:-9],
        SWAPS.replace("1000", "-1"),
        SWAPS.replace("1000", "9" * 19),
        SWAPS + "x\n",
    ],
)
def test_a_total_of_less_than_all_swap_areas_is_none(text: str) -> None:
    with pytest.raises(InvalidRequest, match="/proc/swaps of the node cannot be understood"):
        parse_swaps(text)


def test_a_pods_own_swaps_are_not_read() -> None:
    with pytest.raises(Unavailable):
        read(HostPath(None))
