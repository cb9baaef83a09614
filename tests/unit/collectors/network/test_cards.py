"""Interfaces and RDMA devices of a small sysfs, as the kernel lays it out."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.network import collector
from kubectl_snapshot.collectors.network.acs import parse_acs
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.snapshot import Subtype

BRIDGE = "pci0000:15/0000:15:01.0"
# Below one switch: its upstream port, and a downstream port for each device.
SWITCH = f"{BRIDGE}/0000:16:00.0"
NIC, GPU = f"{SWITCH}/0000:17:00.0/0000:18:00.0", f"{SWITCH}/0000:17:01.0/0000:19:00.0"
FAR_GPU = "pci0000:97/0000:97:01.0/0000:98:00.0"


def write(directory: Path, **files: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(f"{text}\n")
    return directory


class Node:
    """A node's file tree that grows by what it is given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write(root / "sys/class/net", bonding_masters="bond0")

    def add_pci(self, path: str, **files: str) -> Path:
        device = write(self.root / "sys/devices" / path, **files)
        self._link(f"sys/bus/pci/devices/{device.name}", device)
        return device

    def add_interface(self, name: str, device: Path | None = None, **files: str) -> Path:
        parent = device or self.root / "sys/devices/virtual"
        number = {"ifindex": "4", "iflink": "4", "uevent": f"INTERFACE={name}", **files}
        place = write(parent / "net" / name, **number)
        if device:
            (place / "device").symlink_to("../..")
        self._link(f"sys/class/net/{name}", place)
        return place

    def add_rdma(self, name: str, device: Path, **files: str) -> Path:
        place = write(device / "infiniband" / name, **files)
        (place / "device").symlink_to("../..")
        self._link(f"sys/class/infiniband/{name}", place)
        return place

    def _link(self, place: str, target: Path) -> None:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(f"/{target.relative_to(self.root)}")

    def collect(self, **settings: bool) -> dict[str, Subtype]:
        context = Context(HostPath(str(self.root), **settings))
        return {subtype.name: subtype for subtype in collector.collect(context)}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def add_driver(node: Node, device: Path, name: str) -> None:
    driver = write(node.root / "sys/bus/pci/drivers" / name)
    (device / "driver").symlink_to(f"/{driver.relative_to(node.root)}")


def test_a_card_has_its_link_its_place_and_its_virtual_functions(node: Node) -> None:
    card = node.add_pci(
        NIC,
        numa_node="0",
        current_link_speed="32.0 GT/s PCIe",
        current_link_width="8",
        max_link_speed="32.0 GT/s PCIe",
        max_link_width="16",
        sriov_numvfs="0",
        sriov_totalvfs="16",
    )
    add_driver(node, card, "mlx5_core")
    node.add_interface(
        "ibp24s0",
        card,
        address="00:00:10:29",
        mtu="4092",
        operstate="up",
        speed="400000",
        duplex="full",
        tx_queue_len="256",
        phys_port_name="p0",
        phys_switch_id="e09a7100",
    )
    assert node.collect()["interface-ibp24s0"] == Subtype(
        "interface-ibp24s0",
        {
            "driver": "mlx5_core",
            "pci-address": "0000:18:00.0",
            "numa-node": 0,
            "mac-address": "00:00:10:29",
            "mtu": 4092,
            "operstate": "up",
            "speed-mbps": 400000,
            "duplex": "full",
            "tx-queue-length": 256,
            "port-name": "p0",
            "switch-id": "e09a7100",
            "pcie.current-speed": "32.0 GT/s PCIe",
            "pcie.current-width": 8,
            "pcie.max-speed": "32.0 GT/s PCIe",
            "pcie.max-width": 16,
            "sriov.vfs": 0,
            "sriov.max-vfs": 16,
        },
    )


def test_what_the_kernel_does_not_know_is_not_a_value(node: Node) -> None:
    card = node.add_pci(
        NIC,
        numa_node="-1",
        current_link_speed="Unknown",
        current_link_width="0",
        max_link_width="255",
        max_link_speed="Unknown speed",
    )
    node.add_interface("eth0", card, speed="-1", duplex="unknown", mtu="1500", phys_port_name="")
    data = node.collect()["interface-eth0"].data
    assert data == {"pci-address": "0000:18:00.0", "mtu": 1500}


