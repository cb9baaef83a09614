"""Packages of a dpkg status file, and of a database of rpm made after its source."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.packages import (
    parse_dpkg,
    parse_rpm_header,
    read,
)
from kubectl_snapshot.errors import Absent, InvalidRequest, Unavailable
from tests.unit.hosts import write_files

STATUS = b"""\
Package: nvidia-driver-570-server
Status: install ok installed
Version: 570.158.01-0ubuntu1
Description: driver
 Package: libc6

Package: nvidia-driver-535
Status: deinstall ok config-files
Version: 535.1

Package: libc6
Status: install ok installed
Source: glibc
Version: 2.39-0ubuntu8

Package: libc6-dev
Status: install ok installed
Version: 2.39-0ubuntu8

Package: rdma-core
Status: install ok installed
Version: 50.0-2build2
"""
INT32, STRING = 4, 6


def header(*entries: tuple[int, int, bytes]) -> bytes:
    index, data = b"", b""
    for tag, kind, value in entries:
        index += b"".join(n.to_bytes(4, "big") for n in (tag, kind, len(data), 1))
        data += value
    return len(entries).to_bytes(4, "big") + len(data).to_bytes(4, "big") + index + data


def package(name: str, version: str, release: str, epoch: int | None = None) -> bytes:
    texts = ((1000, name), (1001, version), (1002, release), (1004, "summary"))
    entries = [(tag, STRING, text.encode() + b"\0") for tag, text in texts]
    if epoch is not None:
        entries.insert(0, (1003, INT32, epoch.to_bytes(4, "big")))
    return header((63, 7, bytes(16)), *entries)


def make_database(root: Path, place: str, *packages: tuple[str, bytes]) -> None:
    directory = root / place
    directory.mkdir(parents=True)
    with closing(sqlite3.connect(directory / "rpmdb.sqlite")) as database:
        # lib/backend/sqlite.c
        database.execute(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB)"
        )
        database.execute(
            "CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER)"
        )
        for number, (name, blob) in enumerate(packages, start=1):
            database.execute("INSERT INTO Packages VALUES (?, ?)", (number, blob))
            database.execute("INSERT INTO Name VALUES (?, ?, 0)", (name, number))
        database.commit()


def test_installed_packages_of_dpkg() -> None:
    assert parse_dpkg(STATUS) == {
        "nvidia-driver-570-server": "570.158.01-0ubuntu1",
        "libc6": "2.39-0ubuntu8",
        "rdma-core": "50.0-2build2",
    }
    assert parse_dpkg(b"") == {}


def test_dpkg_comes_first(tmp_path: Path) -> None:
    write_files(tmp_path / "var/lib/dpkg", {"status": STATUS})
    make_database(tmp_path, "var/lib/rpm", ("kernel", package("kernel", "1", "1")))
    assert "rdma-core" in read(HostPath(str(tmp_path))).data


@pytest.mark.parametrize("place", ["var/lib/rpm", "usr/lib/sysimage/rpm"])
def test_packages_of_rpm_with_all_versions_of_each(tmp_path: Path, place: str) -> None:
    make_database(
        tmp_path,
        place,
        ("kernel-core", package("kernel-core", "5.14.0", "503.el9")),
        ("rdma-core", package("rdma-core", "51.0", "1.el9", 2)),
        ("bash", package("bash", "5", "1")),
        ("kernel-core", package("kernel-core", "5.14.0", "611.el9", 0)),
    )
    files = sorted((tmp_path / place).iterdir())
    assert read(HostPath(str(tmp_path))).data == {
        "kernel-core": "5.14.0-503.el9,0:5.14.0-611.el9",
        "rdma-core": "2:51.0-1.el9",
    }
    assert sorted((tmp_path / place).iterdir()) == files


def test_a_database_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    make_database(tmp_path, "var/lib/rpm", ("kernel", package("kernel", "1", "1")))
    journal = tmp_path / "var/lib/rpm/rpmdb.sqlite-wal"
    journal.write_bytes(b"")
    assert read(HostPath(str(tmp_path))).data == {"kernel": "1-1"}
    journal.write_bytes(b"x")
    with pytest.raises(InvalidRequest, match=r"rpmdb\.sqlite-wal"):
        read(HostPath(str(tmp_path)))


def test_databases_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    write_files(tmp_path / "var/lib/rpm", {"rpmdb.sqlite": "no database"})
    with pytest.raises(Unavailable, match="cannot be read"):
        read(HostPath(str(tmp_path)))
    (tmp_path / "var/lib/rpm/rpmdb.sqlite").unlink()
    for name in ("Packages", "Packages.db"):
        write_files(tmp_path / "var/lib/rpm", {name: ""})
        with pytest.raises(Unavailable) as caught:
            read(HostPath(str(tmp_path)))
        assert "SQLite" in caught.value.why
        (tmp_path / "var/lib/rpm" / name).unlink()
    with pytest.raises(Absent):
        read(HostPath(str(tmp_path)))


def test_a_cut_header_has_what_is_there() -> None:
    whole = package("kernel", "5", "1")
    assert parse_rpm_header(whole) == ("kernel", "5-1")
    for length in range(len(whole)):
        parse_rpm_header(whole[:length])
    # A count that is no count.
    assert parse_rpm_header(b"\xff" * 64) == ("", "-")
