"""NVML, read in a process of its own (clients/gpu/nvml.py starts it): all GPUs, a thread each.

A driver call can take a minute or never return, so every GPU's thread writes what it has read as
soon as it has it, one JSON object a line; whoever reads the lines decides how long to wait:

    {"load": why}                       the library cannot be loaded: the only line
    {"init": code, "why": …, "node": …} NVML refuses to start: the only line; `node` is what opening
                                        the driver's device node says
    {"system": {…}, "count": 8, "excluded": [address, …]}
    {"gpu": 3, "config": {…}, …}        in parts, with "unsupported" and "failed"
    {"gpu": 3, "state": {…}, "state_failed": {…}}
    {"gpu": 3, "error": why}            its last line: it is lost
    {"gpu": 3, "done": true}            its last line but for its links
    {"gpu": 3, "links": {5: "NV18"}}    to those that were done before it
    {"end": true}
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import threading
from typing import Any

from kubectl_snapshot.clients.gpu import fields
from kubectl_snapshot.clients.gpu.nvlink import Peer, build_peer, read_connection
from kubectl_snapshot.clients.gpu.readers import NamedReader, Values, read_values
from kubectl_snapshot.clients.host.pci import parse_address
from kubectl_snapshot.errors import InvalidRequest

DEVICE_NODE = "/dev/nvidiactl"
# A pod that the node's devices were not given to, or that may not open them.
KEPT_FROM_US = (errno.ENOENT, errno.EACCES, errno.EPERM)

CLONE_NEWNS = 0x20000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000  # linux/mount.h

_write_lock = threading.Lock()


def main(library: str, run_directory: str) -> None:
    """Write all that NVML tells; end without waiting for what hangs at the end of the process."""
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        _write(load=str(error))
        return
    import pynvml as nvml

    # By itself the package loads the library of the container's own search path.
    nvml.nvmlLib = loaded
    # Without its socket the driver's library takes the daemon's answer for "disabled".
    sees_daemon = not run_directory or _mount_run_directory(run_directory)
    try:
        nvml.nvmlInit()
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        _write(init=error.value, why=str(error), node=_open_device_node())
        return
    system, _, _ = read_values(nvml, None, fields.SYSTEM)
    _write(system=system, count=count, excluded=_read_excluded(nvml))
    _read_gpus(_Gpus(nvml, sees_daemon), count)
    _write(end=True)
    os._exit(0)


def _read_gpus(gpus: _Gpus, count: int) -> None:
    threads = [
        threading.Thread(target=gpus.read, args=(index,), daemon=True) for index in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _Gpus:
    """What the threads of the GPUs share: who is done, for the links between them."""

    def __init__(self, nvml: Any, sees_daemon: bool) -> None:
        self._nvml = nvml
        self._sees_daemon = sees_daemon
        self._lock = threading.Lock()
        self._done: dict[int, Peer] = {}

    def read(self, index: int) -> None:
        """Write everything of one GPU, and its links to those that were done before it."""
        nvml = self._nvml
        config: Values = {}
        try:
            device = nvml.nvmlDeviceGetHandleByIndex(index)
            for name, readers in fields.PARTS:
                values = self._read_part(index, device, name, readers)
                config.update(values if name == "config" else {})
        except nvml.NVMLError as error:
            _write(gpu=index, error=str(error))
            return
        peer = build_peer(device, config)
        with self._lock:
            before = dict(self._done)
            self._done[index] = peer
        _write(gpu=index, done=True)
        links = {other: read_connection(nvml, peer, before[other]) for other in before}
        _write(gpu=index, links=links)

    def _read_part(
        self, index: int, device: Any, name: str, readers: tuple[NamedReader, ...]
    ) -> Values:
        values, unsupported, failed = read_values(self._nvml, device, readers)
        if not self._sees_daemon and values.get("persistence-mode") is False:
            del values["persistence-mode"]
            failed["persistence-mode"] = "the socket of nvidia-persistenced cannot be seen"
        if name == "state":
            _write(gpu=index, state=values, state_failed=failed)
        else:
            _write(gpu=index, config=values, unsupported=unsupported, failed=failed)
        return values


def _read_excluded(nvml: Any) -> list[str]:
    """Return the addresses of the GPUs that the driver's configuration excludes."""
    try:
        indices = range(nvml.nvmlGetExcludedDeviceCount())
        found = [nvml.nvmlGetExcludedDeviceInfoByIndex(index) for index in indices]
        return [parse_address(info.pci.busId) for info in found]
    except (nvml.NVMLError, UnicodeDecodeError, InvalidRequest):
        return []


def _mount_run_directory(run_directory: str) -> bool:
    """Show this process the node's /run as its own, and no other process anything.

    Return whether that could be done; it takes CAP_SYS_ADMIN.
    """
    libc = ctypes.CDLL(None)
    return bool(
        libc.unshare(CLONE_NEWNS) == 0
        and libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
        and libc.mount(os.fsencode(run_directory), b"/run", None, MS_BIND | MS_REC, None) == 0
    )


def _open_device_node() -> str:
    """Return the kernel's words where the driver's device node is kept from us, else ""."""
    try:
        os.close(os.open(DEVICE_NODE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{DEVICE_NODE}: {error.strerror}" if error.errno in KEPT_FROM_US else ""
    return ""


def _write(**line: Any) -> None:
    content = json.dumps(line).encode() + b"\n"
    with _write_lock:
        while content:
            content = content[os.write(1, content) :]
