"""What was found of the GPUs, as subtypes; keys and rules are those of contract section 2.2. Pure.

A count is only written where somebody counted: what the driver does not answer is a status with its
reason, never a zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu.driver_files import KernelModule
from kubectl_snapshot.collectors.gpu.inventory import NVIDIA_SMI, match_gpus
from kubectl_snapshot.collectors.gpu.smi.keys import SMI_KEYS
from kubectl_snapshot.collectors.run.context import explain
from kubectl_snapshot.document.accelerators import find_token, parse_product
from kubectl_snapshot.document.snapshot import ABSENT, PARTIAL, UNAVAILABLE, Subtype
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.gpu.integrated import IntegratedGpu
    from kubectl_snapshot.clients.gpu.nvml import DriverGpu
    from kubectl_snapshot.collectors.gpu.inventory import GpuInventory, MatchedGpu
    from kubectl_snapshot.document.snapshot import Scalar

PCI, PLATFORM = "pci", "platform"
# Keys named in a reason before it says how many others there are.
NAMED_KEYS = 3
# NVML_ERROR_DEPRECATED, and nvidia-smi's words for it and for every other value that is not there.
DEPRECATED = 26
NOT_AVAILABLE = {DEPRECATED: "Requested functionality has been deprecated"}
ON_OFF = {True: "Enabled", False: "Disabled"}


def build_subtypes(inventory: GpuInventory) -> Iterator[Subtype]:
    """Return all subtypes of an inventory, in the document's order."""
    gpus = match_gpus(inventory)
    yield build_smi(inventory, gpus)
    yield build_device(inventory, gpus)
    yield build_hardware(inventory, gpus)
    for number, gpu in enumerate(gpus):
        yield from build_gpu(f"gpu-{number}", gpu, inventory)
    yield build_topology(inventory, gpus)


def build_smi(inventory: GpuInventory, gpus: Sequence[MatchedGpu]) -> Subtype:
    """Return what `nvidia-smi -q -x` says first, in its words: the driver, and one GPU."""
    if inventory.has_no_gpu:
        return Subtype("smi", {**_system(inventory), "gpu-count": 0}, _explain_none())
    if inventory.error is not None:
        return Subtype("smi", {}, _explain_error(inventory, inventory.error))
    if inventory.source == NVIDIA_SMI:
        reasons = _explain_failed(inventory.smi_failed)
        return Subtype("smi", inventory.smi, _explain_rest(inventory, gpus, reasons))
    data = {**_system(inventory), "gpu-count": len(inventory.driver_gpus)}
    first = next((gpu for gpu in gpus if gpu.driver_gpu and not gpu.error), None)
    if first is None or first.driver_gpu is None:
        reasons = [f"gpu-{n}: {explain(gpu.error)}" for n, gpu in enumerate(gpus) if gpu.error]
        return Subtype("smi", data, _explain_rest(inventory, gpus, reasons))
    driver_gpu = first.driver_gpu
    failed = driver_gpu.failed
    reasons = _explain_failed({key: failed[of] for key, of in SMI_KEYS.items() if of in failed})
    if first is not gpus[0]:
        reasons.append(f"the values are those of gpu-{gpus.index(first)}")
    data.update({key: _render_for_smi(driver_gpu, of) for key, of in SMI_KEYS.items()})
    data = {key: value for key, value in data.items() if value != ""}
    return Subtype("smi", data, _explain_rest(inventory, gpus, reasons))


def build_device(inventory: GpuInventory, gpus: Sequence[MatchedGpu]) -> Subtype:
    """Return the driver, and the model of the first GPU."""
    data: dict[str, Scalar] = {}
    if isinstance(inventory.module, KernelModule):
        # What the kernel runs is the driver also where the library does not match it.
        module = {
            "driver": inventory.module.version,
            "kernel-module-flavor": inventory.module.flavor,
        }
        data = _without_empty(module)
    reasons = []
    if isinstance(inventory.fabric_manager, SnapshotError):
        reasons = [f"fabric-manager-version: {explain(inventory.fabric_manager)}"]
    elif inventory.fabric_manager:
        data["fabric-manager-version"] = inventory.fabric_manager
    if inventory.has_no_gpu:
        return Subtype("device", {**data, "count": 0}, _explain_none())
    if inventory.error is not None:
        return Subtype("device", data, _explain_error(inventory, inventory.error))
    data.update({**inventory.system, "count": len(inventory.driver_gpus), **_model(gpus)})
    return Subtype("device", data, _explain_rest(inventory, gpus, reasons))


