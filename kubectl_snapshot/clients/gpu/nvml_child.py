"""Child process that reads NVML, one thread per GPU; nvml.py starts it and parses its records.

A driver call can take a minute or never return, so each thread writes its values as soon as it has
read some, one JSON record a line. The parent kills a child that has written none for some time:

    {"started": true}                   twice: Python runs, and the library is loaded
    {"load": why}                       the library cannot be loaded: the only record
    {"init": code, "why": …, "node": …} nvmlInit failed: the only record; `node` is the error of
                                        opening the device node
    {"system": {…}, "count": 8, "excluded": [address, …]}
    {"gpu": 3, "config": {…}, …}        in parts, with "unsupported" and "failed"
    {"gpu": 3, "state": {…}, "state_failed": {…}}
    {"gpu": 3, "error": why}            the GPU is lost: its last record
    {"gpu": 3, "done": true}            all values are written
    {"gpu": 3, "links": {5: "NV18"}}    connections to the GPUs that were done before it
    {"end": true}
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import threading
from typing import Any

from kubectl_snapshot.clients.gpu import fields, readers
from kubectl_snapshot.clients.gpu.nvlink import Peer, build_peer, read_connection
from kubectl_snapshot.clients.gpu.readers import NamedReader, Values, read_values
from kubectl_snapshot.clients.host.pci import parse_address

DEVICE_NODE = "/dev/nvidiactl"
# The pod does not have the node's devices, or may not open them.
NO_DEVICE = (errno.ENOENT, errno.EACCES, errno.EPERM)

CLONE_NEWNS = 0x20000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000  # linux/mount.h

_write_lock = threading.Lock()


def main(library: str, run_directory: str) -> None:
    """Write the records of all GPUs; exit without the driver's exit handlers, which may hang."""
    _write(started=True)
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        _write(load=str(error))
        return
    import pynvml as nvml

    # pynvml would load the library from the container's search path.
    nvml.nvmlLib = loaded
    _write(started=True)
    # Without the daemon's socket, NVML reports the persistence mode as disabled.
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
    """State shared by the threads: the GPUs that are done, for the connections between them."""

    def __init__(self, nvml: Any, sees_daemon: bool) -> None:
        self._nvml = nvml
        self._sees_daemon = sees_daemon
        self._lock = threading.Lock()
        self._done: dict[int, Peer] = {}

    def read(self, index: int) -> None:
        """Write all values of one GPU, and its connections to the GPUs that were done before it."""
        nvml = self._nvml
        config: Values = {}
        try:
            device = nvml.nvmlDeviceGetHandleByIndex(index)
            for name, part in fields.PARTS:
                values = self._read_part(index, device, name, part)
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
        self, index: int, device: Any, name: str, part: tuple[NamedReader, ...]
    ) -> Values:
        values, unsupported, failed = read_values(self._nvml, device, part)
        if not self._sees_daemon and values.get("persistence-mode") is False:
            del values["persistence-mode"]
            failed["persistence-mode"] = "the socket of nvidia-persistenced is not visible"
        if name == "state":
            _write(gpu=index, state=values, state_failed=failed)
        else:
            _write(gpu=index, config=values, unsupported=unsupported, failed=failed)
        return values


def _read_excluded(nvml: Any) -> list[str]:
    """Return the addresses of the GPUs that the driver's configuration excludes."""
    addresses = []
    try:
        count = nvml.nvmlGetExcludedDeviceCount()
    except nvml.NVMLError:
        return []
    for index in range(count):
        try:
            found = nvml.nvmlGetExcludedDeviceInfoByIndex(index)
            addresses.append(parse_address(readers.decode(found.pci.busId)))
        except (nvml.NVMLError, *readers.BAD_VALUES):
            continue
    return addresses


def _mount_run_directory(run_directory: str) -> bool:
    """Bind-mount the node's /run over /run in a mount namespace of this process.

    Return whether it worked; it needs CAP_SYS_ADMIN.
    """
    libc = ctypes.CDLL(None)
    return bool(
        libc.unshare(CLONE_NEWNS) == 0
        and libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
        and libc.mount(os.fsencode(run_directory), b"/run", None, MS_BIND | MS_REC, None) == 0
    )


def _open_device_node() -> str:
    """Return why the driver's device node is missing or may not be opened, else ""."""
    try:
        os.close(os.open(DEVICE_NODE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{DEVICE_NODE}: {error.strerror}" if error.errno in NO_DEVICE else ""
    return ""


def _write(**record: Any) -> None:
    content = json.dumps(record).encode() + b"\n"
    with _write_lock:
        while content:
            content = content[os.write(1, content) :]
