from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.outputfile import (
    _overwrite,
    check_writable,
    open_whole,
    write_whole,
)
from kubectl_snapshot.errors import Internal


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write_whole(str(path), "new: \u00e9 \udc80\n")
    assert path.read_text(encoding="utf-8") == "new: \u00e9 \\udc80\n"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(("mode", "expected"), [(None, 0o640), (0o755, 0o755)])
def test_a_file_is_replaced_and_keeps_its_mode_unless_one_is_given(
    tmp_path: Path, mode: int | None, expected: int
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    path.chmod(0o640)
    old = path.stat().st_ino
    write_whole(str(path), "new", mode)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o7777 == expected
    assert path.stat().st_ino != old
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("\u00e9" * 125 + ".yaml")
    write_whole(str(path), "x")
    assert path.read_text() == "x"


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "one").symlink_to("d/two")
    (tmp_path / "d" / "two").symlink_to("three")
    for text in ("new", "newer"):
        check_writable(str(tmp_path / "one"))
        write_whole(str(tmp_path / "one"), text)
        assert (tmp_path / "d" / "three").read_text() == text
    assert (tmp_path / "one").is_symlink() and (tmp_path / "d" / "two").is_symlink()


def test_a_fifo_is_written_to_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    # Open for both: neither end waits for the other.
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        check_writable(str(path))
        write_whole(str(path), "data", 0o777)
        assert os.read(reader, 100) == b"data"
    finally:
        os.close(reader)
    assert path.is_fifo() and path.stat().st_mode & 0o777 != 0o777


@pytest.mark.parametrize("write", [check_writable, lambda path: write_whole(path, "x")])
def test_a_directory_and_a_socket_are_refused(tmp_path: Path, write: Callable[[str], None]) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        for name, why in (("", "it is a directory"), ("s", "it is a socket")):
            with pytest.raises(Internal) as caught:
                write(str(tmp_path / name))
            assert caught.value.why == why
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(Internal, match="Too many levels"):
        write(str(tmp_path / "loop"))


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/{pid}/fd/{}", "link"])
def test_an_inherited_descriptor_is_written_where_it_stands(tmp_path: Path, name: str) -> None:
    with open(tmp_path / "f", "w+b") as file:
        os.set_inheritable(file.fileno(), True)
        path = name.format(file.fileno(), pid=os.getpid())
        if name == "link":
            path = str(tmp_path / name)
            os.symlink(f"/dev/fd/{file.fileno()}", path)
        file.write(b"before ")
        file.flush()
        check_writable(path)
        write_whole(path, "data")
        file.write(b" after")
        file.flush()
        assert (tmp_path / "f").read_bytes() == b"before data after"


def test_descriptors_that_are_read_only_closed_or_our_own_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    read_only, own = os.open(tmp_path / "f", os.O_RDONLY), os.open(tmp_path / "f", os.O_RDWR)
    os.set_inheritable(read_only, True)
    try:
        for number in (read_only, own, 1000):
            with pytest.raises(Internal, match="Bad file descriptor"):
                check_writable(f"/dev/fd/{number}")
    finally:
        os.close(read_only)
        os.close(own)


def test_a_descriptor_of_another_process_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(Internal, match="cannot write"):
        write_whole("/proc/1/fd/100000", "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount and give files away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    os.chown(path, 1234, 4321)
    path.chmod(0o4640)
    write_whole(str(path), "new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 4321, 0o4640)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        with pytest.raises(Internal, match="cannot write"):
            write_whole(str(path), "too long")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Internal) as caught:
        write_whole(str(tmp_path / "none" / "a"), "x")
    assert caught.value.why == "No such file or directory"


def test_a_file_that_is_overwritten_in_place_has_the_new_text_only(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a longer old text")
    old = path.stat().st_ino
    _overwrite(str(path), b"new")
    assert path.read_text() == "new"
    _overwrite(str(path), b"")
    assert path.read_text() == ""
    assert path.stat().st_ino == old


def write_parts(path: Path, *parts: bytes) -> None:
    with open_whole(str(path)) as file:
        for part in parts:
            file.write(part)


def test_a_streamed_file_replaces_the_old_one_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_parts(path, b"one")
    assert path.read_bytes() == b"one" and path.stat().st_mode & 0o7777 == 0o600
    path.chmod(0o640)
    old = path.stat().st_ino
    with open_whole(str(path)) as file:
        file.write(b"two")
        file.flush()
        assert path.read_bytes() == b"one"
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o7777 == 0o640 and path.stat().st_ino != old
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_after_an_error_a_streamed_file_is_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="stop"), open_whole(str(path)) as file:
        file.write(b"new")
        raise ValueError("stop")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_stream_goes_to_a_device_a_fifo_or_a_descriptor(tmp_path: Path) -> None:
    write_parts(Path("/dev/null"), b"x")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    write_parts(fifo, b"to a ", b"fifo")
    assert os.read(reader, 100) == b"to a fifo"
    os.close(reader)
    read, write = os.pipe()
    os.set_inheritable(write, True)
    write_parts(Path(f"/dev/fd/{write}"), b"to a pipe")
    assert os.read(read, 100) == b"to a pipe"
    os.close(read)
    os.close(write)


def test_a_stream_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Internal) as caught, open_whole(str(tmp_path / "none" / "a")):
        pass
    assert caught.value.why == "No such file or directory"
    with pytest.raises(Internal, match="full") as caught, open_whole("/dev/full") as file:
        file.write(b"x")
    assert caught.value.why == "No space left on device"
