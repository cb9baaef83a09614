"""The tutorials, step by step in a copy of the tree, as a newcomer would do them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from kubectl_snapshot.document.codec.parse import parse_document
from tests import docs_support as docs

MODULE, PACKAGE = "docs/tutorial-collector.md", "docs/tutorial-package.md"
NOT_COPIED = (".git", ".venv", "build", "dist", ".*_cache", ".hypothesis", "__pycache__")
# With a secret and a free huge page more, as a second snapshot of the same node.
CHECK = """
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.redaction.measurements import redact_measurements
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype

def host(free):
    proxy = Subtype("environment", {"HTTPS_PROXY": "http://ops:hunter22@proxy:3128"})
    pages = Subtype("hugepages", {"HugePages_Total": "512", "HugePages_Free": free})
    redaction = Redaction(key=b"a key of 128 bits")
    return redact_measurements([Measurement("Host", (proxy, pages))], redaction, REGISTRY)

assert "hunter22" not in str(host("1"))
diff = diff_snapshots(Snapshot({}, host("1")), Snapshot({}, host("2")), REGISTRY)
assert (diff.changes, diff.left_out) == ((), 1)
"""


def test_the_first_tutorial_ends_with_a_new_measurement(tmp_path: Path) -> None:
    # The module, its test and the changelog; one table.
    tree = follow(MODULE, copy_tree(tmp_path), files=3, edited=1)
    snapshot = parse_document((tree / "here.yaml").read_text(encoding="utf-8"))
    (measurement,) = (m for m in snapshot.measurements if m.type == "Host")
    assert [subtype.name for subtype in measurement.subtypes] == ["environment", "hugepages"]
    page = (tree / "docs/format.md").read_text("utf-8")
    assert "| [`Host`](#host) | `hugepages` | text |" in page
    assert "\n### Host.environment\n" in page
    subprocess.run([tree / ".venv/bin/python", "-c", CHECK], cwd=tree, check=True)


def test_the_second_tutorial_ends_with_a_package_and_a_finding(tmp_path: Path) -> None:
    # Five modules, their test and the changelog; two tables and the test of all findings.
    tree = follow(PACKAGE, copy_tree(tmp_path), files=7, edited=3)
    page = (tree / "docs/format.md").read_text("utf-8")
    assert "| [`Login`](#login) | `limits` | text |" in page
    assert "\n### Login.defs\n" in page


def follow(page: str, tree: Path, files: int, edited: int) -> Path:
    """Do all steps of a tutorial in a tree; it writes and edits this number of files."""
    blocks = [b for b in docs.read_blocks() if b.page == page and b.where]
    assert {block.action for block in blocks} == {"run", "file", "edit"}
    assert [b.action for b in blocks].count("file") == files
    assert len({b.where for b in blocks if b.action == "edit"}) == edited
    for block in blocks:
        if block.action == "run":
            run_in(tree, block)
        else:
            change_file(tree / block.where, block)
    return tree


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
