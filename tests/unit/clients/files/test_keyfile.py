from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.keyfile import (
    MAX_KEY_BYTES,
    is_readable_by_others,
    new_key,
    read_key,
)
from kubectl_snapshot.errors import InvalidRequest, NotFound


def test_two_new_keys_differ() -> None:
    assert len(new_key(32)) == 32
    assert new_key(32) != new_key(32)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_key_is_a_files_bytes_without_the_last_line_break(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "key").write_bytes(b"\x00\xff 0123456789abcdef" + end)
    assert read_key(str(tmp_path / "key"), 16) == b"\x00\xff 0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it has 0 bytes"),
        (b"hunter22\n", "it has 8 bytes"),
        (b"hunter22hunter2\n\n\n", "it has 15 bytes"),
        (b"x" * (MAX_KEY_BYTES + 1), "it is larger"),
    ],
)
def test_what_is_no_key_is_refused_and_not_told(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(InvalidRequest) as caught:
        read_key(str(tmp_path / "key"), 16)
    assert caught.value.why == why
    assert "hunter" not in str(caught.value)
    assert "openssl" in caught.value.hint


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no key file"):
        read_key(str(tmp_path / "none"), 16)
    with pytest.raises(InvalidRequest, match="cannot read the key file"):
        read_key(str(tmp_path), 16)


@pytest.mark.parametrize(("mode", "expected"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_known(tmp_path: Path, mode: int, expected: bool) -> None:
    path = tmp_path / "key"
    path.touch()
    path.chmod(mode)
    assert is_readable_by_others(str(path)) is expected


def test_a_key_may_come_through_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    writer = threading.Thread(target=path.write_bytes, args=(b"0123456789abcdef\n",))
    writer.start()
    assert read_key(str(path), 16) == b"0123456789abcdef"
    writer.join()
    assert not is_readable_by_others(str(path))
