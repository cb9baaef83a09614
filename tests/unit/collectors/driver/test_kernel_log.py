"""What the kernel's log counts: real messages as /dev/kmsg returns them."""

from __future__ import annotations

import math
import os
import socket
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.kernel_log import KernelLog, read_records
from kubectl_snapshot.collectors.driver.collector import collect
from kubectl_snapshot.collectors.driver.kernel_log import build_readings, parse_record
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal
from kubectl_snapshot.settings import CollectSettings

BOOT = 1_700_000_000
XID_79 = (
    "NVRM: Xid (PCI:0000:9B:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
)
QUIET = "br0: port 3(node2) entered forwarding state"


def build(
    *texts: str, number: int = 0, is_whole: bool = True, priority: int = 4
) -> dict[str, object]:
    """Return the readings of messages, the first at second 5, each 10 seconds after the other."""
    records = tuple(
        f"{priority},{number + i},{(5 + 10 * i) * 1_000_000 + 999_999},-;{text}\n".encode()
        for i, text in enumerate(texts)
    )
    return dict(build_readings(KernelLog(records, is_whole), BOOT))


def found_in(*texts: str, **settings: int) -> dict[str, object]:
    """Return the readings that are no zero, without the general ones."""
    general = ("complete", "first-time", "record-count")
    return {k: v for k, v in build(*texts, **settings).items() if v != 0 and k not in general}


def test_a_quiet_log_has_zeros_and_says_where_it_begins() -> None:
    readings = build(QUIET, QUIET)
    assert readings.pop("complete") is True
    assert readings.pop("record-count") == 2
    assert readings.pop("first-time") == "2023-11-14T22:13:25Z"
    assert set(readings.values()) == {0}
    assert {
        "xid.count",
        "sxid.count",
        "sxid-fatal.count",
        "aer.fatal.count",
        "oom.node.count",
    } <= set(readings)


def test_the_last_message_of_a_class_has_its_time_and_address() -> None:
    later = XID_79.replace("9B", "CB")
    assert found_in(XID_79, QUIET, later, "NVRM: Xid (0000:03:00): 14, Channel 00000001") == {
        "xid.count": 3,
        "xid.last-time": "2023-11-14T22:13:55Z",
        "xid.last-pci-address": "0000:03:00.0",
        "xid.79.count": 2,
        "xid.79.last-time": "2023-11-14T22:13:45Z",
        "xid.79.last-pci-address": "0000:cb:00.0",
        "xid.14.count": 1,
        "xid.14.last-time": "2023-11-14T22:13:55Z",
        "xid.14.last-pci-address": "0000:03:00.0",
    }


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        (
            "nvidia-nvswitch1: SXid (PCI:0000:06:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
            {"sxid": "0000:06:00.0", "sxid.20034": "0000:06:00.0", "sxid-fatal": "0000:06:00.0"},
        ),
        (
            "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 28006, Non-fatal, Link 46 MC TS crumbstore",
            {"sxid": "0000:c1:00.0", "sxid.28006": "0000:c1:00.0"},
        ),
        (
            "NVRM: GPU 0000:3b:00.0: RmInitAdapter failed! (0x62:0x40:2477)",
            {"nvrm.init-failed": "0000:3b:00.0"},
        ),
        (
            "NVRM: GPU 0000:91:00.0: GPU has fallen off the bus.",
            {"nvrm.fallen-off-bus": "0000:91:00.0"},
        ),
        (
            "NVRM: API mismatch: the client has the version 570.1, but",
            {"nvrm.version-mismatch": ""},
        ),
        (
            "pcieport 0000:00:01.0: AER: Corrected error received: 0000:01:00.0",
            {"aer.corrected": "0000:01:00.0"},
        ),
        (
            "pcieport 0000:00:01.0: AER: Multiple Correctable error message received"
            " from 0000:02:00.1",
            {"aer.corrected": "0000:02:00.1"},
        ),
        (
            "pcieport 0000:00:01.0: AER: Uncorrected (Non-Fatal) error received: 0000:01:00.0",
            {"aer.nonfatal": "0000:01:00.0"},
        ),
        (
            "pcieport 0000:00:01.0: AER: Multiple Uncorrectable (Fatal) error message received"
            " from 0000:01:00.0",
            {"aer.fatal": "0000:01:00.0"},
        ),
        ("mce: [Hardware Error]: Machine check events logged", {"mce": ""}),
        ("mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 4: be", {"mce": ""}),
        ("mce: [Hardware Error]: CPU 2: Machine Check: 0 Bank 7: 8c0000", {"mce": ""}),
        ("EDAC MC0: 1 CE memory read error on CPU_SrcID#0", {"edac.corrected": ""}),
        ("EDAC MC1: 2 UE memory read error on CPU_SrcID#0", {"edac.uncorrected": ""}),
        ("Out of memory: Killed process 5800 (python3) total-vm:1kB", {"oom.node": ""}),
        ("Memory cgroup out of memory: Killed process 58 (x) total-vm", {"oom.cgroup": ""}),
        ("Out of memory: Kill process 58 (x) score 9 or sacrifice child", {"oom.node": ""}),
        ("INFO: task nvidia-smi:123 blocked for more than 120 seconds.", {"hung-task": ""}),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [cc1:7]", {"lockup": ""}),
        ("watchdog: Watchdog detected hard LOCKUP on cpu 3", {"lockup": ""}),
    ],
)
def test_each_class_is_recognized(text: str, counted: dict[str, str]) -> None:
    expected: dict[str, object] = {}
    for name, address in counted.items():
        expected[f"{name}.count"] = 1
        expected[f"{name}.last-time"] = "2023-11-14T22:13:25Z"
        if address:
            expected[f"{name}.last-pci-address"] = address
    assert found_in(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  570.124.06",
        "NVRM: Xid (PCI:0000:9B:00): no number",
        "a pod says NVRM: Xid (PCI:0000:9B:00): 79, pid=1",
        "pcieport 0000:00:01.0: AER: enabled with IRQ 24",
        "mce: CPU0: Thermal monitoring enabled (TM1)",
        "mce: Using 20 Machine check banks",
        "EDAC MC0: Giving out device to module skx_edac",
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
        "x says Out of memory: Killed process 1 (y)",
        "NMI watchdog: lockup detector enabled",
    ],
)
def test_messages_that_are_no_failures_are_not_counted(text: str) -> None:
    assert found_in(text) == {}


