"""NVLinks of one GPU, their fabric, and the connection of two GPUs. Runs in the child process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubectl_snapshot.clients.gpu.enums import (
    ANCESTORS,
    FABRIC_HEALTH,
    FABRIC_STATES,
    NOT_AVAILABLE,
    REMOTE_TYPES,
)
from kubectl_snapshot.clients.gpu.readers import (
    NOT_SUPPORTED,
    UNSUPPORTED,
    Convert,
    NoValue,
    Readings,
    Value,
    Values,
    as_failure,
    convert_each,
    decode,
    fill_structure,
    hexadecimal,
    name_by,
    number,
    read_fields,
)
from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.records import dataclass

NVLINK_COUNT_FIELD = 91  # nvml.h, NVML_FI_DEV_NVLINK_LINK_COUNT
P2P_NVLINK, P2P_OK = 2, 0  # nvmlGpuP2PCapsIndex_t, nvmlGpuP2PStatus_t
FABRIC_COMPLETED, HEALTH_NOT_SUPPORTED, REMOTE_UNKNOWN = 3, 0, 255


def name_remote(number: int) -> str:
    """Return the type of a link's remote end; in a virtual machine it may be hidden."""
    if number == REMOTE_UNKNOWN:
        raise NoValue("not known to NVML")
    return name_by(REMOTE_TYPES)(number)


# Of an active link.
LINK_DETAILS: tuple[tuple[str, str, Convert], ...] = (
    ("version", "nvmlDeviceGetNvLinkVersion", number),
    ("remote-type", "nvmlDeviceGetNvLinkRemoteDeviceType", name_remote),
    (
        "remote-pci-bus-id",
        "nvmlDeviceGetNvLinkRemotePciInfo",
        lambda found: parse_address(decode(found.busId)),
    ),
)


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
    return "" if ancestor in NOT_AVAILABLE else name_by(ANCESTORS)(ancestor)


def read_links(nvml: Any, device: Any) -> Readings:
    """Return the state of each NVLink and, if it is active, its remote end.

    A link that does not answer is a failure if another one answers. Without a count from the
    driver, links after the last one that answers do not exist.
    """
    count = _count_links(nvml, device)
    states = _read_states(nvml, device, nvml.NVML_NVLINK_MAX_LINKS if count is None else count)
    answers = [link for link, state in enumerate(states) if not isinstance(state, Exception)]
    readings: Readings = {} if count is None else {"nvlink.link-count": count}
    if not answers:
        return {**readings, **({"nvlink": _choose(states)} if states else {})}
    for link, state in enumerate(states if count is not None else states[: answers[-1] + 1]):
        if isinstance(state, Exception):
            readings[f"nvlink.{link}"] = as_failure(nvml, state)
        else:
            readings[f"nvlink.{link}.active"] = state
    active = [link for link in answers if states[link]]
    for key, function, convert in LINK_DETAILS:
        readings.update(_read_detail(nvml, device, active, key, function, convert))
    return readings


def read_fabric(nvml: Any, device: Any) -> Readings:
    """Return the state of the NVLink fabric and, once it is completed, its status and clique."""
    found = _read_fabric_info(nvml, device)
    parts: list[tuple[str, Convert, Any]] = [("fabric.state", name_by(FABRIC_STATES), found.state)]
    if found.state != FABRIC_COMPLETED:
        return convert_each(parts)
    status = str(nvml.NVMLError(found.status)) if found.status else "Success"
    parts.extend(
        (
            ("fabric.status", str, status),
            ("fabric.clique-id", number, found.cliqueId),
            ("fabric.cluster-uuid", _render_uuid, bytes(found.clusterUuid)),
        )
    )
    if hasattr(found, "healthMask"):
        parts.append(("fabric.health-mask", hexadecimal, found.healthMask))
    if getattr(found, "healthSummary", HEALTH_NOT_SUPPORTED) != HEALTH_NOT_SUPPORTED:
        parts.append(("fabric.health-summary", name_by(FABRIC_HEALTH), found.healthSummary))
    return convert_each(parts)


def _read_states(nvml: Any, device: Any, count: int) -> list[bool | Exception]:
    states: list[bool | Exception] = []
    for link in range(count):
        try:
            states.append(bool(nvml.nvmlDeviceGetNvLinkState(device, link)))
        except nvml.NVMLError as error:
            states.append(error)
    return states


def _choose(errors: Sequence[Any]) -> Exception:
    """Return the most telling error: the first that is not Not Supported, else the first."""
    found: Exception = next((e for e in errors if e.value not in UNSUPPORTED), errors[0])
    return found


def _render_uuid(uuid: bytes) -> str:
    text = uuid.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _is_active_link(key: str, value: Value) -> bool:
    return value is True and key.startswith("nvlink.") and key.endswith(".active")


def _read_detail(
    nvml: Any, device: Any, links: Sequence[int], key: str, function: str, convert: Convert
) -> Readings:
    """Return one detail of each link; what only some links lack has failed."""
    readings: Readings = {}
    call = getattr(nvml, function)
    for link in links:
        name = f"nvlink.{link}.{key}"
        try:
            readings.update(convert_each([(name, convert, call(device, link))]))
        except nvml.NVMLError as error:
            readings[name] = error
    if all(isinstance(reading, Exception) for reading in readings.values()):
        return readings
    return {
        name: as_failure(nvml, reading) if isinstance(reading, Exception) else reading
        for name, reading in readings.items()
    }


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
