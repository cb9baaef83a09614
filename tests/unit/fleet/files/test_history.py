from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubectl_snapshot.errors import Internal
from kubectl_snapshot.fleet.files.history import (
    choose_expired,
    choose_expired_configmaps,
    list_captures,
    name_capture,
    remove_capture,
)
from tests.unit.document.fleet.nodes import make_fleet
from tests.unit.fleet.directories import write_fleet

FIRST, SECOND, THIRD = (f"2026112{n}T030000Z" for n in range(3))


def test_a_capture_is_named_by_its_time_in_utc() -> None:
    assert name_capture(0) == "19700101T000000Z"
    assert name_capture(1_795_834_800.9) == "20261128T030000Z"


def test_only_directories_with_the_name_of_a_time_are_captures(tmp_path: Path) -> None:
    for name in (SECOND, FIRST, "mine", f"{FIRST}x", f"x{FIRST}"):
        (tmp_path / name).mkdir()
    (tmp_path / THIRD).symlink_to(tmp_path / "mine")
    (tmp_path / "20261128T030000Z").write_text("a file")
    assert [os.path.basename(path) for path in list_captures(str(tmp_path))] == [FIRST, SECOND]
    with pytest.raises(Internal, match="cannot read") as caught:
        list_captures(str(tmp_path / "none"))
    assert caught.value.why == "No such file or directory"


@pytest.mark.parametrize(
    ("keep", "expired"), [(1, [FIRST, SECOND]), (2, [FIRST]), (3, []), (4, [])]
)
def test_the_oldest_captures_expire(tmp_path: Path, keep: int, expired: list[str]) -> None:
    for name in (FIRST, SECOND, THIRD):
        write_fleet(tmp_path / name, make_fleet(1))
    found = choose_expired(list_captures(str(tmp_path)), keep)
    assert [os.path.basename(path) for path in found] == expired


def test_captures_without_a_node_do_not_count(tmp_path: Path) -> None:
    write_fleet(tmp_path / FIRST, make_fleet(1), failed=["some"])
    write_fleet(tmp_path / SECOND, {}, failed=["gone"])
    (tmp_path / THIRD).mkdir()
    captures = list_captures(str(tmp_path))
    assert choose_expired(captures, 1) == []
    (tmp_path / "20200101T000000Z").mkdir()
    assert choose_expired(list_captures(str(tmp_path)), 1) == []
    (tmp_path / "20200101T000000Z").rmdir()
    write_fleet(tmp_path / "20261130T030000Z", make_fleet(1))
    assert choose_expired(list_captures(str(tmp_path)), 1) == captures


def test_a_capture_is_removed_with_its_content(tmp_path: Path) -> None:
    write_fleet(tmp_path / FIRST, make_fleet(1))
    remove_capture(str(tmp_path / FIRST))
    assert not list(tmp_path.iterdir())
    with pytest.raises(Internal, match="cannot remove") as caught:
        remove_capture(str(tmp_path / FIRST))
    assert caught.value.why == "No such file or directory"


def test_of_fleets_in_config_maps_the_newest_times_are_kept() -> None:
    day = "n-2026112{}t030000z.tar.gz".format
    names = [day(8), day(7), f"{day(7)}.1", day(6), "n-other.tar.gz", "n-x", f"{day(6)}.x"]
    assert choose_expired_configmaps(names, "n", 1) == [day(6), day(7), f"{day(7)}.1"]
    assert choose_expired_configmaps(names, "n", 2) == [day(6)]
    assert choose_expired_configmaps(names, "n", 3) == []
    assert choose_expired_configmaps(["n-x"], "n", 1) == []
