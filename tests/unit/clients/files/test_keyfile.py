from __future__ import annotations

import os
import re
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
    assert new_key(32) != new_key(32)


def test_a_new_key_is_256_bits_that_a_file_keeps_whole(tmp_path: Path) -> None:
    key = new_key(32)
    assert re.fullmatch(rb"[0-9a-f]{64}", key)
    (tmp_path / "key").write_bytes(key)
    assert read_key(str(tmp_path / "key"), 16) == key


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_key_is_the_file_without_its_last_line_break(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "key").write_bytes(b"\x00\xff 0123456789abcdef" + end)
    assert read_key(str(tmp_path / "key"), 16) == b"\x00\xff 0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "this one has 0"),
        (b"hunter22\n", "this one has 8"),
        (b"hunter22hunter2\n\n\n", "this one has 15"),
        (b"x" * (MAX_KEY_BYTES + 1), "this one has more than 4096"),
    ],
)
def test_an_invalid_key_is_refused_and_not_in_the_error(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(InvalidRequest) as caught:
        read_key(str(tmp_path / "key"), 16)
    assert caught.value.why == f"a key has 16 to 4096 bytes, {why}"
    assert "hunter" not in str(caught.value)
    assert "openssl" in caught.value.hint


def test_a_missing_file_and_a_directory_have_their_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file: "):
        read_key(str(tmp_path / "none"), 16)
    with pytest.raises(InvalidRequest, match="cannot read key file"):
        read_key(str(tmp_path), 16)


@pytest.mark.parametrize(("mode", "expected"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_detected(tmp_path: Path, mode: int, expected: bool) -> None:
    path = tmp_path / "key"
    path.touch()
    path.chmod(mode)
    assert is_readable_by_others(str(path)) is expected


def test_a_key_is_read_from_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    writer = threading.Thread(target=path.write_bytes, args=(b"0123456789abcdef\n",))
    writer.start()
    assert read_key(str(path), 16) == b"0123456789abcdef"
    writer.join()
    assert not is_readable_by_others(str(path))
