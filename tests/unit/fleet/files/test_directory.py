from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kubectl_snapshot.document.codec.yaml.codec import load_yaml, render_tree, render_yaml
from kubectl_snapshot.document.codec.yaml.lines import LineReader
from kubectl_snapshot.document.fleet.manifest import (
    FleetManifest,
    FleetNode,
    FleetRun,
    build_head,
    build_record,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound
from kubectl_snapshot.fleet.files import directory as files
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.fleet.planning.resume import build_entry, choose_kept, list_departed
from kubectl_snapshot.fleet.planning.selection import KnownNode

SNAPSHOT = Snapshot(
    {"source-node": "n1", "run-id": "abc", "gaps": "OS.x=error"},
    (Measurement("OS", (Subtype("x", {"a": 1}, {"status": "error"}),)),),
)
FILE = "nodes/n1.yaml"
NODE = KnownNode("n1", "u1", "b1")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "fleet")
    directory = files.open_directory(path + "/", is_resumed=False)
    files.write_manifest(path, FleetManifest({"all-nodes": True}))
    yield path
    directory.close()


def write(path: str, snapshot: Snapshot = SNAPSHOT) -> FleetNode:
    digest = files.write_document(path, FILE, snapshot)
    entry = build_entry("n1", snapshot, FILE, digest, "abc")
    return replace(entry, uid="u1", boot_id="b1")


def test_a_fleet_is_read_back(path: str) -> None:
    entry = write(path)
    assert entry.status == "partial"
    assert (entry.cause, entry.gaps, entry.reason) == ("gaps", "OS.x=error", "")
    whole = build_entry("n1", replace(SNAPSHOT, metadata={}), FILE, "00", "abc")
    assert whole == FleetNode("n1", "captured", file=FILE, sha256="00", run_id="abc")
    lost = FleetNode("n2", "failed", "image pull", "not found")
    files.write_document(path, "cluster.yaml", SNAPSHOT)
    manifest = FleetManifest({}, nodes=(entry, lost), cluster_file="cluster.yaml")
    files.write_manifest(path, manifest)
    fleet = load_fleet(path)
    assert list(fleet) == [entry, lost]
    assert fleet.read_node("n1") == SNAPSHOT == fleet.read_cluster()
    with pytest.raises(NotFound, match="no snapshot of node n2") as caught:
        fleet.read_node("n2")
    assert caught.value.why == "failed, image pull: not found"
    with pytest.raises(NotFound, match='node "n3" not found'):
        fleet.read_node("n3")


@pytest.mark.parametrize(
    "nodes",
    [
        (),
        (
            FleetNode("n1", "failed", "x: y", 'a\n"b" # c\x85\u2028', seconds=1.5),
            FleetNode("2", "~"),
        ),
    ],
)
def test_the_manifest_is_one_document_of_yaml(path: str, nodes: tuple[FleetNode, ...]) -> None:
    manifest = FleetManifest({"all-nodes": True}, (FleetRun("abc"),), {"parallel": 1}, nodes)
    files.write_manifest(path, manifest)
    records = [build_record(node) for node in nodes]
    whole = render_tree({**build_head(manifest), "nodes": records})
    assert Path(path, files.MANIFEST).read_text() == whole


def test_a_changed_document_is_not_read(path: str) -> None:
    entry = write(path)
    Path(path, FILE).write_text(render_yaml(replace(SNAPSHOT, metadata={})))
    files.write_manifest(path, FleetManifest({}, nodes=(entry,)))
    with pytest.raises(InvalidRequest) as caught:
        load_fleet(path).read_node("n1")
    assert caught.value.why == "its SHA-256 is not the one in fleet.yaml"


def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InvalidRequest, match="holds something else") as caught:
        files.open_directory(str(tmp_path), is_resumed=False)
    assert caught.value.why == "it has notes.txt"


def test_a_fleet_is_only_resumed(tmp_path: Path) -> None:
    path = str(tmp_path / "fleet")
    with contextlib.closing(files.open_directory(path, is_resumed=False)):
        files.write_manifest(path, FleetManifest({"all-nodes": True}))
    with pytest.raises(InvalidRequest, match="is a fleet already") as caught:
        files.open_directory(path, is_resumed=False)
    assert f"--resume {path}" in caught.value.hint
    with pytest.raises(NotFound, match="no fleet to resume"):
        files.open_directory(str(tmp_path / "other"), is_resumed=True)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("is_resumed", [False, True])
