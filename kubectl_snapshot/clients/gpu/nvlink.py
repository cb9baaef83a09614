"""NVLinks of one GPU, their fabric, and the connection of two GPUs. Runs in the child process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubectl_snapshot.clients.gpu.readers import (
    NOT_SUPPORTED,
    UNSUPPORTED,
    Value,
    Values,
    decode,
    fill_structure,
    hexadecimal,
    name_by,
    read_fields,
    read_values,
)
from kubectl_snapshot.clients.host.pci import parse_address

NVLINK_COUNT_FIELD = 91  # nvml.h, NVML_FI_DEV_NVLINK_LINK_COUNT
P2P_NVLINK, P2P_OK = 2, 0  # nvmlGpuP2PCapsIndex_t, nvmlGpuP2PStatus_t
FABRIC_COMPLETED = 3
# The names are those of nvidia-smi.
FABRIC_STATES = {0: "Not Supported", 1: "Not Started", 2: "In Progress", 3: "Completed"}
FABRIC_HEALTH = {0: "Not Supported", 1: "Healthy", 2: "Unhealthy", 3: "Limited Capacity"}
REMOTE_TYPES = {0: "GPU", 1: "IBMNPU", 2: "Switch"}
# As in `nvidia-smi topo -m`, but INT: two GPUs on one board.
ANCESTORS = {0: "INT", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}


@dataclass(frozen=True)
class Peer:
    """A GPU as the peer of others.

    `remotes` has the PCI address of the remote end of each active NVLink, "" if it is unknown.
    """

    device: Any
    address: str
    remotes: tuple[str, ...]


def build_peer(device: Any, config: Values) -> Peer:
    """Return a GPU as a peer, from the values read of it."""
    links = [key[: -len("active")] for key, value in config.items() if _is_active_link(key, value)]
    remotes = tuple(str(config.get(f"{link}remote-pci-bus-id", "")) for link in links)
    return Peer(device, str(config.get("pci.bus-id", "")), remotes)


def read_connection(nvml: Any, one: Peer, other: Peer) -> str:
    """Return how two GPUs are connected, as in `nvidia-smi topo -m`; "" if NVML does not know.

    `NV18` is 18 NVLinks: direct ones or, through NVSwitches, as many as both GPUs have.
    """
    try:
        if nvml.nvmlDeviceGetP2PStatus(one.device, other.device, P2P_NVLINK) == P2P_OK:
            direct = one.remotes.count(other.address)
            links = direct or min(len(one.remotes), len(other.remotes))
            if links:
                return f"NV{links}"
    except nvml.NVMLError:
        pass  # no NVLink, or a driver without this function
    try:
        ancestor = nvml.nvmlDeviceGetTopologyCommonAncestor(one.device, other.device)
    except nvml.NVMLError:
        return ""
    return ANCESTORS.get(ancestor, str(ancestor))


def read_links(nvml: Any, device: Any) -> Values:
    """Return the state of each NVLink and, if it is active, its remote end."""
    count = _count_links(nvml, device)
    values: Values = {} if count is None else {"nvlink.link-count": count}
    for link in range(nvml.NVML_NVLINK_MAX_LINKS if count is None else count):
        try:
            is_active = bool(nvml.nvmlDeviceGetNvLinkState(device, link))
        except nvml.NVMLError as error:
            if error.value not in UNSUPPORTED or not values:
                raise
            break  # the link before was the last
        values[f"nvlink.{link}.active"] = is_active
        if is_active:
            values.update(_read_link_details(nvml, device, link))
    return values


def read_fabric(nvml: Any, device: Any) -> Values:
    """Return the state of the NVLink fabric and, once it is completed, its status and clique."""
    found = _read_fabric_info(nvml, device)
    values: Values = {"fabric.state": name_by(FABRIC_STATES)(found.state)}
    if found.state != FABRIC_COMPLETED:
        return values
    cluster = bytes(found.clusterUuid).hex()
    values["fabric.status"] = str(nvml.NVMLError(found.status)) if found.status else "Success"
    values["fabric.clique-id"] = found.cliqueId
    values["fabric.cluster-uuid"] = "-".join(
        (cluster[:8], cluster[8:12], cluster[12:16], cluster[16:20], cluster[20:])
    )
    if hasattr(found, "healthMask"):
        values["fabric.health-mask"] = hexadecimal(found.healthMask)
    if hasattr(found, "healthSummary"):
        values["fabric.health-summary"] = name_by(FABRIC_HEALTH)(found.healthSummary)
    return values


def _is_active_link(key: str, value: Value) -> bool:
    return value is True and key.startswith("nvlink.") and key.endswith(".active")


def _read_link_details(nvml: Any, device: Any, link: int) -> Values:
    def read_version(nvml: Any, device: Any) -> Values:
        return {f"nvlink.{link}.version": nvml.nvmlDeviceGetNvLinkVersion(device, link)}

    def read_remote_type(nvml: Any, device: Any) -> Values:
        number = nvml.nvmlDeviceGetNvLinkRemoteDeviceType(device, link)
        return {f"nvlink.{link}.remote-type": name_by(REMOTE_TYPES)(number)}

    def read_remote_address(nvml: Any, device: Any) -> Values:
        found = nvml.nvmlDeviceGetNvLinkRemotePciInfo(device, link)
        return {f"nvlink.{link}.remote-pci-bus-id": parse_address(decode(found.busId))}

    readers = (read_version, read_remote_type, read_remote_address)
    return read_values(nvml, device, [(read.__name__, read) for read in readers])[0]


def _count_links(nvml: Any, device: Any) -> int | None:
    try:
        return read_fields(nvml, device, [NVLINK_COUNT_FIELD])[0]
    except nvml.NVMLError as error:
        if error.value not in UNSUPPORTED:
            raise
        return None


def _read_fabric_info(nvml: Any, device: Any) -> Any:
    """Return the newest structure that the driver knows: v3 since R580, v2 since R550."""
    for structure in (nvml.c_nvmlGpuFabricInfo_v3_t, nvml.c_nvmlGpuFabricInfo_v2_t):
        try:
            return fill_structure(nvml, "nvmlDeviceGetGpuFabricInfoV", device, structure())
        except nvml.NVMLError as error:
            if error.value not in UNSUPPORTED or error.value == NOT_SUPPORTED:
                raise
    return fill_structure(nvml, "nvmlDeviceGetGpuFabricInfo", device, nvml.c_nvmlGpuFabricInfo_t())
