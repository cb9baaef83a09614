"""NVLinks of one GPU and between two GPUs. Runs in the child process (gpu/nvml_child)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

from kubectl_snapshot.clients.gpu.enums import ANCESTORS, REMOTE_TYPES
from kubectl_snapshot.clients.gpu.values import (
    UNSUPPORTED,
    Value,
    Values,
    named,
    read_fields,
    read_values,
    text,
)
from kubectl_snapshot.clients.host.pci import parse_address

NVLINK_COUNT_FIELD = 91  # nvml.h, NVML_FI_DEV_NVLINK_LINK_COUNT
# nvmlGpuP2PCapsIndex_t NVLINK, nvmlGpuP2PStatus_t OK.
P2P_NVLINK, P2P_OK = 2, 0


@dataclass(frozen=True)
class Peer:
    """One end of links: `remotes` has an address per active NVLink, "" where it is not told."""

    device: Any
    address: str
    remotes: tuple[str, ...]


def build_peer(device: Any, config: Values) -> Peer:
    """Return a GPU's end of the links to others, of what was read of it."""
    links = [key[: -len("active")] for key, value in config.items() if _is_active_link(key, value)]
    remotes = tuple(str(config.get(f"{link}remote-pci-bus-id", "")) for link in links)
    return Peer(device, str(config.get("pci.bus-id", "")), remotes)


def read_link(nvml: Any, one: Peer, other: Peer) -> str:
    """Return how two GPUs are linked, as `nvidia-smi topo -m` does; "" where NVML does not say.

    `NV18` is 18 NVLinks: those from one to the other or, through switches, those that both have.
    """
    try:
        if nvml.nvmlDeviceGetP2PStatus(one.device, other.device, P2P_NVLINK) == P2P_OK:
            direct = one.remotes.count(other.address)
            links = direct or min(len(one.remotes), len(other.remotes))
            if links:
                return f"NV{links}"
    except nvml.NVMLError:
        pass  # without NVLink, or too old to tell
    try:
        ancestor = nvml.nvmlDeviceGetTopologyCommonAncestor(one.device, other.device)
    except nvml.NVMLError:
        return ""
    return ANCESTORS.get(ancestor, str(ancestor))


def read_links(nvml: Any, device: Any) -> Values:
    """Return each NVLink: active or not, and its peer. Source: nvmlDeviceGetNvLinkState."""
    count = _count_links(nvml, device)
    values: Values = {} if count is None else {"nvlink.link-count": count}
    for link in range(nvml.NVML_NVLINK_MAX_LINKS if count is None else count):
        try:
            is_active = bool(nvml.nvmlDeviceGetNvLinkState(device, link))
        except nvml.NVMLError as error:
            if error.value not in UNSUPPORTED or not values:
                raise
            break  # past the last one
        values[f"nvlink.{link}.active"] = is_active
        if is_active:
            values.update(_read_link_details(nvml, device, link))
    return values


def _is_active_link(key: str, value: Value) -> bool:
    return value is True and key.startswith("nvlink.") and key.endswith(".active")


def _read_link_details(nvml: Any, device: Any, link: int) -> Values:
    def address(info: Any) -> str:
        return parse_address(text(info.busId))

    readers = tuple(
        (key, partial(_read_of_link, key, function, convert, link))
        for key, function, convert in (
            ("version", "nvmlDeviceGetNvLinkVersion", int),
            ("remote-type", "nvmlDeviceGetNvLinkRemoteDeviceType", named(REMOTE_TYPES)),
            ("remote-pci-bus-id", "nvmlDeviceGetNvLinkRemotePciInfo", address),
        )
    )
    return read_values(nvml, device, readers)[0]


def _read_of_link(
    key: str, function: str, convert: Callable[[Any], Value], link: int, nvml: Any, device: Any
) -> Values:
    return {f"nvlink.{link}.{key}": convert(getattr(nvml, function)(device, link))}


def _count_links(nvml: Any, device: Any) -> int | None:
    try:
        return read_fields(nvml, device, [NVLINK_COUNT_FIELD])[0]
    except nvml.NVMLError as error:
        if error.value not in UNSUPPORTED:
            raise
        return None
