from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.zipapp import find_running_zipapp, read_zipapp
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


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"PK\x03\x04" + bytes(1_000_000)])
def test_a_file_that_is_not_a_zipapp_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kubectl-snapshot"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest):
        read_zipapp({"KUBECTL_SNAPSHOT_ZIPAPP": str(path)})
