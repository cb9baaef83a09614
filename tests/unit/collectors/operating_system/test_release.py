"""os-release files: their syntax, and which of the two is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system import release
from kubectl_snapshot.collectors.operating_system.release import parse_release
from kubectl_snapshot.errors import InvalidRequest


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('VERSION_ID="24.04"', {"VERSION_ID": "24.04"}),
        ("NAME='Red Hat Enterprise Linux'", {"NAME": "Red Hat Enterprise Linux"}),
        (' A = "x=y" ', {"A": "x=y"}),
        ("VARIANT=\nVARIANT2=''", {}),
        ("not a pair", {}),
        ("#COMMENT=1", {}),
        ("A=1\nA=2", {"A": "2"}),
        (r'A="a \"b\""', {"A": r"a \"b\\"[:-1]}),
    ],
)
def test_a_release_file_is_unquoted_but_not_unescaped(
    content: str, expected: dict[str, str]
) -> None:
    assert parse_release(content) == expected


def test_the_second_release_file_is_read_only_where_the_first_is_missing(root: Path) -> None:
    (root / "etc/os-release").unlink()
    found = release.read(HostPath(str(root)))
    assert (found.name, found.data["ID"]) == ("release", "ubuntu")
    (root / "etc/os-release").write_text("ID=first\n")
    assert release.read(HostPath(str(root))).data == {"ID": "first"}
    (root / "etc/os-release").write_bytes(b"\xff")
    with pytest.raises(InvalidRequest, match="/etc/os-release of the node is not UTF-8"):
        release.read(HostPath(str(root)))


def test_a_release_file_without_a_field_is_an_error(root: Path) -> None:
    (root / "etc/os-release").write_text("# nothing\nID=\n")
    with pytest.raises(InvalidRequest, match="/etc/os-release of the node has no field"):
        release.read(HostPath(str(root)))


def test_an_absolute_link_to_the_release_file_does_not_lead_into_the_container(root: Path) -> None:
    (root / "etc/os-release").unlink()
    (root / "etc/os-release").symlink_to("/usr/lib/os-release")
    (root / "usr/lib/os-release").write_text("ID=node\n")
    assert release.read(HostPath(str(root))).data == {"ID": "node"}