def test_a_virtio_card_is_on_the_bus_of_its_parent(node: Node) -> None:
    card = node.add_pci("pci0000:00/0000:00:03.0", numa_node="1")
    virtio = write(card / "virtio2")
    add_driver(node, virtio, "virtio_net")
    node.add_interface("eth0", virtio, mtu="1400")
    assert node.collect()["interface-eth0"].data == {
        "driver": "virtio_net",
        "pci-address": "0000:00:03.0",
        "numa-node": 1,
        "mtu": 1400,
    }


def test_a_bond_has_its_mode_and_its_members(node: Node) -> None:
    bond = node.add_interface("bond0", uevent="INTERFACE=bond0\nDEVTYPE=bond", mtu="9000")
    for name in ("eth1", "eth2"):
        member = node.add_interface(name, node.add_pci(f"pci0000:01/0000:01:00.{name[-1]}"))
        (member / "master").symlink_to("/sys/class/net/bond0")
        (bond / f"lower_{name}").symlink_to(f"/sys/class/net/{name}")
    write(
        bond / "bonding",
        mode="802.3ad 4",
        lacp_rate="fast 1",
        miimon="100",
        xmit_hash_policy="layer3+4 1",
        active_slave="",
    )
    found = node.collect()
    assert found["interface-bond0"].data == {
        "kind": "bond",
        "members": "eth1,eth2",
        "mtu": 9000,
        "bond.mode": "802.3ad 4",
        "bond.lacp-rate": "fast 1",
        "bond.miimon": 100,
        "bond.hash-policy": "layer3+4 1",
    }
    assert found["interface-eth1"].data["master"] == "bond0"
    assert "interface-bonding_masters" not in found


def test_a_vlan_has_its_id_if_the_network_is_the_nodes(node: Node) -> None:
    node.add_interface("eth1.5", iflink="2", uevent="DEVTYPE=vlan\nINTERFACE=eth1.5\nIFINDEX=4")
    header = "VLAN Dev name    | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n"
    rows = "eth1.55        | 55  | eth1\neth1.5         | 5  | eth1\n"
    write(node.root / "proc/net/vlan", config=header + rows)
    assert node.collect()["interface-eth1.5"].data == {"kind": "vlan", "vlan-id": "5"}
    assert node.collect(shares_network=False)["interface-eth1.5"].data == {"kind": "vlan"}


def test_pods_cables_virtual_functions_and_loopback_are_left_out(node: Node) -> None:
    node.add_interface("lo")
    node.add_interface("veth12ab", iflink="3")
    node.add_interface("lxc0a1b2c", iflink="2")
    node.add_interface("eth0", iflink="3")  # of a node that is a container
    node.add_interface("tunl0")
    function = node.add_pci("pci0000:15/0000:15:00.1")
    (function / "physfn").symlink_to("../0000:15:00.0")
    node.add_interface("eth9v1", function)
    names = [name for name in node.collect() if name.startswith("interface-")]
    assert names == ["interface-eth0", "interface-tunl0"]


def test_an_rdma_device_has_its_ports_and_no_lanes_twice(node: Node) -> None:
    card = node.add_pci(NIC, numa_node="0", current_link_width="16", sriov_totalvfs="16")
    add_driver(node, card, "mlx5_core")
    device = node.add_rdma(
        "mlx5_0",
        card,
        fw_ver="28.43.1014",
        hca_type="MT4129",
        board_id="MT_0000000838",
        node_guid="a088:c203:0012:3456",
        sys_image_guid="a088:c203:0012:3456",
    )
    port = write(
        device / "ports/1",
        state="4: ACTIVE",
        phys_state="5: LinkUp",
        rate="400 Gb/sec (4X NDR)",
        link_layer="InfiniBand",
        lid="0x11",
    )
    write(port / "gid_attrs/ndevs", **{"0": "ibp24s0", "1": "ibp24s0"})
    write(port / "gids", **{"0": "fe80::", "1": "::", "2": "::"})
    assert node.collect()["rdma-mlx5_0"].data == {
        "driver": "mlx5_core",
        "pci-address": "0000:18:00.0",
        "numa-node": 0,
        "firmware": "28.43.1014",
        "hca-type": "MT4129",
        "board-id": "MT_0000000838",
        "node-guid": "a088:c203:0012:3456",
        "system-image-guid": "a088:c203:0012:3456",
        "port.1.state": "ACTIVE",
        "port.1.phys-state": "LinkUp",
        "port.1.rate": "400 Gb/sec (4X NDR)",
        "port.1.link-layer": "InfiniBand",
        "port.1.lid": "0x11",
        "port.1.netdev": "ibp24s0",
        "port.1.gid-count": 3,
    }


