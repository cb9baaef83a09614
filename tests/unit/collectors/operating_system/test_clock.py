"""What keeps the clock of a node right, by its files; its state by the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host import clock as kernel_clock
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.clock import BOOT_ID, parse_sources, read
from kubectl_snapshot.errors import Unavailable
from tests.unit.hosts import write_files

CHRONY = """\
# server commented.example iburst
server 169.254.169.123 prefer iburst minpoll 4
pool 2.pool.ntp.org iburst
refclock PHC /dev/ptp_hyperv poll 3 dpoll -2
allow 10.0.0.0/8
server
"""


def test_services_and_servers_of_chrony_and_the_clocks_source(tmp_path: Path) -> None:
    wants = "etc/systemd/system/multi-user.target.wants"
    write_files(tmp_path, {f"{wants}/chrony.service": "", f"{wants}/ssh.service": ""})
    write_files(tmp_path, {"etc/systemd/system/sysinit.target.wants/ntpsec.service": ""})
    write_files(tmp_path, {"etc/systemd/system/ntpd.service": ""})  # masked or changed, not wanted
    write_files(
        tmp_path / "etc/chrony",
        {"chrony.conf": CHRONY, "sources.d/a.sources": "peer b", "sources.d/a.conf": "peer c"},
    )
    write_files(tmp_path / "etc/chrony/conf.d", {"x.conf": "pool d"})
    write_files(tmp_path, {"etc/ntp.conf": "server -4 e iburst"})
    source = "sys/devices/system/clocksource/clocksource0/current_clocksource"
    write_files(tmp_path, {source: "tsc", BOOT_ID.lstrip("/"): "of another kernel"})
    found = read(HostPath(str(tmp_path)))
    assert found.context == {}
    assert found.data == {
        "clocksource": "tsc",
        "services": "chrony.service,ntpsec.service",
        "servers.chrony": "169.254.169.123,2.pool.ntp.org,refclock PHC /dev/ptp_hyperv,d,b",
        "servers.ntp": "e",
    }


def test_timesyncd_with_a_drop_in(tmp_path: Path) -> None:
    main = "[Time]\nNTP=a b\nFallbackNTP=c  d\n"
    files = {"timesyncd.conf": main, "timesyncd.conf.d/1.conf": "[Time]\nNTP=e"}
    write_files(tmp_path / "etc/systemd", files)
    write_files(tmp_path, {BOOT_ID.lstrip("/"): "x", "sys/x": ""})
    data = read(HostPath(str(tmp_path))).data
    assert data == {"servers.timesyncd": "e", "servers.timesyncd-fallback": "c,d"}


def test_the_kernel_is_asked_about_the_node_that_it_runs(tmp_path: Path) -> None:
    own = HostPath(None).read_text(BOOT_ID).strip()
    write_files(tmp_path, {BOOT_ID.lstrip("/"): own, "sys/x": ""})
    found = read(HostPath(str(tmp_path))).data
    assert found == {"synchronized": kernel_clock.is_clock_synchronized()}


def test_the_limit_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for limit in (0, 1 << 62):
        monkeypatch.setattr(kernel_clock, "LIMIT_US", limit)
        answers.append(kernel_clock.is_clock_synchronized())
    assert answers == [False, True]


def test_a_pod_without_the_nodes_files_says_nothing() -> None:
    with pytest.raises(Unavailable):
        read(HostPath(None))


def test_sources_of_a_configuration() -> None:
    assert parse_sources("pool -6 -4\npeer x\n server y") == ["x", "y"]
