"""Limits of systemd and of PAM, with their drop-ins."""

from __future__ import annotations

from pathlib import Path

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.limits import (
    parse_assignments,
    parse_pam_limits,
    read,
    read_config,
)
from tests.unit.hosts import write_files

MAIN = "[Manager]\n#DefaultLimitCORE=1\nDefaultLimitNOFILE=1024:524288\nLogLevel=info\n"


def test_limits_of_all_files(tmp_path: Path) -> None:
    drop_in = "[Manager]\nDefaultLimitMEMLOCK = infinity\nDefaultTasksMax=15%"
    write_files(tmp_path / "etc/systemd", {"system.conf": MAIN, "system.conf.d/1.conf": drop_in})
    pam = "# comment\n* soft memlock unlimited # all\n@hpc - nofile 1048576\nroot hard core 0 x\n"
    write_files(tmp_path / "etc/security", {"limits.conf": pam, "limits.d/9.txt": pam})
    later = {"limits.d/20.conf": "* soft memlock 64", "limits.d/10.conf": "* soft memlock 8"}
    write_files(tmp_path / "etc/security", later)
    assert read(HostPath(str(tmp_path))).data == {
        "systemd.DefaultLimitNOFILE": "1024:524288",
        "systemd.DefaultLimitMEMLOCK": "infinity",
        "systemd.DefaultTasksMax": "15%",
        "pam.*.soft.memlock": "64",
        "pam.@hpc.-.nofile": "1048576",
    }


def test_a_drop_in_of_etc_hides_one_of_the_distribution(tmp_path: Path) -> None:
    write_files(tmp_path / "usr/lib/systemd", {"x.conf": "main", "x.conf.d/b.conf": "hidden"})
    write_files(tmp_path / "usr/lib/systemd/x.conf.d", {"a.conf": "first", "c.txt": "no"})
    write_files(tmp_path / "run/systemd/x.conf.d", {"b.conf": "hidden, too", "c.conf": "last"})
    write_files(tmp_path / "etc/systemd/x.conf.d", {"b.conf": "second"})
    host = HostPath(str(tmp_path))
    assert list(read_config(host, "x.conf")) == ["main\n", "first\n", "second\n", "last\n"]
    write_files(tmp_path / "etc/systemd", {"x.conf": "own"})
    assert next(read_config(host, "x.conf")) == "own\n"


def test_files_without_limits_have_none(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    assert read(HostPath(str(tmp_path))).data == {}


def test_lines_that_are_comments_or_none() -> None:
    assert parse_assignments("a=1\n;b=2\n #c=3\n[d]\ne = f=g\n") == {"a": "1", "e": "f=g"}
    assert parse_pam_limits("* soft nofile\n#* soft nofile 1\n") == {}


def test_a_masked_drop_in_sets_nothing(tmp_path: Path) -> None:
    write_files(tmp_path / "etc/systemd", {"system.conf": "[Manager]\nDefaultLimitCORE=0"})
    drop_ins = write_files(
        tmp_path / "usr/lib/systemd/system.conf.d", {"10-a.conf": "DefaultLimitNOFILE=1"}
    )
    masks = tmp_path / "etc/systemd/system.conf.d"
    masks.mkdir()
    (masks / drop_ins.joinpath("10-a.conf").name).symlink_to("/dev/null")
    found = read(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"systemd.DefaultLimitCORE": "0"}, "ok")
