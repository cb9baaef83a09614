"""Read interfaces and RDMA devices from sysfs, and by ioctl(2) what sysfs has not.

Sources: Documentation/ABI/testing/sysfs-class-net, sysfs-class-infiniband, sysfs-bus-pci;
Documentation/networking/bonding.rst.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.ethtool import read_interface
from kubectl_snapshot.clients.host.pci import PCI_DEVICES, find_pci_path, read_pci_gpus
from kubectl_snapshot.collectors.run.context import build_failed_subtype, explain, read_subtype
from kubectl_snapshot.collectors.sysfs import UNKNOWN, parse_values, read_keys, read_names
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, SnapshotError, Unavailable
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.network.proximity import PciPlace
    from kubectl_snapshot.collectors.sysfs import Data

INTERFACES, RDMA_DEVICES = "/sys/class/net", "/sys/class/infiniband"
VLANS = "/proc/net/vlan/config"
# A pod's end of a virtual cable comes and goes with the pod. `eth0` is the cable of a node that is
# a container itself.
CABLE_TO_KEEP = compile_late("eth[0-9]+")
LOOPBACK = "lo"
# Of PCI Express (PCI_CFG_SPACE_EXP_SIZE of the kernel).
MAX_CONFIG_BYTES = 4096
# A line of `uevent`: bond, bridge, vlan, vxlan, wlan; not of a card, nor of a cable.
KIND = "DEVTYPE="
DECIDING_FILES = ("ifindex", "iflink", "uevent")

# Keys of readings by the files that have them.
INTERFACE_FILES = {
    "address": "mac-address",
    "duplex": "duplex",
    "mtu": "mtu",
    "operstate": "operstate",
    "phys_port_name": "port-name",
    "phys_switch_id": "switch-id",
    "speed": "speed-mbps",
    "tx_queue_len": "tx-queue-length",
}
PCI_FILES = {
    "current_link_speed": "pcie.current-speed",
    "current_link_width": "pcie.current-width",
    "max_link_speed": "pcie.max-speed",
    "max_link_width": "pcie.max-width",
    "numa_node": "numa-node",
    "sriov_numvfs": "sriov.vfs",
    "sriov_totalvfs": "sriov.max-vfs",
}
BOND_FILES = {
    "active_slave": "bond.active",
    "lacp_rate": "bond.lacp-rate",
    "miimon": "bond.miimon",
    "mode": "bond.mode",
    "xmit_hash_policy": "bond.hash-policy",
}
RDMA_FILES = {
    "board_id": "board-id",
    "fw_ver": "firmware",
    "hca_type": "hca-type",
    "node_guid": "node-guid",
    "sys_image_guid": "system-image-guid",
}
PORT_FILES = ("lid", "link_layer", "phys_state", "rate", "state")


def read_network(host: HostPath) -> Iterator[Subtype]:
    """Yield the interfaces, the RDMA devices and the proximity of their cards to the GPUs."""
    cards: dict[str, str] = {}
    for name in host.read_names(INTERFACES):
        # Resolved once: each further path is shorter.
        directory = host.resolve(f"{INTERFACES}/{name}")
        device = host.read_link_name(f"{directory}/device")
        try:
            files = host.read_values(directory, (*INTERFACE_FILES, *DECIDING_FILES))
        except Absent:
            continue  # removed meanwhile, as those of pods are
        except SnapshotError as error:
            if device:
                _add_card(name, directory, cards)
            yield build_failed_subtype(f"interface-{name}", error.collector_status, explain(error))
            continue
        if name != LOOPBACK and _is_shown(host, name, directory, files, device):
            read = partial(_read_interface, host, name, directory, files, bool(device), cards)
            yield read_subtype(f"interface-{name}", read)
    for name in read_names(host, RDMA_DEVICES):
        yield read_subtype(f"rdma-{name}", partial(_read_rdma, host, name, cards))
    yield read_subtype("proximity", partial(_read_proximity, host, cards))
    yield read_subtype("pci-acs", partial(_read_acs, host, cards))


def _is_shown(
    host: HostPath, name: str, directory: str, files: Mapping[str, str], device: str
) -> bool:
    """Return whether an interface is one of the node, and not the end of a pod's."""
    if "ifindex" not in files:
        return False  # bonding_masters is a file
    if device:
        # A virtual function is counted by its card, and may belong to a pod.
        return not host.read_link_name(f"{directory}/device/physfn")
    if KIND in files.get("uevent", "") or files["ifindex"] == files.get("iflink"):
        return True
    return CABLE_TO_KEEP.fullmatch(name) is not None


def _read_interface(
    host: HostPath,
    name: str,
    directory: str,
    files: Mapping[str, str],
    has_device: bool,
    cards: dict[str, str],
) -> Subtype:
    data = parse_values(files, INTERFACE_FILES)
    _, found, kind = files.get("uevent", "").partition(KIND)
    below = [n for n in host.read_names(directory) if n.startswith("lower_")]
    names = {
        "driver": host.read_link_name(f"{directory}/device/driver") if has_device else "",
        "kind": kind.split("\n")[0] if found else "",
        "master": host.read_link_name(f"{directory}/master"),
        "members": ",".join(n[len("lower_") :] for n in below),
    }
    if names["kind"] == "vlan":
        names["vlan-id"] = _read_vlan(host, name)
    if host.shares_network:
        firmware, offloads = read_interface(name, files["ifindex"], files.get("address", ""))
        names["firmware"] = firmware
        data.update({f"offload.{offload}": is_on for offload, is_on in offloads.items()})
    data.update({key: text for key, text in names.items() if text})
    if names["kind"] == "bond":
        data.update(read_keys(host, f"{directory}/bonding", BOND_FILES))
    if has_device:
        data.update(_read_card(host, name, directory, cards))
    return Subtype(f"interface-{name}", data)


