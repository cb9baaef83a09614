"""Processors of small trees, as the kernel lays them out, and the texts of /proc/cpuinfo."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.hardware.processor import (
    parse_cpu_list,
    parse_cpuinfo,
    read_cpu,
    read_vulnerabilities,
)
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.hosts import write_files

CPUS = "sys/devices/system/cpu"
XEON = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Platinum 8480C
stepping\t: 8
microcode\t: 0x2b000620
flags\t\t: vme fpu amx_tile fpu
power management:

processor\t: 1
vendor_id\t: Other
"""
GRACE = """\
processor\t: 0
BogoMIPS\t: 2000.00
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd4f
CPU revision\t: 0
"""


def add_cpu(root: Path, number: int, threads: str, socket: str) -> None:
    lists = {"thread_siblings_list": threads, "core_siblings_list": socket}
    write_files(root / CPUS / f"cpu{number}/topology", lists)


def test_two_sockets_with_two_threads_a_core(tmp_path: Path) -> None:
    write_files(tmp_path / CPUS, {"online": "0-6", "offline": "7", "isolated": ""})
    write_files(tmp_path / CPUS / "smt", {"control": "on"})
    for number in range(7):
        socket = "0-1,4-5" if number % 4 < 2 else "2-3,6"
        threads = f"{number % 4},{number % 4 + 4}" if number % 4 != 3 else "3"
        add_cpu(tmp_path, number, threads, socket)
    for number, governor in enumerate(("powersave", "performance", "powersave")):
        files = {"scaling_governor": governor, "scaling_driver": "intel_pstate"}
        write_files(
            tmp_path / CPUS / f"cpufreq/policy{number}", {**files, "cpuinfo_max_freq": "3800000"}
        )
    write_files(tmp_path / CPUS / "intel_pstate", {"no_turbo": "0"})
    write_files(tmp_path / "proc", {"cpuinfo": XEON})
    found = read_cpu(HostPath(str(tmp_path)))
    assert found.context == {}
    assert found.data == {
        "threads": 7,
        "cores": 4,
        "sockets": 2,
        "offline": "7",
        "smt": "on",
        "governor": "performance,powersave",
        "frequency-driver": "intel_pstate",
        "max-khz": 3800000,
        "boost": True,
        **parse_cpuinfo(XEON),
    }


@pytest.mark.parametrize(
    ("directory", "file", "text", "is_on"),
    [
        *(("cpufreq", "boost", "1", True), ("cpufreq", "boost", "0", False)),
        *(("intel_pstate", "no_turbo", "0", True), ("intel_pstate", "no_turbo", "1", False)),
    ],
)
def test_turbo_by_either_driver(
    tmp_path: Path, directory: str, file: str, text: str, is_on: bool
) -> None:
    write_files(tmp_path / CPUS / directory, {file: text})
    assert read_cpu(HostPath(str(tmp_path))).data == {"boost": is_on}


def test_a_processor_of_x86_is_the_first_of_the_file() -> None:
    assert parse_cpuinfo(XEON) == {
        "model": "Intel(R) Xeon(R) Platinum 8480C",
        "vendor": "GenuineIntel",
        "family": 6,
        "model-number": 143,
        "stepping": 8,
        "microcode": "0x2b000620",
        "flags-digest": sha256(b"amx_tile fpu vme").hexdigest()[:16],
    }


def test_a_processor_of_arm64_has_its_name_by_implementer_and_part() -> None:
    found = parse_cpuinfo(GRACE)
    assert found.pop("flags-digest") == sha256(b"asimd fp").hexdigest()[:16]
    numbers = {"implementer": "0x41", "part": "0xd4f", "variant": "0x0", "revision": 0}
    assert found == {"model": "Neoverse-V2", **numbers}
    unknown = parse_cpuinfo(GRACE.replace("0xd4f", "0xfff"))
    assert "model" not in unknown


def test_without_topology_nothing_is_counted(tmp_path: Path) -> None:
    write_files(tmp_path / CPUS, {"online": "0-1"})
    add_cpu(tmp_path, 0, "0", "0-1")
    (tmp_path / CPUS / "cpu0/topology/core_siblings_list").unlink()
    (tmp_path / "proc").mkdir()
    found = read_cpu(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"threads": 2}, "ok")
    write_files(tmp_path / "proc", {"cpuinfo": "x"})
    found = read_cpu(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"threads": 2}, "partial")
    assert found.context["reason"] == "/proc/cpuinfo of the node cannot be understood: it reads 'x'"


def test_what_is_no_switch_is_not_off(tmp_path: Path) -> None:
    write_files(tmp_path / CPUS, {"cpufreq/boost": "x", "intel_pstate/no_turbo": "2"})
    (tmp_path / "proc").mkdir()
    assert read_cpu(HostPath(str(tmp_path))).data == {}


def test_a_list_of_processors() -> None:
    assert parse_cpu_list("0-2,5,9-9") == [0, 1, 2, 5, 9]
    assert len(parse_cpu_list("0-8191")) == 8192


@pytest.mark.parametrize(
    "text", ["", "x", "1-y", "-3", "1-", "0-8192", "0,,2", "²", "0-99999999999"]
)
def test_a_text_that_is_no_list_of_processors_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be understood") as caught:
        parse_cpu_list(text)
    assert caught.value.why == f"it reads {text!r}"


def test_vulnerabilities_are_the_kernels_words(tmp_path: Path) -> None:
    texts = {"meltdown": "Not affected", "spec_store_bypass": "Vulnerable"}
    write_files(tmp_path / CPUS / "vulnerabilities", texts)
    assert read_vulnerabilities(HostPath(str(tmp_path))).data == texts
