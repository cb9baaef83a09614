"""What was found of the GPUs, as subtypes; keys and rules are those of contract section 2.2. Pure.

A count is only written where somebody counted: what the driver does not answer is a status with its
reason, never a zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu.driver_files import KernelModule
from kubectl_snapshot.collectors.gpu.reconcile import NVIDIA_SMI, reconcile
from kubectl_snapshot.collectors.run.context import explain
from kubectl_snapshot.document.snapshot import ABSENT, PARTIAL, UNAVAILABLE, Subtype
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.gpu.nvml import Gpu as ToldGpu
    from kubectl_snapshot.collectors.gpu.reconcile import Gpu, Reading
    from kubectl_snapshot.document.snapshot import Scalar

PCI = "pci"
# NVML_ERROR_DEPRECATED, and nvidia-smi's words for it and for every other value that is not there.
DEPRECATED = 26
NOT_AVAILABLE = {DEPRECATED: "Requested functionality has been deprecated"}
ON_OFF = {True: "Enabled", False: "Disabled"}
# Keys of subtype smi, and the key of gpu-<n> that has the value.
SMI_KEYS = {
    "gpu.model": "name",
    "gpu.product-architecture": "architecture",
    "gpu.display-mode": "display-mode",
    "gpu.display-active": "display-active",
    "gpu.persistence-mode": "persistence-mode",
    "gpu.addressing-mode": "addressing-mode",
    "gpu.vbios-version": "vbios-version",
    "gpu.gsp-firmware-version": "gsp-firmware.version",
}


def build_subtypes(reading: Reading) -> Iterator[Subtype]:
    """Return all subtypes of a reading, in the document's order."""
    gpus = reconcile(reading)
    yield build_smi(reading, gpus)
    yield build_device(reading, gpus)
    yield build_hardware(reading, gpus)
    for number, gpu in enumerate(gpus):
        yield from build_gpu(f"gpu-{number}", gpu, reading)
    yield build_topology(reading, gpus)


def build_smi(reading: Reading, gpus: Sequence[Gpu]) -> Subtype:
    """Return what `nvidia-smi -q -x` says first, in its words: the driver, and one GPU."""
    if reading.is_without_gpu:
        return Subtype("smi", {**_system(reading), "gpu-count": 0}, _explain_none())
    if reading.error is not None:
        return Subtype("smi", {}, _explain_error(reading, reading.error))
    if reading.source == NVIDIA_SMI:
        return Subtype("smi", reading.smi, _explain_rest(reading, gpus))
    data = {**_system(reading), "gpu-count": len(reading.told)}
    first = next((gpu for gpu in gpus if gpu.told and not gpu.error), None)
    if first is None or first.told is None:
        reasons = [f"gpu-{n}: {explain(gpu.error)}" for n, gpu in enumerate(gpus) if gpu.error]
        return Subtype("smi", data, _explain_rest(reading, gpus, reasons))
    told = first.told
    reasons = [f"{key}: {told.failed[of]}" for key, of in SMI_KEYS.items() if of in told.failed]
    if first is not gpus[0]:
        reasons.append(f"the values are those of gpu-{gpus.index(first)}")
    data.update({key: _render_for_smi(told, of) for key, of in SMI_KEYS.items()})
    data = {key: value for key, value in data.items() if value != ""}
    return Subtype("smi", data, _explain_rest(reading, gpus, reasons))


def build_device(reading: Reading, gpus: Sequence[Gpu]) -> Subtype:
    """Return the driver, and the model of the first GPU."""
    data: dict[str, Scalar] = {}
    if isinstance(reading.module, KernelModule):
        # What the kernel runs is the driver also where the library does not match it.
        module = {"driver": reading.module.version, "kernel-module-flavor": reading.module.flavor}
        data = _without_empty(module)
    if reading.is_without_gpu:
        return Subtype("device", {**data, "count": 0}, _explain_none())
    if reading.error is not None:
        return Subtype("device", data, _explain_error(reading, reading.error))
    data.update({**reading.system, "count": len(reading.told), **_model(gpus)})
    return Subtype("device", data, _explain_rest(reading, gpus))


def build_hardware(reading: Reading, gpus: Sequence[Gpu]) -> Subtype:
    """Return whether there are GPUs and a driver for them, and who says so."""
    data: dict[str, Scalar] = {}
    if not isinstance(reading.module, SnapshotError):
        data["driver-loaded"] = reading.module is not None
    if reading.is_without_gpu:
        data.update({"gpu-present": False, "gpu-count": 0, "detection-source": PCI})
        return Subtype("hardware", data, _explain_none())
    if reading.error is None:
        data.update({"driver-loaded": True, "detection-source": reading.source, **_model(gpus)})
        data.update({"gpu-present": bool(gpus), "gpu-count": len(reading.told)})
        return Subtype("hardware", data, _explain_rest(reading, gpus))
    context = _explain_error(reading, reading.error)
    if reading.on_bus:
        data.update({"gpu-present": True, "gpu-count": len(reading.on_bus)})
        data["detection-source"] = PCI
        context["status"] = PARTIAL
    return Subtype("hardware", data, context)