def _read_card(host: HostPath, name: str, directory: str, cards: dict[str, str]) -> Data:
    """Return the readings of a device's card on the PCI bus; add its name by its address."""
    address = _add_card(name, directory, cards)
    if not address:
        return {}
    return {"pci-address": address, **read_keys(host, f"{PCI_DEVICES}/{address}", PCI_FILES)}


def _add_card(name: str, directory: str, cards: dict[str, str]) -> str:
    """Add a card by its address on the PCI bus; return this, "" if it is not there."""
    path = find_pci_path(directory)
    if not path:
        return ""
    cards[path[-1]] = name
    return path[-1]


def _read_rdma(host: HostPath, name: str, cards: dict[str, str]) -> Subtype:
    directory = host.resolve(f"{RDMA_DEVICES}/{name}")
    _add_card(name, directory, cards)  # first: it has a place, whatever its files say
    data = read_keys(host, directory, RDMA_FILES)
    driver = host.read_link_name(f"{directory}/device/driver")
    if driver:
        data["driver"] = driver
    data.update(_read_card(host, name, directory, cards))
    for key in [key for key in data if key.startswith(("pcie.", "sriov."))]:
        del data[key]  # its interface has them
    for port in read_names(host, f"{directory}/ports"):
        place = f"{directory}/ports/{port}"
        found = host.read_values(place, PORT_FILES)
        # `4: ACTIVE`, as the kernel numbers its states.
        texts = {
            key.replace("_", "-"): text.partition(": ")[2] or text for key, text in found.items()
        }
        texts["netdev"] = "".join(_read_first(host, f"{place}/gid_attrs/ndevs"))
        data.update({f"port.{port}.{key}": text for key, text in texts.items() if text})
        gids = read_names(host, f"{place}/gids")
        if gids:
            data[f"port.{port}.gid-count"] = len(gids)
    return Subtype(f"rdma-{name}", data)


def _read_proximity(host: HostPath, cards: Mapping[str, str]) -> Subtype:
    from kubectl_snapshot.collectors.network.proximity import build_proximity

    return Subtype("proximity", build_proximity(*_find_places(host, cards)))


def _find_places(
    host: HostPath, cards: Mapping[str, str]
) -> tuple[dict[str, PciPlace], dict[str, PciPlace]]:
    """Return the places of the GPUs and of the cards. Raises Absent if there are none of both."""
    from kubectl_snapshot.collectors.network.proximity import PciPlace

    if not cards:
        raise Absent("no network card is on the node's PCI bus")
    gpus = {gpu.address: gpu.address for gpu in read_pci_gpus(host)}
    if not gpus:
        raise Absent("no NVIDIA GPU is on the node's PCI bus")

    def find(names: Mapping[str, str]) -> dict[str, PciPlace]:
        places = {}
        for address, name in names.items():
            directory = f"{PCI_DEVICES}/{address}"
            node = host.read_values(directory, ("numa_node",)).get("numa_node", "")
            path = find_pci_path(host.resolve(directory))
            places[name] = PciPlace(path, "" if node in UNKNOWN else node)
        return places

    return find(gpus), find(cards)


def _read_acs(host: HostPath, cards: Mapping[str, str]) -> Subtype:
    """Return the Access Control Services of each bridge on the way to a GPU or a card."""
    from kubectl_snapshot.collectors.network.acs import FIRST, parse_acs

    bridges = {
        bridge: None
        for places in _find_places(host, cards)
        for place in places.values()
        for bridge in place.path[1:-1]
    }
    if not bridges:
        raise Absent("no PCI bridge is between GPUs and network cards")
    data: Data = {}
    for bridge in sorted(bridges):
        config = host.read_bytes(f"{PCI_DEVICES}/{bridge}/config", MAX_CONFIG_BYTES)
        if len(config) <= FIRST:
            raise Unavailable(
                "no permission to read how PCI bridges forward",
                why=f"of {bridge} the kernel shows {len(config)} bytes without CAP_SYS_ADMIN",
            )
        data[bridge] = parse_acs(config)
    return Subtype("pci-acs", data)


def _read_first(host: HostPath, directory: str) -> Iterator[str]:
    """Yield the first text of a directory's files; an unused entry has none."""
    for name in read_names(host, directory)[:1]:
        yield from host.read_values(directory, (name,)).values()


def _read_vlan(host: HostPath, name: str) -> str:
    """Return the id of a VLAN (net/8021q/vlanproc.c: `eth0.5 | 5 | eth0`), "" if unknown."""
    if not host.shares_network:
        return ""
    for line in host.read_text(VLANS).splitlines():
        words = [word.strip() for word in line.split("|")]
        if words[0] == name and len(words) == 3:
            return words[1]
    return ""