def build_hardware(inventory: GpuInventory, gpus: Sequence[MatchedGpu]) -> Subtype:
    """Return whether there are GPUs and a driver for them, who says so, and AICR's model token.

    The token (docs/adr/0060) needs no driver: AICR chooses the recipe before it installs one.
    """
    hardware = _build_presence(inventory, gpus)
    named = {_find_token(gpu) for gpu in gpus}
    tokens = sorted(named.difference({""}))
    if len(tokens) == 1:
        return replace(hardware, data={**hardware.data, "model": tokens[0]})
    if not gpus:
        return hardware
    unknown = ", ".join(dict.fromkeys(_device_id(gpu) or gpu.address for gpu in gpus))
    why = f"{len(tokens)} models: {', '.join(tokens)}" if tokens else f"no token for {unknown}"
    notes = [hardware.context["note"]] if "note" in hardware.context else []
    note = "; ".join([*notes, f"model: {why}"])
    return replace(hardware, context={**hardware.context, "note": note})


def _build_presence(inventory: GpuInventory, gpus: Sequence[MatchedGpu]) -> Subtype:
    data: dict[str, Scalar] = {}
    if not isinstance(inventory.module, SnapshotError):
        data["driver-loaded"] = inventory.module is not None
    if inventory.has_no_gpu:
        data.update({"gpu-present": False, "gpu-count": 0, "detection-source": PCI})
        return Subtype("hardware", data, _explain_none())
    if inventory.error is None:
        data.update({"driver-loaded": True, "detection-source": inventory.source})
        data.update({"gpu-present": bool(gpus), "gpu-count": len(inventory.driver_gpus)})
        return Subtype("hardware", data, _explain_rest(inventory, gpus))
    context = _explain_error(inventory, inventory.error)
    if inventory.pci_gpus:
        data.update({"gpu-present": True, "gpu-count": len(inventory.pci_gpus)})
        data["detection-source"] = PCI
        context["status"] = PARTIAL
    elif inventory.unread_integrated is not None:
        data.update(_integrated(inventory.unread_integrated))
        context["status"] = PARTIAL
    return Subtype("hardware", data, context)


def build_gpu(name: str, gpu: MatchedGpu, inventory: GpuInventory) -> Iterator[Subtype]:
    """Return the subtypes of one GPU: its configuration, and its volatile state if readable."""
    data: dict[str, Scalar] = {}
    if gpu.pci_gpu is not None:
        data = {"pci.bus-id": gpu.address, "pci.driver": gpu.pci_gpu.driver}
        if gpu.pci_gpu.numa_node is not None:
            data["pci.numa-node"] = gpu.pci_gpu.numa_node
    if gpu.driver_gpu is None:
        yield Subtype(name, _without_empty(data), _explain_gpu(gpu, []))
        return
    data.update(gpu.driver_gpu.config)
    notes = [inventory.note] if inventory.note else []
    failed = _explain_failed(gpu.driver_gpu.failed)
    yield Subtype(name, _without_empty(data), _explain_gpu(gpu, failed + notes))
    failed = _explain_failed(gpu.driver_gpu.state_failed)
    yield Subtype(f"{name}-state", gpu.driver_gpu.state, _explain_gpu(gpu, failed + notes))


def build_topology(inventory: GpuInventory, gpus: Sequence[MatchedGpu]) -> Subtype:
    """Return how each two GPUs are linked, once a pair, the one first on the bus first."""
    if inventory.has_no_gpu:
        return Subtype("topology", {}, _explain_none())
    if inventory.error is not None:
        return Subtype("topology", {}, _explain_error(inventory, inventory.error))
    if len(inventory.driver_gpus) < 2:
        reason = "the driver lists no two GPUs"
        return Subtype("topology", {}, {"status": ABSENT, "reason": reason})
    listed = [gpu.driver_gpu for gpu in gpus if gpu.driver_gpu is not None]
    pairs = [(one, other) for index, one in enumerate(listed) for other in listed[index + 1 :]]
    links = {_name_pair(one, other): _find_link(one, other) for one, other in pairs}
    data = {name: link for name, link in links.items() if link}
    if len(data) == len(pairs):
        return Subtype("topology", data)
    lacking = f"{len(pairs) - len(data)} of {len(pairs)} pairs of GPUs"
    reason = f"the driver does not tell how {lacking} are linked"
    status = PARTIAL if data else UNAVAILABLE
    return Subtype("topology", data, {"status": status, "reason": reason})


def _system(inventory: GpuInventory) -> dict[str, Scalar]:
    return {
        key: inventory.system[key] for key in ("driver", "cuda-version") if key in inventory.system
    }


def _model(gpus: Sequence[MatchedGpu]) -> dict[str, Scalar]:
    names = (gpu.driver_gpu.config.get("name") for gpu in gpus if gpu.driver_gpu is not None)
    first = next((name for name in names if name), None)
    return {} if first is None else {"model": first}