def test_two_runs_do_not_write_one_directory(path: str, is_resumed: bool) -> None:
    with pytest.raises(InvalidRequest, match="another run writes to"):
        files.open_directory(path, is_resumed)


def test_a_refused_directory_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="holds something else"):
            files.open_directory(str(tmp_path), is_resumed=False)
    (tmp_path / "notes.txt").unlink()
    files.open_directory(str(tmp_path), is_resumed=False).close()


def test_what_is_no_directory_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(Internal, match=r"cannot write .*notes\.txt") as caught:
        files.open_directory(str(tmp_path / "notes.txt"), is_resumed=False)
    assert caught.value.why == "File exists"


def test_the_root_is_a_directory_too() -> None:
    with pytest.raises(InvalidRequest, match="/ holds something else") as caught:
        files.open_directory("//", is_resumed=False)
    assert caught.value.what == "/ holds something else"


def test_a_fleet_is_readable_by_its_owner_only(path: str) -> None:
    write(path)
    modes = [stat.S_IMODE(os.stat(found).st_mode) for found in (path, f"{path}/nodes")]
    assert modes == [0o700, 0o700]
    assert stat.S_IMODE(os.stat(f"{path}/{FILE}").st_mode) == 0o600


def test_a_file_in_the_place_of_the_nodes_is_an_error(path: str) -> None:
    Path(path, "nodes").rmdir()
    Path(path, "nodes").touch()
    with pytest.raises(Internal) as caught:
        files.write_manifest(path, FleetManifest({}))
    assert (caught.value.what, caught.value.why) == (f"cannot write {path}", "File exists")


