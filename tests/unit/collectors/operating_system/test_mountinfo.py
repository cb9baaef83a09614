"""Lines of /proc/<pid>/mountinfo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.operating_system.mountinfo import (
    Mount,
    find_mount,
    parse_mounts,
)

TEXT = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:30 / /data rw shared:1 master:2 - nfs4 srv:/my\\040data rw,vers=4.2
41 27 0:31 / /a\\040b rw - tmpfs tmpfs rw
42 27 0:32 / /data ro - tmpfs hidden rw,size=4k
"""
ROOT = Mount("/", "ext4", "/dev/vda", "254:0", "rw,relatime", "rw,discard")
DATA = Mount("/data", "tmpfs", "hidden", "0:32", "ro", "rw,size=4k")
BLANK = Mount("/a b", "tmpfs", "tmpfs", "0:31", "rw", "rw")


def test_the_last_mount_at_a_path_hides_the_others() -> None:
    assert parse_mounts(TEXT) == [ROOT, BLANK, DATA]
    (first,) = parse_mounts(TEXT.splitlines()[1])
    assert (first.source, first.fs_options) == ("srv:/my data", "rw,vers=4.2")


@pytest.mark.parametrize(
    "line",
    [
        "short - line",
        "43 27 0:33 /",
        "-1 27 0:33 / /x rw - ext4 a rw",
        "43 27 0:33 / /x - ext4 a rw",
    ],
)
def test_a_line_of_another_form_leaves_nothing_that_could_be_absent(line: str) -> None:
    assert parse_mounts(f"{TEXT}{line}\n") == []
    assert parse_mounts(f"{TEXT}43 27 0:33 / /x rw - ext4 a rw\n") != []


def test_a_path_is_on_the_nearest_mount_above_it() -> None:
    mounts = parse_mounts(TEXT)
    assert find_mount(mounts, "/data") == find_mount(mounts, "/data/x") == DATA
    assert find_mount(mounts, "/database") == find_mount(mounts, "/") == ROOT
    assert find_mount([DATA], "/") is None


@given(st.text())
def test_any_text_gives_mounts(text: str) -> None:
    assert all(mount.path for mount in parse_mounts(text))
