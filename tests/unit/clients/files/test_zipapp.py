from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

import kubectl_snapshot
from kubectl_snapshot.clients.files.zipapp import (
    find_packaged_zipapp,
    find_running_zipapp,
    read_zipapp,
)
from kubectl_snapshot.errors import InvalidRequest, NotFound


def test_the_variable_names_the_file(tmp_path: Path) -> None:
    content = io.BytesIO(b"#!/usr/bin/env python3\n")
    content.seek(0, io.SEEK_END)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("__main__.py", "")
    path = tmp_path / "kubectl-snapshot"
    path.write_bytes(content.getvalue())
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    assert read_zipapp({"KUBECTL_SNAPSHOT_ZIPAPP": str(path)}) == (content.getvalue(), digest)


def test_without_a_zipapp_the_error_has_a_hint() -> None:
    assert find_running_zipapp() == ""
    with pytest.raises(NotFound) as caught:
        read_zipapp({})
    assert "--agent image" in caught.value.hint


def test_an_installed_wheel_has_its_own_zipapp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "kubectl_snapshot"
    packaged = package / "payload" / "kubectl-snapshot"
    packaged.parent.mkdir(parents=True)
    monkeypatch.setattr(kubectl_snapshot, "__file__", str(package / "__init__.py"))
    assert find_packaged_zipapp() == ""
    packaged.write_bytes(b"PK\x03\x04")
    assert find_packaged_zipapp() == str(packaged)
    assert read_zipapp({})[0] == b"PK\x03\x04"
    other = tmp_path / "other"
    other.write_bytes(b"PK\x03\x04other")
    assert read_zipapp({"KUBECTL_SNAPSHOT_ZIPAPP": str(other)})[0] == b"PK\x03\x04other"


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"PK\x03\x04" + bytes(1_000_000)])
def test_a_file_that_is_not_a_zipapp_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kubectl-snapshot"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest):
        read_zipapp({"KUBECTL_SNAPSHOT_ZIPAPP": str(path)})