def test_a_document_that_is_no_text_or_too_large_is_refused(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(path, FILE).write_bytes(b"kind: \xff")
    for reader in (None, LineReader()):
        with pytest.raises(InvalidRequest):
            files.read_snapshot(path, FILE, reader=reader)
    write(path)
    monkeypatch.setattr(files, "MAX_DOCUMENT_BYTES", 100)
    with pytest.raises(InvalidRequest):
        files.read_snapshot(path, FILE, reader=LineReader())


def test_a_manifest_that_is_no_text_is_refused(path: str) -> None:
    Path(path, "fleet.yaml").write_bytes(b"kind: \xff")
    with pytest.raises(InvalidRequest, match=r"fleet\.yaml is not the manifest of a fleet"):
        load_fleet(path)


def test_pyyaml_does_not_read_the_nodes_of_a_manifest(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes seconds for a thousand of them."""
    seen = []

    def load_seen(text: str) -> object:
        seen.append(text)
        return load_yaml(text)

    monkeypatch.setattr(files, "load_yaml", load_seen)
    nodes = (write(path), FleetNode("n2", "failed", "image pull", "not found"))
    files.write_manifest(path, FleetManifest({"all-nodes": True}, nodes=nodes))
    manifest = files.read_manifest(path)
    assert (manifest.nodes, manifest.selection) == (nodes, {"all-nodes": True})
    assert ["n2" in text for text in seen] == [False]


@pytest.mark.parametrize("write", ["document", "manifest"])
def test_a_write_that_fails_names_the_way_to_complete_the_fleet(path: str, write: str) -> None:
    Path(path, FILE).mkdir()
    Path(path, "fleet.yaml").unlink()
    Path(path, "fleet.yaml").mkdir()
    with pytest.raises(Internal, match="cannot write") as caught:
        if write == "document":
            files.write_document(path, FILE, SNAPSHOT)
        else:
            files.write_manifest(path, FleetManifest({}))
    assert caught.value.why == "it is a directory"
    assert caught.value.hint == f"once there is room, complete it with --resume {path}"


def test_a_first_manifest_that_cannot_be_written_leaves_no_directory(tmp_path: Path) -> None:
    """As on a full disk, where a directory can still be made."""
    directory = files.open_directory(str(tmp_path / "new"), is_resumed=False)
    (tmp_path / "new" / "nodes").mkdir()
    directory.close()
    assert not (tmp_path / "new").exists()


def test_a_fleet_without_a_document_keeps_its_directories(path: str) -> None:
    files.FleetDirectory(path, os.open(path, os.O_RDONLY)).close()
    assert sorted(os.listdir(path)) == ["fleet.yaml", "nodes"]


def test_a_directory_without_a_fleet_does_not_stay(tmp_path: Path) -> None:
    directory = files.open_directory(str(tmp_path / "new"), is_resumed=False)
    assert (tmp_path / "new").is_dir()
    directory.close()
    assert not (tmp_path / "new").exists()


def test_what_a_killed_run_was_writing_is_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "fleet")
    with contextlib.closing(files.open_directory(path, is_resumed=False)):
        files.write_manifest(path, FleetManifest({"all-nodes": True}))
    Path(path, "nodes", ".n1.yaml.0123456789ab.part").touch()
    Path(path, ".fleet.yaml.abcdef123456.part").touch()
    for name in ("x.part", ".n1.yaml.0123456789ab.partial", "n1.yaml.0123456789ab.part"):
        Path(path, "nodes", name).touch()
    files.open_directory(path, is_resumed=True).close()
    assert sorted(os.listdir(path)) == ["fleet.yaml", "nodes"]
    assert len(os.listdir(Path(path, "nodes"))) == 3


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("n1", "nodes/n1.yaml"),
        ("ip-10-0-0-1.ec2.internal", "nodes/ip-10-0-0-1.ec2.internal.yaml"),
        ("a" * 200, f"nodes/{'a' * 200}.yaml"),
    ],
)
def test_a_node_has_its_own_name_as_file(name: str, file: str) -> None:
    assert files.name_file(name) == file


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a" * 201, "a" * 100),
        ("../../etc/passwd", "------etc-passwd"),
        ("A", "-"),
        ("", ""),
        (".", "-"),
        ("a/b", "a-b"),
        ("é", "-"),
        ("a.", "a-"),
        ("a\udcff", "a-"),
    ],
)
def test_a_name_that_could_leave_the_directory_is_hashed(name: str, stem: str) -> None:
    digest = sha256(name.encode("utf-8", "backslashreplace")).hexdigest()
    assert files.name_file(name) == f"nodes/{stem}-{digest[:16]}.yaml"


def test_an_intact_document_of_the_same_boot_is_kept(path: str) -> None:
    entry = write(path)
    before = FleetManifest({}, nodes=(entry,))
    assert choose_kept(path, [NODE], before) == {"n1": entry}
    assert choose_kept(path, [replace(NODE, uid="u2")], before) == {}
    assert choose_kept(path, [replace(NODE, boot_id="b2")], before) == {}
    assert choose_kept(path, [replace(NODE, name="n2")], before) == {}
    Path(path, FILE).write_text("cut")
    assert choose_kept(path, [NODE], before) == {}
    Path(path, FILE).unlink()
    assert choose_kept(path, [NODE], before) == {}


def test_a_document_that_a_killed_run_did_not_list_is_kept(path: str) -> None:
    written = write(path)
    pending = FleetNode("n1", "skipped", "not started", "why", uid="u1", boot_id="b1")
    killed = FleetManifest({}, runs=(FleetRun("abc"),), nodes=(pending,))
    assert choose_kept(path, [NODE], killed) == {"n1": written}
    ended = replace(killed, runs=(FleetRun("abc", state="finished"),))
    assert choose_kept(path, [NODE], ended) == {}
    other = replace(killed, runs=(FleetRun("xyz"),))
    assert choose_kept(path, [NODE], other) == {}
    write(path, replace(SNAPSHOT, metadata={"source-node": "n2", "run-id": "abc"}))
    assert choose_kept(path, [NODE], killed) == {}
    for content in (b"", b"\xff", b"kind: Snapshot\nmeta\xff: 1\nmeasurements: []\n"):
        Path(path, FILE).write_bytes(content)
        assert choose_kept(path, [NODE], killed) == {}


def test_nodes_that_are_gone_keep_their_documents(path: str) -> None:
    entry = write(path)
    before = FleetManifest({}, nodes=(entry, FleetNode("n2", "failed")))
    assert list_departed(["n3"], before) == [entry]
    assert list_departed(["n1"], before) == []
