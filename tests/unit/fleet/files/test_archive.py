from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.errors import InvalidRequest, NotFound, SnapshotError
from kubectl_snapshot.fleet.files import archive
from kubectl_snapshot.fleet.files.archive import open_archive, unzip
from kubectl_snapshot.fleet.files.pack import is_gzipped, pack, pack_file, remove_directory
from kubectl_snapshot.fleet.fleet import load_fleet
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

LONG = "n" * 63 + "." + "m" * 63 + ".example"


@pytest.fixture
def directory(tmp_path: Path) -> str:
    odd = vary(LONG, {"GPU.smi.driver": "570"})
    return write_fleet(tmp_path / "fleet", make_fleet(2, odd), ["gone"], labels={"pool": "a|n0"})


def entry(name: str, content: bytes = b"", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


def make(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


FLEET = entry("fleet.yaml", b"kind: Fleet\n")
NODE = entry("nodes/a.yaml", b"a")


def opened(tmp_path: Path, content: bytes) -> archive.Archive:
    (tmp_path / "x.tar").write_bytes(content)
    with (tmp_path / "x.tar").open("rb") as source:
        return open_archive(source, "x.tar")


def refused(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(InvalidRequest) as caught:
        opened(tmp_path, content)
    assert caught.value.what == "x.tar is not a tar file of a fleet"
    return caught.value.why


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tgz"])
def test_a_fleet_is_the_same_in_a_tar_file(directory: str, tmp_path: Path, name: str) -> None:
    fleet, path = load_fleet(directory), str(tmp_path / name)
    pack_file(directory, fleet.manifest, path)
    again = load_fleet(path)
    assert (again.directory, again.manifest) == (path, fleet.manifest)
    assert again.read_cluster() == fleet.read_cluster()
    for node in fleet.manifest.nodes:
        if node.has_file:
            again.verify(node)
            assert again.read_node(node.name) == fleet.read_node(node.name)
    with pytest.raises(NotFound, match="image pull"):
        again.read_node("gone")
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == is_gzipped(name)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert [p for p in os.listdir(tmp_path) if p.endswith(".part")] == []


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_tar_file_comes_from_a_pipe_too(directory: str, is_compressed: bool) -> None:
    fleet, out = load_fleet(directory), io.BytesIO()
    pack(directory, fleet.manifest, out, is_compressed)
    reader, writer = os.pipe()

    def send() -> None:
        with os.fdopen(writer, "wb") as sink:
            sink.write(out.getvalue())

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(reader, "rb") as source:
        found = open_archive(source, "stdin")
    sender.join()
    assert len(found.members) == 5
    assert b"kind: Fleet" in found.read("fleet.yaml")
    with pytest.raises(NotFound, match="no such file: stdin/nodes/x"):
        found.read("nodes/x")


def test_the_directory_that_was_only_made_for_a_tar_file_is_removed(directory: str) -> None:
    manifest = load_fleet(directory).manifest
    (Path(directory) / "nodes" / "mine").touch()
    remove_directory(directory, manifest)
    assert os.listdir(directory) == ["nodes"], "what is not the fleet's stays"
    (Path(directory) / "nodes" / "mine").unlink()
    remove_directory(directory, manifest)
    assert not os.path.exists(directory)


def test_a_failed_write_leaves_the_file_that_is_there(directory: str, tmp_path: Path) -> None:
    fleet, path = load_fleet(directory), tmp_path / "x.tar"
    path.write_text("old")
    path.chmod(0o640)
    os.unlink(Path(directory) / "nodes" / "n0.yaml")
    with pytest.raises(SnapshotError, match="cannot write"):
        pack_file(directory, fleet.manifest, str(path))
    assert (path.read_text(), sorted(os.listdir(tmp_path))) == ("old", ["fleet", "x.tar"])
    (Path(directory) / "nodes" / "n0.yaml").touch()
    pack_file(directory, fleet.manifest, str(path))
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("root", ["", "./", "fleet/", "./a.b/"])
def test_tar_files_of_others_are_read(tmp_path: Path, kind: int, root: str) -> None:
    name = f"nodes/{LONG[:60]}.{'x' * (30 if kind == tarfile.USTAR_FORMAT else 110)}.yaml"
    folder = entry(f"{root or './'}", type=tarfile.DIRTYPE)
    members = [entry(f"{root}{n}", c) for n, c in ((name, b"b"), ("fleet.yaml", b"f"))]
    if kind == tarfile.PAX_FORMAT:
        members[0][0].pax_headers = {"mtime": "1.5", "comment": "x"}
    found = opened(tmp_path, make(folder, *members, kind=kind))
    assert set(found.members) == {name, "fleet.yaml"}
    assert (found.read(name), found.read("fleet.yaml")) == (b"b", b"f")


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([FLEET, entry("nodes/b", type=tarfile.SYMTYPE, linkname="/etc/shadow")], "a symbolic"),
        ([FLEET, entry("nodes/b", type=tarfile.LNKTYPE, linkname="fleet.yaml")], "a hard link"),
        ([FLEET, entry("nodes/b", type=tarfile.CHRTYPE)], "a device"),
        ([FLEET, entry("nodes/b", type=tarfile.FIFOTYPE)], "no regular file"),
        ([FLEET, entry("../b", b"b")], 'the path "../b" leaves it'),
        ([FLEET, entry("nodes/../../b", b"b")], "leaves it"),
        ([FLEET, entry("/etc/passwd", b"b")], 'the path "/etc/passwd" leaves it'),
        ([FLEET, NODE, NODE], 'it has "nodes/a.yaml" twice'),
        ([FLEET, entry("./fleet.yaml", b"b")], "twice"),
        ([NODE], "it has no fleet.yaml"),
        ([NODE, entry("b/fleet.yaml")], "it has no fleet.yaml"),
        ([], "it has no fleet.yaml"),
        ([entry("nodes/\x1b[2J", type=tarfile.SYMTYPE)], '"nodes/ [2J" is a symbolic link'),
    ],
)
def test_a_hostile_tar_file_is_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], why: str
) -> None:
    assert why in refused(tmp_path, make(*members))


