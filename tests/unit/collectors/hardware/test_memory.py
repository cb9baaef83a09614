"""The memory of a small tree: two NUMA nodes, one of them without processors."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.hardware.memory import parse_total, read_memory
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.collectors.hardware.test_dmi import END, slot
from tests.unit.hosts import write_files

NODES = "sys/devices/system/node"


def test_memory_of_the_node_its_slots_and_its_numa_nodes(tmp_path: Path) -> None:
    write_files(tmp_path / "proc", {"meminfo": "MemTotal:  528280 kB\nMemFree: 1 kB"})
    write_files(
        tmp_path / NODES / "node0",
        {
            "meminfo": "Node 0 MemTotal:  264140 kB\nNode 0 MemFree: 2 kB",
            "cpulist": "0-55",
            "distance": "10 80",
            "hugepages/hugepages-2048kB/nr_hugepages": "512",
            "hugepages/hugepages-1048576kB/nr_hugepages": "0",
        },
    )
    write_files(tmp_path / NODES / "node1", {"meminfo": "Node 1 MemTotal: 9 kB", "cpulist": ""})
    write_files(tmp_path / "sys/firmware/dmi/tables", {"DMI": slot(16384) + END})
    found = read_memory(HostPath(str(tmp_path)))
    assert found.context == {}
    assert found.data == {
        "total-kib": 528280,
        "node.0.total-kib": 264140,
        "node.0.cpulist": "0-55",
        "node.0.distance": "10 80",
        "node.0.hugepages.2048-kib": 512,
        "node.0.hugepages.1048576-kib": 0,
        "node.1.total-kib": 9,
        "dimm.slots": 1,
        "dimm.count": 1,
        "dimm.size-mib": 16384,
        "dimm.type": "DDR5",
        "dimm.speed-mts": 5600,
        "dimm.configured-speed-mts": 4800,
    }


@pytest.mark.parametrize("rest", ["", "MemTotal:", "5", "x kB", "5 kb", "-5 kB", "5" * 19 + " kB"])
def test_a_total_is_a_number_of_kilobytes(rest: str) -> None:
    assert parse_total("MemTotal: 5 kB") == 5
    with pytest.raises(InvalidRequest, match="meminfo of the node cannot be understood"):
        parse_total(f"MemTotal: {rest}")
