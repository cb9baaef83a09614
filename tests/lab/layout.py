"""Paths, network names and addresses of a cluster, all derived from its name.

A crashed cluster can be cleaned up by name: network namespaces kubelab.NAME.*, control groups
kubelab.NAME, and one directory with PIDs, keys, logs and the audit log.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machine import Problem, run

STATE = Path(os.environ.get("SNAPSHOT_LAB_STATE") or "/var/lib/kubectl-snapshot-lab")
CGROUPS = Path("/sys/fs/cgroup")
NETNS = Path("/run/netns")
CONTROL_PLANE = "cp"


@dataclass(frozen=True)
class Cluster:
    name: str

    def __post_init__(self) -> None:
        # 20 characters: the name is part of network namespace and control group names.
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", self.name):
            rule = "a-z, 0-9 and -, 20 characters at most"
            raise Problem(f'invalid cluster name "{self.name}": {rule}')

    @property
    def directory(self) -> Path:
        return STATE / self.name

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def ready(self) -> Path:
        """Path of the file that `up` creates at its end."""
        return self.directory / "ready"

    def kubeconfig(self, user: str) -> Path:
        return self.directory / f"{user}.kubeconfig"

    def log(self, process: str) -> Path:
        return self.directory / "log" / f"{process}.log"

    @property
    def slot(self) -> int:
        """The N of the cluster's network 10.89.N.0/24."""
        return int((self.directory / "slot").read_text())

    @property
    def veth(self) -> str:
        return f"kubelab{self.slot}"

    def ip(self, host: int) -> str:
        """Return an address: host 1 is the control plane, 10+I node I, 254 this machine."""
        return f"10.89.{self.slot}.{host}"

    def node_ip(self, index: int) -> str:
        return self.ip(10 + index)

    def netns(self, part: str) -> str:
        return f"kubelab.{self.name}.{part}"

    def inside(self, part: str) -> list[str]:
        """Return the command prefix that runs a command in a network namespace of the cluster."""
        # Not `ip netns exec`: that mounts a fresh /sys and hides the cgroup hierarchies below it.
        return ["nsenter", f"--net={NETNS / self.netns(part)}"]

    def cgroups(self) -> list[Path]:
        hierarchies = (path for path in CGROUPS.iterdir() if not path.is_symlink())
        groups = (path / f"kubelab.{self.name}" for path in hierarchies)
        return [group for group in groups if group.exists()]

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the cluster: one `up` or `down` at a time."""
        STATE.mkdir(parents=True, exist_ok=True)
        with open(STATE / f".{self.name}.lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Problem(f"another up or down of {self.name} is running") from None
            yield

    def take_slot(self) -> None:
        """Reserve the lowest slot that no cluster uses and whose network has no route here."""
        with open(STATE / ".slots.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            taken = {int(path.read_text()) for path in STATE.glob("*/slot")}
            used = read_routed_networks()
            for slot in range(256):
                network = ipaddress.ip_network(f"10.89.{slot}.0/24")
                if slot not in taken and not any(network.overlaps(other) for other in used):
                    self.directory.mkdir(parents=True, exist_ok=True)
                    (self.directory / "slot").write_text(str(slot))
                    return
        raise Problem("no free network 10.89.N.0/24")


def pod_network(index: int) -> str:
    return f"10.88.{index}.0/24"


def read_routed_networks() -> list[ipaddress.IPv4Network]:
    """Return this machine's routed networks, without /8 and wider ones."""
    command = ("ip", "-j", "-4", "route", "show", "table", "all")
    routes = json.loads(run(*command, capture_output=True).stdout)
    texts = (route["dst"] for route in routes if re.match(r"[\d.]+(/\d+)?$", route["dst"]))
    networks = (ipaddress.IPv4Network(text, strict=False) for text in texts)
    return [network for network in networks if network.prefixlen > 8]
