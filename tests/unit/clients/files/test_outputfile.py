from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.outputfile import write_whole
from kubectl_snapshot.errors import Internal


def test_a_file_is_replaced_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    write_whole(str(path), "new: \u00e9\n")
    assert path.read_text(encoding="utf-8") == "new: \u00e9\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


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