def _device_id(gpu: MatchedGpu) -> str:
    """Return the PCI device id, by the kernel or, as `0x233010DE` with the vendor, by the driver.

    Empty if neither has it.
    """
    if gpu.pci_gpu is not None and gpu.pci_gpu.device_id:
        return gpu.pci_gpu.device_id
    config = gpu.driver_gpu.config if gpu.driver_gpu is not None else {}
    return str(config.get("pci.device-id", ""))[2:6].lower()


def _find_token(gpu: MatchedGpu) -> str:
    name = gpu.driver_gpu.config.get("name", "") if gpu.driver_gpu is not None else ""
    return find_token(_device_id(gpu)) or parse_product(str(name))


def _render_for_smi(driver_gpu: DriverGpu, key: str) -> str:
    """Return a value in nvidia-smi's words, "" where reading it failed."""
    if key in driver_gpu.failed:
        return ""
    value = driver_gpu.config.get(key)
    if value is None:
        return NOT_AVAILABLE.get(driver_gpu.unsupported.get(key, 0), "N/A")
    return ON_OFF[value] if isinstance(value, bool) else str(value)


def _integrated(gpu: IntegratedGpu) -> dict[str, Scalar]:
    """Return the readings of an integrated GPU; without its device, it is not counted."""
    data: dict[str, Scalar] = {"gpu-present": True, "detection-source": PLATFORM}
    if gpu.has_driver:
        data["driver-loaded"] = True
    if gpu.devices:
        data["gpu-count"] = len(gpu.devices)
    return data


def _explain_failed(failed: Mapping[str, str]) -> list[str]:
    """Return a reason per message: the keys that it explains, of many only the first."""
    keys: dict[str, list[str]] = {}
    for key, why in failed.items():
        keys.setdefault(why, []).append(key)
    reasons = []
    for why, named in keys.items():
        rest = f" and {len(named) - NAMED_KEYS} more" if len(named) > NAMED_KEYS else ""
        reasons.append(f"{', '.join(named[:NAMED_KEYS])}{rest}: {why}")
    return reasons


def _find_link(one: DriverGpu, other: DriverGpu) -> str:
    return (one.links or {}).get(other.index) or (other.links or {}).get(one.index) or ""


def _name_pair(one: DriverGpu, other: DriverGpu) -> str:
    return "/".join(str(gpu.config.get("uuid") or f"index {gpu.index}") for gpu in (one, other))


def _explain_none() -> dict[str, str]:
    return {"status": ABSENT, "reason": "there is no NVIDIA GPU on the PCI bus"}


def _explain_error(inventory: GpuInventory, error: SnapshotError) -> dict[str, str]:
    context = {"status": error.collector_status, "reason": explain(error)}
    if not isinstance(inventory.pci, SnapshotError):
        context["pci.gpu-count"] = str(len(inventory.pci))
    return context


def _explain_rest(
    inventory: GpuInventory, gpus: Sequence[MatchedGpu], reasons: Sequence[str] = ()
) -> dict[str, str]:
    """Return what the driver's answer lacks: GPUs that it does not list, and `reasons`."""
    context = {"note": inventory.note} if inventory.note else {}
    found = [inventory.warning, *reasons] if inventory.warning else list(reasons)
    if inventory.unread_integrated is not None:
        found.append(f"the driver does not list {inventory.unread_integrated.describe()}")
    missing = [gpu.address for gpu in gpus if gpu.driver_gpu is None]
    if missing:
        addresses = ", ".join(missing)
        on_bus, in_driver = len(inventory.pci_gpus), len(inventory.driver_gpus)
        counts = f"{on_bus} GPUs are on the PCI bus and {in_driver} in the driver"
        found.insert(0, f"{counts}: {addresses} missing")
        context.update({"pci.gpu-count": str(len(inventory.pci_gpus)), "pci.missing": addresses})
    if isinstance(inventory.pci, SnapshotError):
        found.append(
            f"GPUs that are not given to this pod would not show: {explain(inventory.pci)}"
        )
    if found:
        context.update({"status": PARTIAL, "reason": "; ".join(found)})
    return context


def _explain_gpu(gpu: MatchedGpu, reasons: Sequence[str]) -> dict[str, str]:
    uuid = str(gpu.driver_gpu.config.get("uuid", "")) if gpu.driver_gpu else ""
    context = {"pci-bus-id": gpu.address, "uuid": uuid}
    if gpu.error is not None:
        context.update({"status": gpu.error.collector_status, "reason": explain(gpu.error)})
    elif reasons:
        context.update({"status": PARTIAL, "reason": "; ".join(reasons)})
    return {key: value for key, value in context.items() if value}


def _without_empty(data: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {key: value for key, value in data.items() if value != ""}