def patched(content: bytes, at: int, new: bytes) -> bytes:
    """Return a tar file with a field of its first header changed, and the header's sum."""
    header = bytearray(content[:512])
    header[at : at + len(new)] = new
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content[512:]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"kind: Snapshot\0" * 99, "it is no tar file, or broken"),
        (make(FLEET, NODE)[:700], "it is truncated"),
        (make(FLEET, NODE)[:2048], "it is truncated"),
        (gzip.compress(make(FLEET, NODE))[:60], "truncated"),
        (gzip.compress(b"")[:10] + b"\x07" * 40, "its compressed data are broken"),
        (gzip.compress(b""), "it is empty"),
        (patched(make(FLEET), 124, b"07777777777\0"), "it is truncated"),
        (patched(make(FLEET), 124, b"10000000000\0"), "it is truncated"),
        (patched(make(FLEET), 124, b"\x80" + b"\0" * 10 + b"\x09"), "or broken"),
        (patched(make(FLEET), 124, b"-1\0"), "or broken"),
        (patched(make(FLEET), 0, b"\xff"), "a name in it is not UTF-8"),
        (patched(make(entry("././@LongLink", b"x" * 70_000), FLEET), 156, b"L"), "too long"),
        (patched(make(entry("p", b"16 size=9999999\n"), FLEET), 156, b"x"), "very large file"),
        (make(FLEET)[:148] + b"0000000\0" + make(FLEET)[156:], "or broken"),
    ],
    ids=range(15),
)
def test_a_broken_tar_file_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refused(tmp_path, content)


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make(FLEET, entry("nodes/a.yaml", b"a" * 5000))
    for name, value, why in (
        ("MAX_FILES", 1, "it has more than 1 files"),
        ("MAX_DOCUMENT_BYTES", 4999, "exceeds 0 MiB"),
        ("MAX_ARCHIVE_BYTES", 9000, "unpacked, it exceeds"),
    ):
        assert len(opened(tmp_path, gzip.compress(whole)).members) == 2
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, value)
            assert why in refused(tmp_path, gzip.compress(whole))
            patch.setattr(archive, name, value + (1 if name != "MAX_ARCHIVE_BYTES" else 99_000))
            assert len(opened(tmp_path, gzip.compress(whole)).members) == 2


def test_a_bomb_is_unzipped_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    sizes = [len(piece) for piece in unzip(iter([bomb]), "x")]
    assert (max(sizes) <= archive.CHUNK, sum(sizes)) == (True, 50_000_000)
    two = gzip.compress(b"ab") + gzip.compress(b"cd") + bytes(600)
    for cut in range(1, 60):
        pieces = (two[i : i + cut] for i in range(0, len(two), cut))
        assert b"".join(unzip(pieces, "x")) == b"abcd"


@given(st.data())
def test_no_change_of_a_byte_breaks_out(data: st.DataObject) -> None:
    whole = bytearray(make(FLEET, NODE, entry("fleet/nodes/b.yaml", b"b" * 600)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    read: Callable[[int, int], bytes] = lambda at, size: bytes(whole[at : at + size])  # noqa: E731
    try:
        members = archive.index_members(read, len(whole), "x")
    except InvalidRequest:
        return
    assert all(at + size <= len(whole) for at, size in members.values())
    assert not any(".." in path.split("/") or path.startswith("/") for path in members)