def build_gpu(name: str, gpu: Gpu, reading: Reading) -> Iterator[Subtype]:
    """Return one GPU, and apart from it what changes by itself, as far as the driver tells."""
    data: dict[str, Scalar] = {}
    if gpu.on_bus is not None:
        data = {"pci.bus-id": gpu.address, "pci.driver": gpu.on_bus.driver}
        if gpu.on_bus.numa_node is not None:
            data["pci.numa-node"] = gpu.on_bus.numa_node
    if gpu.told is None:
        yield Subtype(name, _without_empty(data), _explain_gpu(gpu, []))
        return
    data.update(gpu.told.config)
    notes = [reading.note] if reading.note else []
    failed = [f"{key}: {why}" for key, why in gpu.told.failed.items()]
    yield Subtype(name, _without_empty(data), _explain_gpu(gpu, failed + notes))
    if reading.source != NVIDIA_SMI:
        failed = [f"{key}: {why}" for key, why in gpu.told.state_failed.items()]
        yield Subtype(f"{name}-state", gpu.told.state, _explain_gpu(gpu, failed))


def build_topology(reading: Reading, gpus: Sequence[Gpu]) -> Subtype:
    """Return how each two GPUs are linked, once a pair, the one first on the bus first."""
    if reading.is_without_gpu:
        return Subtype("topology", {}, _explain_none())
    if reading.error is not None:
        return Subtype("topology", {}, _explain_error(reading, reading.error))
    if len(reading.told) < 2:
        reason = "the driver lists no two GPUs"
        return Subtype("topology", {}, {"status": ABSENT, "reason": reason})
    told = [gpu.told for gpu in gpus if gpu.told is not None]
    pairs = [(one, other) for index, one in enumerate(told) for other in told[index + 1 :]]
    links = {_name_pair(one, other): _find_link(one, other) for one, other in pairs}
    data = {name: link for name, link in links.items() if link}
    if len(data) == len(pairs):
        return Subtype("topology", data)
    lacking = f"{len(pairs) - len(data)} of {len(pairs)} pairs of GPUs"
    reason = f"the driver does not tell how {lacking} are linked"
    status = PARTIAL if data else UNAVAILABLE
    return Subtype("topology", data, {"status": status, "reason": reason})


def _system(reading: Reading) -> dict[str, Scalar]:
    return {key: reading.system[key] for key in ("driver", "cuda-version") if key in reading.system}


def _model(gpus: Sequence[Gpu]) -> dict[str, Scalar]:
    names = (gpu.told.config.get("name") for gpu in gpus if gpu.told is not None)
    first = next((name for name in names if name), None)
    return {} if first is None else {"model": first}


def _render_for_smi(told: ToldGpu, key: str) -> str:
    """Return a value in nvidia-smi's words, "" where reading it failed."""
    if key in told.failed:
        return ""
    value = told.config.get(key)
    if value is None:
        return NOT_AVAILABLE.get(told.unsupported.get(key, 0), "N/A")
    return ON_OFF[value] if isinstance(value, bool) else str(value)


def _find_link(one: ToldGpu, other: ToldGpu) -> str:
    return (one.links or {}).get(other.index) or (other.links or {}).get(one.index) or ""


def _name_pair(one: ToldGpu, other: ToldGpu) -> str:
    return "/".join(str(gpu.config.get("uuid") or f"index {gpu.index}") for gpu in (one, other))


def _explain_none() -> dict[str, str]:
    return {"status": ABSENT, "reason": "there is no NVIDIA GPU on the PCI bus"}


def _explain_error(reading: Reading, error: SnapshotError) -> dict[str, str]:
    context = {"status": error.collector_status, "reason": explain(error)}
    if not isinstance(reading.bus, SnapshotError):
        context["pci.gpu-count"] = str(len(reading.bus))
    return context


def _explain_rest(
    reading: Reading, gpus: Sequence[Gpu], reasons: Sequence[str] = ()
) -> dict[str, str]:
    """Return what the driver's answer lacks: GPUs that it does not list, and `reasons`."""
    context = {"note": reading.note} if reading.note else {}
    found = list(reasons)
    missing = [gpu.address for gpu in gpus if gpu.told is None]
    if missing:
        addresses = ", ".join(missing)
        counts = (
            f"{len(reading.on_bus)} GPUs are on the PCI bus and {len(reading.told)} in the driver"
        )
        found.insert(0, f"{counts}: {addresses} missing")
        context.update({"pci.gpu-count": str(len(reading.on_bus)), "pci.missing": addresses})
    if isinstance(reading.bus, SnapshotError):
        found.append(f"GPUs that are not given to this pod would not show: {explain(reading.bus)}")
    if found:
        context.update({"status": PARTIAL, "reason": "; ".join(found)})
    return context


def _explain_gpu(gpu: Gpu, reasons: Sequence[str]) -> dict[str, str]:
    uuid = str(gpu.told.config.get("uuid", "")) if gpu.told else ""
    context = {"pci-bus-id": gpu.address, "uuid": uuid}
    if gpu.error is not None:
        context.update({"status": gpu.error.collector_status, "reason": explain(gpu.error)})
    elif reasons:
        context.update({"status": PARTIAL, "reason": "; ".join(reasons)})
    return {key: value for key, value in context.items() if value}


def _without_empty(data: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {key: value for key, value in data.items() if value != ""}
