"""What scripts/build-zipapp makes, and what it refuses."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import io
import os
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.constants import MAX_ZIPAPP_BYTES
from tests.integration.conftest import PROGRAM, ROOT, Build, build_zipapp

MAX_OWN_BYTES = 640_000
PACKAGES, INDEX = "site-packages.zip", "site-packages.txt"
PREBUILT = "kubectl_snapshot/collectors/registry.py"
# Distributions without a licence file: the module whose head has the text, and words of it.
ELLIPSIS = ast.Expr(ast.Constant(...))
LICENCE_IN_MODULE = {"nvidia_ml_py": ("pynvml.py", "Redistributions in binary form must")}


def test_two_clean_builds_have_the_same_bytes(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    umask = os.umask(0o077)
    try:
        again = build_zipapp(tmp_path)
    finally:
        os.umask(umask)
    assert again.zipapp.read_bytes() == build.zipapp.read_bytes()


def test_it_fits_into_one_configmap(build: Build) -> None:
    assert build.zipapp.stat().st_size <= MAX_ZIPAPP_BYTES


def test_our_code_and_the_licences_leave_room_for_the_rest(build: Build) -> None:
    with zipfile.ZipFile(build.zipapp) as archive:
        own = [m.compress_size for m in archive.infolist() if m.filename != PACKAGES]
    own += [
        member.compress_size
        for member in open_packages(build).infolist()
        if member.filename.startswith("kubectl_snapshot/") or ".dist-info/" in member.filename
    ]
    assert 0 < sum(own) <= MAX_OWN_BYTES


def test_it_can_be_executed_and_finds_python_by_path(build: Build) -> None:
    assert build.zipapp.stat().st_mode & 0o777 == 0o755
    assert build.zipapp.read_bytes().startswith(b"#!/usr/bin/env python3\n")


def test_only_text_is_in_it(build: Build) -> None:
    # What is compiled, for whichever processor and system, has zero bytes: docs/support.md, arm64.
    for archive in (zipfile.ZipFile(build.zipapp), open_packages(build)):
        names = [name for name in archive.namelist() if name != PACKAGES]
        binary = [name for name in names if b"\0" in archive.read(name)]
        compiled = [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
        assert not binary and not compiled


def test_the_index_says_where_each_module_is(build: Build) -> None:
    content = build.zipapp.read_bytes()
    start = content.index(b"PK\3\4")
    packages = open_packages(build)
    with zipfile.ZipFile(build.zipapp) as archive:
        assert archive.namelist()[0] == PACKAGES
        index = dict(line.split("\t") for line in archive.read(INDEX).decode().splitlines())
    assert list(index) == packages.namelist()
    for name, place in index.items():
        offset, size = map(int, place.split())
        packed = content[start + offset : start + offset + size]
        assert zlib.decompress(packed, -15) == packages.read(name)


def open_packages(build: Build) -> zipfile.ZipFile:
    """Return the zip of the packages in the built file."""
    with zipfile.ZipFile(build.zipapp) as archive:
        return zipfile.ZipFile(io.BytesIO(archive.read(PACKAGES)))


def test_our_modules_are_the_repositorys_but_for_prose_each_line_where_it_was(build: Build) -> None:
    for path in (ROOT / "kubectl_snapshot").rglob("*.py"):
        if path == ROOT / PREBUILT:
            continue
        written = path.read_text(encoding="utf-8")
        packed = (build.packages / path.relative_to(ROOT)).read_text(encoding="utf-8")
        assert lines_of_code(packed) == lines_of_code(written), path
        assert "#" not in {token.string[0] for token in tokens_of(packed) if token.string}, path


def test_modules_of_others_say_that_they_are_cut_and_do_the_same(build: Build) -> None:
    locked = next(build.packages.parent.glob("locked-*"))
    compared = 0
    for path in locked.rglob("*.py"):
        module = build.packages / path.relative_to(locked)
        if not module.exists() or module.read_bytes() == path.read_bytes():
            continue
        if (ROOT / "scripts/zipapp/stubs" / path.relative_to(locked)).exists():
            continue
        packed = module.read_text(encoding="utf-8")
        # Patterns that are compiled at their first use (COMPILED_LATE in scripts/build-zipapp).
        packed = re.sub(r"^import re; _late = .*$", "import re", packed, flags=re.MULTILINE)
        packed = re.sub(r"^(\w+ = )_late\(", r"\1re.compile(", packed, flags=re.MULTILINE)
        assert lines_of_code(packed) == lines_of_code(path.read_text(encoding="utf-8")), path
        assert "kubectl-snapshot" in packed.split("\n")[0], path
        compared += 1
    assert compared > 50


def test_the_collectors_declarations_are_in_it_by_value(build: Build) -> None:
    packed: dict[str, object] = {}
    source = (build.packages / PREBUILT).read_text(encoding="utf-8")
    exec(source, packed)
    assert packed["REGISTRY"] == REGISTRY
    assert "all_collectors" not in source


def lines_of_code(source: str) -> list[tuple[int, str]]:
    """Return each statement that does something with its line, none of its positions within."""
    return [
        (node.lineno, ast.dump(node))
        for node in ast.walk(without_types(without_docstrings(ast.parse(source))))
        if isinstance(node, (ast.stmt, ast.expr)) and not is_placeholder(node)
    ]


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if ast.get_docstring(node) is not None:
            node.body[:1] = [] if node.body[1:] or isinstance(node, ast.Module) else [ELLIPSIS]
    return tree


def without_types(tree: ast.Module) -> ast.Module:
    """Return the module without what only mypy reads: functions' annotations, what is for them."""
    tree.body = [n for n in tree.body if not is_typing_block(n) and not is_typing_import(n)]
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return tree


