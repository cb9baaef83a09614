"""Security modules, Secure Boot and lockdown of a small tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.security import (
    SECURE_BOOT,
    parse_profiles,
    read,
)
from kubectl_snapshot.errors import Absent, Unavailable
from tests.unit.hosts import write_files

PROFILES = "/usr/bin/man (enforce)\ncri-containerd.apparmor.d (enforce)\nsnap (x) (complain)\n"


def test_apparmor_on_a_machine_with_secure_boot(tmp_path: Path) -> None:
    write_files(
        tmp_path / "sys/kernel/security",
        {
            "lsm": "lockdown,capability,yama,apparmor",
            "lockdown": "none [integrity] confidentiality",
            "apparmor/profiles": PROFILES,
        },
    )
    write_files(tmp_path / "sys/module/apparmor/parameters", {"enabled": "Y"})
    write_files(tmp_path, {SECURE_BOOT.lstrip("/"): b"\6\0\0\0\1"})
    found = read(HostPath(str(tmp_path)))
    assert found.context == {}
    assert found.data == {
        "lsms": "lockdown,capability,yama,apparmor",
        "lockdown": "integrity",
        "apparmor.enabled": True,
        "apparmor.profiles.enforce": 2,
        "apparmor.profiles.complain": 1,
        "uefi": True,
        "secure-boot": True,
    }
    write_files(tmp_path, {SECURE_BOOT.lstrip("/"): b"\1\1\1\1\0"})
    write_files(tmp_path / "sys/module/apparmor/parameters", {"enabled": "N"})
    off = read(HostPath(str(tmp_path))).data
    assert (off["secure-boot"], off["apparmor.enabled"]) == (False, False)
    assert "apparmor.profiles.enforce" not in off


@pytest.mark.parametrize("content", [b"", b"\6\0\0\0", b"\6\0\0\0\2", b"\6\0\0\0\1\0"])
def test_a_variable_that_is_no_switch_is_not_off(tmp_path: Path, content: bytes) -> None:
    write_files(tmp_path / "sys/kernel/security", {"lsm": "yama"})
    write_files(tmp_path, {SECURE_BOOT.lstrip("/"): content})
    found = read(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"lsms": "yama"}, "partial")
    assert "SecureBoot" in found.context["reason"]


def test_a_parameter_that_is_no_switch_is_not_off(tmp_path: Path) -> None:
    write_files(tmp_path / "sys/kernel/security", {"lsm": "yama"})
    write_files(tmp_path / "sys/module/apparmor/parameters", {"enabled": "1"})
    found = read(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"lsms": "yama"}, "partial")
    assert "apparmor/parameters/enabled" in found.context["reason"]


@pytest.mark.parametrize(("number", "mode"), [("1", "enforcing"), ("0", "permissive")])
def test_selinux_as_it_is_and_as_it_is_configured(tmp_path: Path, number: str, mode: str) -> None:
    write_files(tmp_path / "sys/fs/selinux", {"enforce": number})
    text = "# SELINUX= can take one of\nSELINUX=disabled\nSELINUXTYPE = targeted\nOTHER=1"
    write_files(tmp_path / "etc/selinux", {"config": text})
    (tmp_path / "sys/firmware").mkdir()
    assert read(HostPath(str(tmp_path))).data == {
        "selinux.mode": mode,
        "selinux.configured": "disabled",
        "selinux.policy": "targeted",
        "uefi": False,
    }


def test_a_machine_of_which_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "sys/kernel").mkdir(parents=True)
    with pytest.raises(Absent):
        read(HostPath(str(tmp_path)))
    with pytest.raises(Unavailable):
        read(HostPath(None))


def test_profiles_are_counted_by_mode() -> None:
    assert parse_profiles("a (kill)\nb\nc (kill)") == {"apparmor.profiles.kill": 2}
