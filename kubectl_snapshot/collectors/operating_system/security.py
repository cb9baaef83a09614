"""Security modules, Secure Boot and lockdown (subtype OS.security).

Sources: Documentation/admin-guide/LSM, kernel_lockdown(7), UEFI specification 3.3 (SecureBoot);
selinux_config(5), apparmorfs (security/apparmor/apparmorfs.c).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.storage import parse_chosen
from kubectl_snapshot.collectors.sysfs import read_keys, read_optional, read_parts, refuse
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.sysfs import Data
    from kubectl_snapshot.document.snapshot import Subtype


SECURITY, EFI = "/sys/kernel/security", "/sys/firmware/efi"
SECURE_BOOT = f"{EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SELINUX_MODES = {1: "enforcing", 0: "permissive"}
KERNEL_FILES = {"lsm": "lsms", "lockdown": "lockdown"}


def read(host: HostPath) -> Subtype:
    """Return the active security modules with their modes, Secure Boot and lockdown."""
    return read_parts(
        "security",
        lambda: {
            key: parse_chosen(str(text))
            for key, text in read_keys(host, SECURITY, KERNEL_FILES).items()
        },
        lambda: _read_selinux(host),
        lambda: _read_apparmor(host),
        lambda: _read_secure_boot(host),
    )


def parse_profiles(text: str) -> Data:
    """Return how many AppArmor profiles are loaded in each mode: `name (enforce)` a line."""
    modes = Counter(
        line.rpartition("(")[2].rstrip(")") for line in text.splitlines() if line.endswith(")")
    )
    return {f"apparmor.profiles.{mode}": count for mode, count in sorted(modes.items())}


def _read_selinux(host: HostPath) -> Data:
    found = read_optional(host, "/sys/fs/selinux", {"enforce": "mode", "policyvers": "version"})
    data: Data = {}
    for value in SELINUX_MODES:
        if found.get("mode") == value:
            data["selinux.mode"] = SELINUX_MODES[value]
    try:
        text = host.read_text("/etc/selinux/config")
    except Absent:
        return data
    for line in text.splitlines():
        key, _, value_ = line.partition("=")
        if key.strip() in ("SELINUX", "SELINUXTYPE"):
            name = "configured" if key.strip() == "SELINUX" else "policy"
            data[f"selinux.{name}"] = value_.strip()
    return data


def _read_apparmor(host: HostPath) -> Data:
    enabled = read_optional(host, "/sys/module/apparmor/parameters", {"enabled": "enabled"})
    if not enabled:
        return {}
    if enabled["enabled"] not in ("Y", "N"):
        raise refuse("/sys/module/apparmor/parameters/enabled", str(enabled["enabled"]))
    data: Data = {"apparmor.enabled": enabled["enabled"] == "Y"}
    if not data["apparmor.enabled"]:
        return data
    return {**data, **parse_profiles(host.read_text(f"{SECURITY}/apparmor/profiles"))}


def _read_secure_boot(host: HostPath) -> Data:
    """Return whether the firmware checks signatures: four bytes of attributes, then the value."""
    if "efi" not in host.read_names("/sys/firmware"):
        return {"uefi": False}
    content = host.read_bytes(SECURE_BOOT, 16)
    if content[4:] not in (b"\0", b"\1"):
        raise refuse(SECURE_BOOT, content.decode("utf-8", "backslashreplace"))
    return {"uefi": True, "secure-boot": content[4:] == b"\1"}