def test_a_port_without_a_table_has_no_count(node: Node) -> None:
    device = node.add_rdma("mlx5_0", node.add_pci(NIC))
    write(device / "ports/1", state="1: DOWN")
    assert node.collect()["rdma-mlx5_0"].data == {
        "pci-address": "0000:18:00.0",
        "port.1.state": "DOWN",
    }


def add_gpu(node: Node, path: str, numa_node: str) -> None:
    node.add_pci(path, vendor="0x10de", **{"class": "0x030200"}, numa_node=numa_node)


def test_proximity_names_the_rdma_device_of_a_card(node: Node) -> None:
    add_gpu(node, GPU, "0")
    add_gpu(node, FAR_GPU, "1")
    card = node.add_pci(NIC, numa_node="0")
    node.add_interface("ibp24s0", card)
    node.add_rdma("mlx5_0", card)
    node.add_interface("eth0", node.add_pci("pci0000:00/0000:00:03.0", numa_node="-1"))
    assert node.collect()["proximity"].data == {
        "0000:19:00.0/mlx5_0": "PIX",
        "0000:98:00.0/mlx5_0": "SYS",
    }


@pytest.mark.parametrize(
    ("has_card", "reason"), [(True, "no NVIDIA GPU is"), (False, "no network card is")]
)
def test_without_cards_or_gpus_there_is_no_proximity(
    node: Node, has_card: bool, reason: str
) -> None:
    if has_card:
        node.add_interface("eth0", node.add_pci(NIC))
    found = node.collect()["proximity"]
    assert (found.data, found.status) == ({}, "absent")
    assert found.context["reason"].startswith(reason)


def build_config(control: int | None, size: int = 4096) -> bytes:
    """Return a configuration space with error reporting and, after it, ACS with these controls."""
    space = bytearray(size)
    if size > 256:
        space[0x100:0x104] = struct.pack("<I", 0x0001 | 2 << 16 | 0x148 << 20)
        if control is not None:
            space[0x148:0x150] = struct.pack("<IHH", 0x000D | 1 << 16, 0x7F, control)
    return bytes(space)


def add_bridges(node: Node, **spaces: bytes) -> None:
    """Write the configuration spaces of the bridges of GPU and NIC, by their last digits."""
    add_gpu(node, GPU, "0")
    node.add_interface("ibp24s0", node.add_pci(NIC))
    bridges = sorted({*GPU.split("/")[1:-1], *NIC.split("/")[1:-1]})
    for bridge, space in zip(bridges, spaces.values()):
        (node.root / f"sys/bus/pci/devices/{bridge}").mkdir(parents=True, exist_ok=True)
        (node.root / f"sys/bus/pci/devices/{bridge}/config").write_bytes(space)


def test_the_bridges_between_gpu_and_card_say_which_access_controls_are_on(node: Node) -> None:
    bridges = sorted({*GPU.split("/")[1:-1], *NIC.split("/")[1:-1]})
    add_bridges(node, **{bridge: build_config(0x1D) for bridge in bridges})
    on = "SrcValid,ReqRedir,CmpltRedir,UpstreamFwd"
    assert node.collect()["pci-acs"].data == dict.fromkeys(bridges, on)


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (build_config(0), "off"),
        (build_config(0x62), "TransBlk,EgressCtrl,DirectTrans"),
        (build_config(None), "not supported"),
        (bytes(4096), "not supported"),
        # Points at itself, and behind the end.
        (bytes(256) + struct.pack("<I", 0x1 | 0x100 << 20) + bytes(3836), "not supported"),
        (bytes(256) + struct.pack("<I", 0x1 | 0xFFC << 20) + bytes(300), "not supported"),
        (b"\xff" * 4096, "not supported"),
        (build_config(0x1D)[:0x14F], "not supported"),
        (build_config(0x1D)[:0x150], "SrcValid,ReqRedir,CmpltRedir,UpstreamFwd"),
    ],
)
def test_access_controls_of_a_configuration_space(space: bytes, expected: str) -> None:
    assert parse_acs(space) == expected


