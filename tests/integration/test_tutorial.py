"""docs/tutorial-collector.md, step by step in a copy of the tree, as a newcomer would do it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from kubectl_snapshot.document.codec.parse import parse_document
from tests import docs_support as docs

PAGE = "docs/tutorial-collector.md"
NOT_COPIED = (".git", ".venv", "build", "dist", ".*_cache", ".hypothesis", "__pycache__")


def test_the_tutorial_ends_with_a_new_measurement(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path)
    blocks = [b for b in docs.read_blocks() if b.page == PAGE and b.where]
    assert {block.action for block in blocks} == {"run", "file", "edit", "append"}
    for block in blocks:
        if block.action == "run":
            run_in(tree, block)
        else:
            change_file(tree / block.where, block)
    snapshot = parse_document((tree / "here.yaml").read_text(encoding="utf-8"))
    (measurement,) = (m for m in snapshot.measurements if m.type == "Memory")
    (subtype,) = measurement.subtypes
    # Whether this machine's kernel has huge pages does not matter; that it was looked for does.
    assert (subtype.name, subtype.status in ("ok", "absent")) == ("thp", True)
    assert "| [`Memory`](#memory) | `thp` | text |" in (tree / "docs/format.md").read_text("utf-8")


def copy_tree(directory: Path) -> Path:
    """Return a checkout of what is in this tree now, with its virtual environment."""
    tree = directory / "tree"
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    shutil.copytree(docs.ROOT, tree, symlinks=True, ignore=ignored)
    (tree / ".venv").symlink_to(docs.ROOT / ".venv")
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tree, check=True)
    return tree


def change_file(path: Path, block: docs.Block) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if block.action == "file":
        assert not before, f"{path} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        after = block.text
    elif block.action == "append":
        after = before + block.text
    else:
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert before.count(old) == 1, f"{block.where} does not have once:\n{old}"
        after = before.replace(old, new)
    path.write_text(after, encoding="utf-8")


def run_in(tree: Path, block: docs.Block) -> None:
    # Without what this run of pytest and a virtual environment put there; no cluster is wanted.
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    environment = {**kept, "HOME": str(tree.parent)}
    for command in docs.parse_commands(block):
        done = subprocess.run(
            ["bash", "-c", command.line],
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command.line} ended with\n{done.stdout}"
        if command.output is not None:
            docs.compare_output(command, done.stdout.splitlines())
