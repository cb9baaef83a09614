from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.shim import SHIM_NAME, ensure_shim
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A kubectl-snapshot, in a directory with a space, that prints its arguments."""
    directory = tmp_path / "my bin"
    directory.mkdir()
    path = directory / "kubectl-snapshot"
    path.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    path.chmod(0o755)
    return path


def install(directory: Path, is_zipapp: bool = False) -> tuple[str, bool]:
    return ensure_shim(str(directory), is_zipapp)


def test_the_shim_is_next_to_the_program_and_passes_all_arguments(program: Path) -> None:
    path, is_new = install(program.parent)
    assert (Path(path).parent, Path(path).name, is_new) == (program.parent, SHIM_NAME, True)
    done = subprocess.run([path, "--node", "a b", ""], capture_output=True, text=True, check=True)
    assert done.stdout == "<__complete-for-kubectl><--node><a b><>"


def test_a_zipapp_is_run_by_a_python_without_site_packages(program: Path, tmp_path: Path) -> None:
    program.write_text("import sys; print(sys.flags.isolated, sys.flags.no_site, sys.argv[1:])")
    path, _ = install(program.parent, is_zipapp=True)
    (tmp_path / "python3").symlink_to(sys.executable)
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"}
    done = subprocess.run([path, "-"], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "1 1 ['__complete-for-kubectl', '-']\n"


def test_installing_twice_changes_nothing(program: Path) -> None:
    path, _ = install(program.parent)
    before = os.stat(path)
    assert install(program.parent) == (path, False)
    after = os.stat(path)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_shim_of_another_version_is_replaced(program: Path) -> None:
    path, _ = install(program.parent)
    assert install(program.parent, is_zipapp=True) == (path, True)
    assert "python3 -IS" in Path(path).read_text()


def test_the_shim_is_next_to_a_link_and_not_to_its_target(program: Path, tmp_path: Path) -> None:
    links = tmp_path / "krew"  # as in ~/.krew/bin
    links.mkdir()
    (links / "kubectl-snapshot").symlink_to(program)
    path, _ = install(links)
    assert Path(path).parent == links
    assert os.listdir(program.parent) == ["kubectl-snapshot"]


def test_another_program_of_that_name_is_not_overwritten(program: Path) -> None:
    other = program.parent / SHIM_NAME
    other.write_text("#!/bin/sh\necho mine\n")
    with pytest.raises(InvalidRequest, match="belongs to another program") as caught:
        install(program.parent)
    assert "mv " in caught.value.hint
    assert "mine" in other.read_text()


def test_a_program_that_is_not_on_the_path_has_a_hint(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="on the PATH") as caught:
        install(tmp_path)
    assert "directory of the PATH" in caught.value.hint


def test_a_directory_that_is_not_writable_is_named(program: Path) -> None:
    # A link into a directory that cannot be made: refused to root, too.
    (program.parent / SHIM_NAME).symlink_to("/proc/none/shim")
    with pytest.raises(Internal, match="cannot write") as caught:
        install(program.parent)
    assert str(program.parent) in caught.value.hint
