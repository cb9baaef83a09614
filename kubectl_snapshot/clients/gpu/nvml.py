"""NVML readings of all GPUs, read through a child process with a deadline (gpu/nvml_child)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.host.child import run_module
from kubectl_snapshot.errors import Internal, SnapshotError, Timeout, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles
    from kubectl_snapshot.clients.gpu.readers import Value

CHILD = "kubectl_snapshot.clients.gpu.nvml_child"
# What the dynamic linker finds by itself: a container runtime may have injected the driver.
LIBRARY_NAME = "libnvidia-ml.so.1"

# nvml.h, nvmlReturn_t.
NO_PERMISSION, DRIVER_NOT_LOADED, OPERATING_SYSTEM, LIBRARY_MISMATCH, UNKNOWN = 4, 9, 17, 18, 999
# As which of them a device node that cannot be opened comes.
DEVICE_NODE_CODES = (NO_PERMISSION, DRIVER_NOT_LOADED, OPERATING_SYSTEM, UNKNOWN)


class CannotLoad(Unavailable):
    """The library cannot be loaded into our process; a program of the node may still use it."""


class NoDeviceNode(Unavailable):
    """The driver's device nodes are not there, or may not be opened from here."""


class DriverMismatch(Internal):
    """Library and kernel module are of different versions (NVML_ERROR_LIB_RM_VERSION_MISMATCH)."""


@dataclass(frozen=True)
class DriverGpu:
    """What NVML told of one GPU. `error` says why it told no more, None where it told all.

    `unsupported` has the code for each key of `config` that this GPU or driver does not have,
    `failed` the words for each that it should have, `state_failed` the same for `state`. `links` is
    by the index of the other GPU, None where they were not read.
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
    """What NVML told: `system` of the driver itself, `gpus` by NVML's index, none left out.

    `excluded` has the addresses of GPUs that the driver's configuration excludes.
    """

    system: Mapping[str, Value]
    gpus: tuple[DriverGpu, ...]
    excluded: tuple[str, ...] = ()


def read_driver(files: DriverFiles, deadline: float) -> Driver:
    """Return what NVML tells by `deadline`, a time.monotonic() value; a GPU that hangs has Timeout.

    Raises Unavailable (no driver, no right), CannotLoad, NoDeviceNode, DriverMismatch, Timeout
    where NVML does not even start, or Internal, in NVML's words.
    """
    arguments = (files.library or LIBRARY_NAME, files.run_directory)
    output = run_module(CHILD, arguments, deadline)
    lines, others = parse_lines(output.content)
    for line in lines:
        if "load" in line:
            raise CannotLoad("the driver's library cannot be loaded", why=line["load"])
        if "init" in line:
            raise translate_init(line["init"], line["why"], line["node"])
    return build_driver(lines, output.status, others)


def parse_lines(content: bytes) -> tuple[list[dict[str, Any]], str]:
    """Return the child's whole lines, and the last of what else was written (a crash, a linker)."""
    lines = []
    other = ""
    for text in content.decode("utf-8", "backslashreplace").split("\n"):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if isinstance(line, dict):
            lines.append(line)
        else:
            other = text.strip() or other
    return lines, other


def build_driver(lines: Sequence[Mapping[str, Any]], status: int | None, others: str) -> Driver:
    """Return what the lines of a child tell that ended with this status, None at the deadline.

    Raises Timeout or Internal where not even the driver has answered.
    """
    first = next((line for line in lines if "system" in line), None)
    if first is None:
        raise _explain_end("NVML", status, others)
    unfinished = _explain_end("the GPU", status, others)
    by_gpu: dict[int, list[Mapping[str, Any]]] = {index: [] for index in range(first["count"])}
    for line in lines:
        if "gpu" in line:
            by_gpu[line["gpu"]].append(line)
    gpus = tuple(_build_gpu(index, by_gpu[index], unfinished) for index in by_gpu)
    return Driver(first["system"], gpus, tuple(first["excluded"]))


def _build_gpu(
    index: int, lines: Sequence[Mapping[str, Any]], unfinished: SnapshotError
) -> DriverGpu:
    names = ("config", "state", "unsupported", "failed", "state_failed")
    parts: dict[str, dict[str, Any]] = {name: {} for name in names}
    error: SnapshotError | None = unfinished
    links = None
    for line in lines:
        for name, part in parts.items():
            part.update(line.get(name, {}))
        if "error" in line:
            error = Internal("the GPU does not answer", why=line["error"])
        if "done" in line:
            error = None
        if "links" in line:
            links = {int(other): link for other, link in line["links"].items()}
    return DriverGpu(index, links=links, error=error, **parts)


def _explain_end(who: str, status: int | None, others: str) -> SnapshotError:
    if status is None:
        return Timeout(f"{who} does not answer", why="it was given up at the deadline")
    why = others or f"it ended with status {status}"
    return Internal(f"the process that asks {who} ended early", why=why)


def translate_init(code: int, why: str, node: str) -> SnapshotError:
    """Return why NVML does not start. `node` is why its device node cannot be opened, or ""."""
    if code == LIBRARY_MISMATCH:
        return DriverMismatch("the driver's library and its kernel module do not match", why=why)
    if node and code in DEVICE_NODE_CODES:
        needed = "a pod has them with --privileged or by a runtime class"
        return NoDeviceNode(
            "the driver's device nodes cannot be opened", why=f"{node} ({why}); {needed}"
        )
    if code == DRIVER_NOT_LOADED:
        return Unavailable("the NVIDIA driver is not loaded", why=why)
    if code == NO_PERMISSION:
        return Unavailable("NVML may not be used", why=why)
    return Internal("NVML does not start", why=why)
