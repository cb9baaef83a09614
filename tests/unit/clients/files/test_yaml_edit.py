"""Single values of a YAML file are changed, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files import yaml_edit
from kubectl_snapshot.clients.files.yaml_edit import NotEditable, replace_in_file, replace_values

PLACE = ("users", ("name", "ann"), "user", "token")
CHANGE = {PLACE: ("old", 'new: "#')}
NEW = '"new: \\"#"'
BLOCK = """\
# old: a comment
users:
- name: bob
  user: {token: old}
- user:
    token: old   # old
    note: old
  name: ann
- name: ann
  user: {token: old}
old: [old]
"""


def test_one_value_is_replaced_and_comments_and_others_stay() -> None:
    expected = BLOCK.replace("    token: old ", f"    token: {NEW} ")
    assert replace_values(BLOCK, CHANGE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("users: [{name: ann, user: {token: old}}]", "users: [{name: ann, user: {token: @}}]"),
        (
            '{"users": [{"name": "ann", "user": {"token": "old"}}]}',
            '{"users": [{"name": "ann", "user": {"token": @}}]}',
        ),
        (
            "users:\n- name: ann\n  user:\n    token: >-\n      old\n    b: c\n",
            "users:\n- name: ann\n  user:\n    token: @\n    b: c\n",
        ),
        (
            "users:\r\n- name: ann\r\n  user:\r\n    token: 'old'\r\n",
            "users:\r\n- name: ann\r\n  user:\r\n    token: @\r\n",
        ),
        (
            "users:\r\n- name: ann\r\n  user:\r\n    token: |-\r\n      old\r\n    b: c\r\n",
            "users:\r\n- name: ann\r\n  user:\r\n    token: @\r\n    b: c\r\n",
        ),
        (
            "users: [{name: ann, user: {token: old}}]\n---\nother: old\n",
            "users: [{name: ann, user: {token: @}}]\n---\nother: old\n",
        ),
    ],
    ids=["flow", "json", "folded", "crlf", "literal-crlf", "documents"],
)
def test_every_style_is_changed_in_its_place(text: str, expected: str) -> None:
    assert replace_values(text, CHANGE) == expected.replace("@", NEW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "users: [{name: ann, user: {a: 1, b: 2}}]",
            'users: [{name: ann, user: {"token": @, a: 1, b: 2}}]',
        ),
        (
            "users:\n- name: ann\n  user:\n    # c\n    a: 1\n    b: 2\n",
            'users:\n- name: ann\n  user:\n    # c\n    "token": @\n    a: 1\n    b: 2\n',
        ),
        (
            "users:\r\n- name: ann\r\n  user:\r\n    a: 1\r\n",
            'users:\r\n- name: ann\r\n  user:\r\n    "token": @\r\n    a: 1\r\n',
        ),
        ("users: [{name: ann, user: {token: ''}}]", "users: [{name: ann, user: {token: @}}]"),
        ("users: [{name: ann, user: {token: old}}]", "users: [{name: ann, user: {token: old}}]"),
        ("users: [{name: ann, user: {token: [a]}}]", "users: [{name: ann, user: {token: [a]}}]"),
        ("users: [{name: ann, user: {}}]", "users: [{name: ann, user: {}}]"),
    ],
)
def test_a_missing_value_is_added(text: str, expected: str) -> None:
    changed = replace_values(text, {PLACE: ("", CHANGE[PLACE][1])})
    assert changed == expected.replace("@", NEW)


@pytest.mark.parametrize(
    "text",
    [
        "users: [{name: ann, user: {token: other}}]",
        "users: [{name: ann, user: {}}]",
        "users: [{name: bob, user: {token: old}}]",
        "users: {name: ann}",
        "[users]",
        "",
    ],
)
def test_a_value_that_is_not_the_old_one_stays(text: str) -> None:
    assert replace_values(text, CHANGE) == text


@pytest.mark.parametrize(
    "text",
    [
        "users: [{name: ann, user: {token: &t old, also: *t}}]",
        "also: &t old\nusers: [{name: ann, user: {token: *t}}]",
        "users: [{name: ann, user: &u {token: old}}, {name: bob, user: *u}]",
        "users: [{name: ann, user: {token: old, token: old}}]",
    ],
)
def test_a_value_that_is_used_elsewhere_is_not_changed(text: str) -> None:
    with pytest.raises(NotEditable):
        replace_values(text, CHANGE)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_keeps_its_encoding_and_mode(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "config"
    path.write_bytes((BLOCK + "# ü").encode(codec))
    path.chmod(0o604)
    assert replace_in_file(str(path), CHANGE)
    expected = BLOCK.replace("    token: old ", f"    token: {NEW} ")
    assert path.read_bytes().decode(codec) == expected + "# ü"
    assert path.stat().st_mode & 0o777 == 0o604
    assert os.listdir(tmp_path) == ["config"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(BLOCK)
    os.chown(path, 1234, 4321)
    assert replace_in_file(str(path), CHANGE)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_nothing_to_change_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("{}")
    number = path.stat().st_ino
    assert not replace_in_file(str(path), CHANGE)
    assert path.stat().st_ino == number


@pytest.mark.parametrize("content", [b"\xff\xff", b"a: [", b"a:\n\tb: c\n"])
def test_a_file_that_cannot_be_read_is_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(NotEditable):
        replace_in_file(str(path), CHANGE)
    assert path.read_bytes() == content


def test_a_write_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    path.write_text(BLOCK)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(yaml_edit.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        replace_in_file(str(path), CHANGE)
    assert path.read_text() == BLOCK
    assert os.listdir(tmp_path) == ["config"]
