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
Status: hold ok installed
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


def make_database(root: Path, place: str, *packages: tuple[str, object]) -> None:
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
    assert "libc6" not in parse_dpkg(STATUS.replace(b"Version: 2.39-0ubuntu8\n", b""))


def test_a_version_that_may_be_cut_is_none() -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        parse_dpkg(STATUS.rstrip()[:-1])


def test_an_empty_file_of_dpkg_is_that_of_a_node_with_rpm(tmp_path: Path) -> None:
    write_files(tmp_path / "var/lib/dpkg", {"status": b""})
    make_database(tmp_path, "var/lib/rpm", ("kernel", package("kernel", "1", "1")))
    assert read(HostPath(str(tmp_path))).data == {"kernel": "1-1"}


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
    with pytest.raises(Absent):
        read(HostPath(str(tmp_path)))


# Their first bytes: of Berkeley DB a metadata page of a hash with its magic number (db_page.h,
# DB_HASHMAGIC) and __db.001 of its environment; of ndb the magic numbers of rpmpkg.c, rpmxdb.c.
@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"Packages": bytes(12) + bytes.fromhex("61150600") + bytes(4080)}, "Berkeley DB"),
        ({"Packages.db": b"RpmP" + bytes(4092), "Index.db": b"RpmX" + bytes(4092)}, "ndb"),
    ],
)
@pytest.mark.parametrize("place", ["var/lib/rpm", "usr/lib/sysimage/rpm"])
def test_the_formats_of_rpm_that_are_not_read_are_unavailable_by_name(
    tmp_path: Path, place: str, files: dict[str, bytes], kind: str
) -> None:
    write_files(tmp_path / place, {**files, "Name": b"", ".rpm.lock": b""})
    with pytest.raises(Unavailable) as caught:
        read(HostPath(str(tmp_path)))
    name = next(iter(files))
    assert caught.value.why == f"/{place}/{name} is in the format of {kind}, not of SQLite"


def test_a_cut_header_has_what_is_there() -> None:
    whole = package("kernel", "5", "1")
    assert parse_rpm_header(whole) == ("kernel", "5-1")
    for length in range(len(whole)):
        parse_rpm_header(whole[:length])
    # A count that is no count.
    assert parse_rpm_header(b"\xff" * 64) == ("", "")


@pytest.mark.parametrize("blob", [b"\xff" * 64, "text", None, 5])
def test_a_package_without_its_version_is_not_left_out_silently(
    tmp_path: Path, blob: object
) -> None:
    make_database(tmp_path, "var/lib/rpm", ("kernel", blob), ("bash", b""))
    with pytest.raises(Unavailable, match="cannot be read") as caught:
        read(HostPath(str(tmp_path)))
    assert caught.value.why == "at kernel"