def test_what_the_kernel_hides_of_a_bridge_is_no_answer(node: Node) -> None:
    add_bridges(node, **dict.fromkeys("abcdef", build_config(0x1D, size=64)))
    found = node.collect()["pci-acs"]
    assert (found.data, found.status) == ({}, "unavailable")
    assert "shows 64 bytes without CAP_SYS_ADMIN" in found.context["reason"]


def test_without_bridges_there_are_no_access_controls(node: Node) -> None:
    add_gpu(node, "pci0000:00/0000:00:04.0", "0")
    node.add_interface("eth0", node.add_pci("pci0000:00/0000:00:03.0"))
    assert node.collect()["pci-acs"].status == "absent"


def test_this_machines_interface_of_the_same_name_is_not_the_nodes(node: Node) -> None:
    """Firmware and offloads come from the process's own network, which may be another one."""
    name = next(name for name in os.listdir("/sys/class/net") if name != "lo")
    node.add_interface(name, node.add_pci(NIC), address="02:00:00:00:00:01")
    assert not [key for key in node.collect()[f"interface-{name}"].data if "offload" in key]


def test_without_the_nodes_files_nothing_is_claimed() -> None:
    (found,) = run_collectors((collector,), Context(HostPath(None)), 1e9, lambda event: None)
    names = ("proximity", "pci-acs")
    assert [(s.name, s.status) for s in found.subtypes] == [(n, "unavailable") for n in names]
    assert "--privileged=false" in found.subtypes[0].context["reason"]


def test_an_interface_whose_files_cannot_be_read_is_told_and_has_its_place(node: Node) -> None:
    add_gpu(node, GPU, "0")
    place = node.add_interface("eth0", node.add_pci(NIC))
    (place / "mtu").mkdir()
    virtual = node.add_interface("bond0", uevent="DEVTYPE=bond")
    (virtual / "mtu").mkdir()
    node.add_interface("eth1", node.add_pci("pci0000:00/0000:00:03.0"), mtu="1500")
    found = node.collect()
    for name in ("interface-eth0", "interface-bond0"):
        assert (found[name].data, found[name].status) == ({}, "error")
        assert found[name].context["reason"].endswith("/mtu of the node is not a regular file")
    assert found["interface-eth1"].data["mtu"] == 1500
    assert found["proximity"].data["0000:19:00.0/eth0"] == "PIX"


def test_an_interface_that_is_removed_meanwhile_is_none(node: Node) -> None:
    (node.root / "sys/class/net/veth1").symlink_to("/sys/devices/virtual/net/veth1")
    node.add_interface("wlan0", node.add_pci(NIC))
    assert [name for name in node.collect() if name.startswith("interface")] == ["interface-wlan0"]


def test_an_rdma_device_whose_files_cannot_be_read_has_its_place(node: Node) -> None:
    add_gpu(node, GPU, "0")
    place = node.add_rdma("mlx5_0", node.add_pci(NIC))
    (place / "fw_ver").mkdir()
    found = node.collect()
    assert found["rdma-mlx5_0"].status == "error"
    assert found["proximity"].data == {"0000:19:00.0/mlx5_0": "PIX"}


def test_an_unreadable_interface_costs_no_other(node: Node) -> None:
    node.add_interface("eth0", node.add_pci(NIC), uevent="DEVTYPE=vlan")
    node.add_interface("eth1", node.add_pci("pci0000:00/0000:00:03.0"), mtu="1500")
    found = node.collect()  # no /proc/net/vlan
    assert (found["interface-eth0"].data, found["interface-eth0"].status) == ({}, "unavailable")
    assert found["interface-eth1"].data["mtu"] == 1500


@pytest.mark.parametrize(("place", "expected"), [(0x1FC, "SrcValid"), (0x1FD, "not supported")])
def test_a_header_of_a_capability_ends_with_the_space_at_the_latest(
    place: int, expected: str
) -> None:
    space = bytearray(build_config(1, 0x200))
    space[0x100:0x104] = struct.pack("<I", 0x0001 | place << 20)
    space[0x1FC:0x200] = struct.pack("<I", 0x0002 | 0x148 << 20)
    assert parse_acs(bytes(space)) == expected