def is_typing_block(node: ast.stmt) -> bool:
    test = ast.unparse(node.test) if isinstance(node, ast.If) and not node.orelse else ""
    return test in ("TYPE_CHECKING", "t.TYPE_CHECKING", "typing.TYPE_CHECKING")


def is_typing_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "typing"


def is_placeholder(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Expr) else node
    return isinstance(value, ast.Constant) and value.value is ...


def tokens_of(source: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(source).readline)


SOURCE = '''"""Doc."""
from typing import TYPE_CHECKING, Any, Union
from typing import NoReturn
if TYPE_CHECKING:
    from a import (  # why
        B,
    )
ß = "# no comment"  # é, a comment
def f(ü: B, *, x: dict[
    str, B
] = {}) -> B:
    """A
    b."""
class C:
    field: Any = Union[int, str]
    def g(self, *a: B, **b: B) -> tuple[
        B
    ]: return lambda c: 1 if c else "->"
'''
SLIM = """
from typing import Union





ß = "# no comment"
def f(ü, *, x

 = {}):
    ...

class C:
    field: Any = Union[int, str]
    def g(self, *a, **b) -> tuple[
        B
    ]: return lambda c: 1 if c else "->"
"""


def test_prose_and_types_are_distinguished_from_code_and_texts(program: ModuleType) -> None:
    assert program.slim(SOURCE) == SLIM
    ast.parse(SLIM)


LICENSED = """# Licence: keep
# this.
import a  # why
def f(x: int) -> int:
    '''A'''
    return x
"""
CUT_LICENSED = """# Licence: keep# kubectl-snapshot cut comments and docstrings
# this.
import a
def f(x: int) -> int:

    return x
"""


def test_a_licence_and_annotations_of_others_stay(program: ModuleType) -> None:
    assert program.slim_package(LICENSED) == CUT_LICENSED
    assert program.slim_package("") == ""


def test_the_licence_of_every_package_is_in_it(build: Build) -> None:
    locked = re.findall(r"^([\w-]+)==", (ROOT / "requirements/runtime.txt").read_text(), re.M)
    wanted = {name.replace("-", "_") for name in [*locked, "kubectl-snapshot"]}
    with open_packages(build) as archive:
        found = {
            re.split(r"[-.]", name.split("/")[0])[0]
            for name in archive.namelist()
            if ".dist-info/" in name and len(archive.read(name)) > 500
        }
        licences = "kubectl_snapshot.dist-info/licenses"
        apache = archive.read(f"{licences}/THIRD-PARTY").decode().splitlines()[1:]
        assert b"Apache License" in archive.read(f"{licences}/LICENSE")
    found.update(name.replace("-", "_") for name in apache)
    for name, (module, words) in LICENCE_IN_MODULE.items():
        if words in (build.packages / module).read_text():
            found.add(name)
    assert found == wanted


def test_changed_files_of_kubernetes_say_that_they_were_changed(build: Build) -> None:
    stubs = ROOT / "scripts" / "zipapp" / "stubs"  # Apache-2.0, section 4 (b)
    silent = [
        str(path.relative_to(stubs))
        for path in (stubs / "kubernetes").rglob("*.py")
        if "kubectl-snapshot" not in (build.packages / path.relative_to(stubs)).read_text()
    ]
    assert not silent


@pytest.fixture
def program() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("build_zipapp", str(PROGRAM))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def lists(program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of two files, one kept and one dropped by lists of its own."""
    monkeypatch.setattr(program, "DATA", tmp_path)
    (tmp_path / "kept.txt").write_text("# why\nlib/*.py\n")
    (tmp_path / "dropped.txt").write_text("lib/tests/**\n")
    (tmp_path / "tree/lib/tests/deep").mkdir(parents=True)
    (tmp_path / "tree/lib/used.py").touch()
    (tmp_path / "tree/lib/tests/deep/test_used.py").touch()
    return tmp_path / "tree"


def test_kept_files_stay_and_dropped_ones_go(program: ModuleType, lists: Path) -> None:
    program.select_files(lists)
    left = [path.relative_to(lists) for path in lists.rglob("*") if path.is_file()]
    assert left == [Path("lib/used.py")]


def test_a_file_that_no_list_names_fails_the_build(program: ModuleType, lists: Path) -> None:
    (lists / "lib/native").mkdir()
    (lists / "lib/native/new.py").touch()
    with pytest.raises(SystemExit, match=r"lib/native/new\.py"):
        program.select_files(lists)


def test_a_pattern_that_matches_nothing_fails_the_build(program: ModuleType, lists: Path) -> None:
    (lists.parent / "kept.txt").write_text("lib/*.py\nlib/gone.py\n")
    with pytest.raises(SystemExit, match=r"lib/gone\.py"):
        program.select_files(lists)