def test_what_programs_write_into_the_log_is_not_counted() -> None:
    assert found_in(XID_79, priority=8 + 3) == {}
    assert found_in(XID_79, priority=7)["xid.count"] == 1


def test_a_dictionary_is_no_part_of_the_message() -> None:
    assert found_in("x\n SUBSYSTEM=pci\n DEVICE=AER: Corrected error received") == {}


@pytest.mark.parametrize(
    ("number", "is_whole", "complete"), [(0, True, True), (1, True, False), (0, False, False)]
)
def test_a_log_that_lost_its_beginning_or_end_is_not_complete(
    number: int, is_whole: bool, complete: bool
) -> None:
    assert build(QUIET, QUIET, number=number, is_whole=is_whole)["complete"] is complete


def test_a_gap_in_the_numbers_makes_it_incomplete() -> None:
    records = (b"6,0,1,-;a\n", b"6,2,1,-;b\n")
    assert build_readings(KernelLog(records, True), BOOT)["complete"] is False


def test_different_codes_are_bounded() -> None:
    texts = [f"NVRM: Xid (PCI:0000:9B:00): {code}, x" for code in range(1000)]
    readings = build(*texts)
    assert readings["xid.count"] == 1000
    assert len([key for key in readings if key.endswith(".count")]) == 200


def test_an_empty_log_is_absent_and_a_record_without_header_an_error() -> None:
    with pytest.raises(Absent):
        build_readings(KernelLog((), True), BOOT)
    with pytest.raises(Internal):
        parse_record(b"no header")


def send(*records: bytes) -> socket.socket:
    """Return a socket that returns a record per read, and does not block at the end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for record in records:
        theirs.send(record)
    ours.setblocking(False)
    # Open, so that the end is that of a log: nothing more at the moment.
    _KEPT.append(theirs)
    return ours


_KEPT: list[socket.socket] = []


def test_records_are_read_until_there_is_none_at_the_moment() -> None:
    with send(b"a", b"b" * 8192) as log:
        assert read_records(log.fileno(), math.inf) == KernelLog((b"a", b"b" * 8192), True)


def test_reading_is_bounded_in_records_and_time() -> None:
    with send(b"a", b"b", b"c") as log:
        assert read_records(log.fileno(), math.inf, 2) == KernelLog((b"a", b"b"), False)
        assert read_records(log.fileno(), -math.inf) == KernelLog((), False)


def test_a_closed_log_ends() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    assert read_records(reading, math.inf) == KernelLog((), True)
    os.close(reading)


def collect_log(host: HostPath, **settings: bool) -> Subtype:
    context = Context(host, settings=CollectSettings(**settings))
    return {s.name: s for s in collect(context)}["kernel-log"]


def test_it_can_be_left_out_which_is_no_gap() -> None:
    found = collect_log(HostPath(), skips_kernel_log=True)
    assert found.is_left_out
    assert found.context["reason"] == "left out by --no-kernel-log"


def test_another_file_of_its_name_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_bytes(b"6,0,1,-;x\n")
    found = collect_log(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({}, "error")
    (tmp_path / "dev/kmsg").unlink()
    os.mkfifo(tmp_path / "dev/kmsg")
    assert collect_log(HostPath(str(tmp_path))).status == "error"
    (tmp_path / "dev/kmsg").unlink()
    (tmp_path / "dev/kmsg").symlink_to("null")
    assert collect_log(HostPath(str(tmp_path))).status == "absent"


def test_without_the_nodes_files_it_is_unavailable() -> None:
    found = collect_log(HostPath(None))
    assert (found.data, found.status) == ({}, "unavailable")
