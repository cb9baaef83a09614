"""Read all GPUs through NVML: start the child process (nvml_child.py), parse its records.

A driver call may hang: a child without a new record for some time is killed, and the GPUs it
finished count.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.host.child import run_module
from kubectl_snapshot.errors import Internal, SnapshotError, Timeout, Unavailable
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles
    from kubectl_snapshot.clients.gpu.readers import Value

CHILD = "kubectl_snapshot.clients.gpu.nvml_child"
# For the dynamic linker's search path: a container runtime may have injected the driver.
LIBRARY_NAME = "libnvidia-ml.so.1"

# nvml.h, nvmlReturn_t.
NO_PERMISSION, DRIVER_NOT_LOADED, OPERATING_SYSTEM, LIBRARY_MISMATCH, UNKNOWN = 4, 9, 17, 18, 999
# The codes that nvmlInit returns if it cannot open the device node.
DEVICE_NODE_CODES = (NO_PERMISSION, DRIVER_NOT_LOADED, OPERATING_SYSTEM, UNKNOWN)


class CannotLoad(Unavailable):
    """The library cannot be loaded into this process; nvidia-smi may still be able to."""


class NoDeviceNode(Unavailable):
    """The driver's device nodes are missing, or this process may not open them."""


class DriverMismatch(Internal):
    """Library and kernel module differ in version (NVML_ERROR_LIB_RM_VERSION_MISMATCH)."""


@dataclass(frozen=True)
class DriverGpu:
    """One GPU as the driver reports it. `error` is the reason that values are missing, or None.

    `unsupported` has NVML's code for each key of `config` that this GPU or driver does not support,
    `failed` the message for each that could not be read, `state_failed` the same for `state`.
    `links` is the connection to other GPUs by their index, None if it was not read.
    """

    index: int
    config: Mapping[str, Value] = field(default_factory=dict)
    state: Mapping[str, Value] = field(default_factory=dict)
    unsupported: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    state_failed: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[int, str] | None = None
    error: SnapshotError | None = None


@dataclass(frozen=True)
class Driver:
    """NVML's values: `system` of the driver, `gpus` by NVML's index, without gaps.

    `excluded` has the PCI addresses of GPUs that the driver's configuration excludes.
    """

    system: Mapping[str, Value]
    gpus: tuple[DriverGpu, ...]
    excluded: tuple[str, ...] = ()


def read_driver(files: DriverFiles, deadline: float, hang_s: float) -> Driver:
    """Return what NVML reads before `deadline`, a time.monotonic() value.

    A driver that is slow still sends records; without one for `hang_s` seconds it hangs, and the
    error of each GPU that is not finished is Timeout. Raises Unavailable (no driver, no
    permission), CannotLoad, NoDeviceNode, DriverMismatch, Timeout (nvmlInit hangs) or Internal,
    with NVML's message.
    """
    arguments = (files.library or LIBRARY_NAME, files.run_directory)
    output = run_module(CHILD, arguments, deadline, hang_s)
    records, message = parse_records(output.content)
    for record in records:
        if "load" in record:
            raise CannotLoad("the driver's library cannot be loaded", why=record["load"])
        if "init" in record:
            raise translate_init(record["init"], record["why"], record["node"])
    silence_s = hang_s if output.is_silent else 0
    return build_driver(records, output.status, message, silence_s)


def parse_records(content: bytes) -> tuple[list[dict[str, Any]], str]:
    """Return the child's complete records, and its last other line (of a traceback or a linker)."""
    records = []
    message = ""
    for line in content.decode("utf-8", "backslashreplace").split("\n"):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            records.append(record)
        else:
            message = line.strip() or message
    return records, message


def build_driver(
    records: Sequence[Mapping[str, Any]], status: int | None, message: str, silence_s: float = 0
) -> Driver:
    """Return the driver from a child's records; `status` is None if it was killed.

    `silence_s` is the time without a record for which it was, 0 if the deadline passed.
    Raises Timeout or Internal if the record of the system is missing.
    """
    first = next((record for record in records if "system" in record), None)
    if first is None:
        raise _explain_end("NVML", status, message, silence_s)
    unfinished = _explain_end("the GPU", status, message, silence_s)
    by_gpu: dict[int, list[Mapping[str, Any]]] = {index: [] for index in range(first["count"])}
    for record in records:
        if "gpu" in record:
            by_gpu[record["gpu"]].append(record)
    gpus = tuple(_build_gpu(index, by_gpu[index], unfinished) for index in by_gpu)
    return Driver(first["system"], gpus, tuple(first["excluded"]))


def _build_gpu(
    index: int, records: Sequence[Mapping[str, Any]], unfinished: SnapshotError
) -> DriverGpu:
    names = ("config", "state", "unsupported", "failed", "state_failed")
    parts: dict[str, dict[str, Any]] = {name: {} for name in names}
    error: SnapshotError | None = unfinished
    links = None
    for record in records:
        for name, part in parts.items():
            part.update(record.get(name, {}))
        if "error" in record:
            error = Internal("the GPU does not respond", why=record["error"])
        if "done" in record:
            error = None
        if "links" in record:
            links = {int(other): link for other, link in record["links"].items()}
    return DriverGpu(index, links=links, error=error, **parts)


def _explain_end(what: str, status: int | None, message: str, silence_s: float) -> SnapshotError:
    if status is None:
        limit = f"for {silence_s:g} s" if silence_s else "before the deadline"
        return Timeout(f"{what} does not respond", why=f"no answer {limit}")
    why = message or f"it exited with status {status}"
    return Internal(f"the child process that reads {what} exited early", why=why)


def translate_init(code: int, why: str, node: str) -> SnapshotError:
    """Return the error of nvmlInit; `node` is the error of opening the device node, or ""."""
    if code == LIBRARY_MISMATCH:
        return DriverMismatch("driver/library version mismatch", why=why)
    if node and code in DEVICE_NODE_CODES:
        needed = "a pod gets them with --privileged or from a runtime class"
        return NoDeviceNode(
            "the driver's device nodes cannot be opened", why=f"{node} ({why}); {needed}"
        )
    if code == DRIVER_NOT_LOADED:
        return Unavailable("the NVIDIA driver is not loaded", why=why)
    if code == NO_PERMISSION:
        return Unavailable("no permission to use NVML", why=why)
    return Internal("NVML cannot be initialized", why=why)
