"""Read the processors, and what the kernel does against their vulnerabilities.

Sources: /proc/cpuinfo, Documentation/ABI/testing/sysfs-devices-system-cpu,
Documentation/admin-guide/cputopology.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.sysfs import (
    SWITCH,
    is_number,
    read_names,
    read_optional,
    read_parts,
    refuse,
    to_scalar,
)
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.sysfs import Data

CPUS = "/sys/devices/system/cpu"
VULNERABILITIES = f"{CPUS}/vulnerabilities"
# Fields of /proc/cpuinfo: of x86, of arm64.
FIELDS = {
    "model name": "model",
    "vendor_id": "vendor",
    "cpu family": "family",
    "model": "model-number",
    "stepping": "stepping",
    "microcode": "microcode",
    "CPU implementer": "implementer",
    "CPU part": "part",
    "CPU variant": "variant",
    "CPU revision": "revision",
}
# arm64 has no name. Names by implementer and part: arch/arm64/include/asm/cputype.h.
ARM = {
    "0x41": {
        "0xd0c": "Neoverse-N1",
        "0xd40": "Neoverse-V1",
        "0xd49": "Neoverse-N2",
        "0xd4f": "Neoverse-V2",
        "0xd84": "Neoverse-V3",
        "0xd8e": "Neoverse-N3",
    },
    "0xc0": {"0xac3": "Ampere-1", "0xac4": "Ampere-1a"},
}
FLAGS = ("flags", "Features")
# Of the kernel (arch/x86/Kconfig, NR_CPUS).
MAX_CPUS = 8192
TOPOLOGY = {"thread_siblings_list": "threads", "core_siblings_list": "socket"}


def read_cpu(host: HostPath) -> Subtype:
    """Return model, topology, microcode and frequency policy of the node's processors."""
    return read_parts(
        "cpu",
        lambda: _read_topology(host),
        # The first page, of which one processor has 2 to 3 KiB.
        lambda: _read_cpuinfo(host),
        lambda: _read_policies(host),
    )


def read_vulnerabilities(host: HostPath) -> Subtype:
    """Return what the kernel says of each vulnerability (admin-guide/hw-vuln)."""
    return Subtype(
        "vulnerabilities", host.read_values(VULNERABILITIES, host.read_names(VULNERABILITIES))
    )


def parse_cpuinfo(text: str) -> Data:
    """Return the readings of the first processor of /proc/cpuinfo.

    `flags-digest` is the beginning of the SHA-256 of its sorted flags: equal if all are.
    """
    found: dict[str, str] = {}
    for line in text.split("\n\n", 1)[0].splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())
    data: Data = {key: to_scalar(found[field]) for field, key in FIELDS.items() if found.get(field)}
    name = ARM.get(found.get("CPU implementer", ""), {}).get(found.get("CPU part", ""))
    if name:
        data.setdefault("model", name)
    flags = next((found[name] for name in FLAGS if found.get(name)), "")
    if flags:
        from hashlib import sha256  # late: redaction has it, where it runs

        text = " ".join(sorted(set(flags.split())))
        data["flags-digest"] = sha256(text.encode()).hexdigest()[:16]
    return data


def parse_cpu_list(text: str) -> list[int]:
    """Return the numbers of a list such as `0-3,8`. Raises InvalidRequest for another text."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (is_number(first) and is_number(last) and int(last) < MAX_CPUS):
            raise refuse("a list of processors", text)
        numbers += range(int(first), int(last) + 1)
    return numbers


def _read_cpuinfo(host: HostPath) -> Data:
    texts = host.read_values("/proc", ("cpuinfo",))
    data = parse_cpuinfo(texts.get("cpuinfo", ""))
    if texts and not data:
        raise refuse("/proc/cpuinfo", texts["cpuinfo"])
    return data


def _read_topology(host: HostPath) -> Data:
    lists = host.read_values(CPUS, ("online", "offline", "isolated"))
    online = parse_cpu_list(lists["online"]) if lists.get("online") else []
    data: Data = {"threads": len(online)} if online else {}
    data.update({key: lists[key] for key in ("offline", "isolated") if lists.get(key)})
    packages: set[str] = set()
    cores = 0
    for socket in _iter_cores(host, online):
        packages.add(socket)
        cores += 1
    if cores:
        data.update({"cores": cores, "sockets": len(packages)})
    return {**data, **read_optional(host, f"{CPUS}/smt", {"control": "smt"})}


def _iter_cores(host: HostPath, online: list[int]) -> Iterator[str]:
    """Yield the threads of the socket of each core, each core once."""
    seen: set[int] = set()
    for number in online:
        if number not in seen:
            files = read_optional(host, f"{CPUS}/cpu{number}/topology", TOPOLOGY)
            if len(files) == len(TOPOLOGY):
                seen.update(parse_cpu_list(str(files["threads"])))
                yield str(files["socket"])


def _read_policies(host: HostPath) -> Data:
    """Return what the frequency policies have, comma-separated where they differ."""
    found: dict[str, set[str]] = {}
    policies = f"{CPUS}/cpufreq"
    keys = {
        "scaling_governor": "governor",
        "scaling_driver": "frequency-driver",
        "cpuinfo_max_freq": "max-khz",
        "energy_performance_preference": "energy-preference",
    }
    for name in read_names(host, policies, "policy"):
        for file, text in host.read_values(f"{policies}/{name}", keys).items():
            found.setdefault(keys[file], set()).add(text)
    data: Data = {key: to_scalar(",".join(sorted(texts))) for key, texts in found.items()}
    boost = read_optional(host, policies, {"boost": "boost"})
    turbo = read_optional(host, f"{CPUS}/intel_pstate", {"no_turbo": "boost"})
    data.update({key: SWITCH[value] for key, value in boost.items() if value in SWITCH})
    data.update({key: not SWITCH[value] for key, value in turbo.items() if value in SWITCH})
    return data
