from __future__ import annotations

import ast
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

from kubectl_snapshot.job.bootstrap import PROGRAM, build_command

IMPORTER = "import sys\ndef import_from(path):\n    sys.path.insert(0, path + '/packages')\n"
MAIN = "def main():\n    import sys\n    print('ran', sys.argv)\n    return 7\n"


def write_zip(path: Path) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("importer.py", IMPORTER)
        archive.writestr("packages/kubectl_snapshot/__init__.py", "")
        archive.writestr("packages/kubectl_snapshot/main.py", MAIN)
    path.write_bytes(content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def start(digest: str, path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *build_command(digest, str(path))[1:], *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_file_runs_from_memory_with_its_own_arguments(tmp_path: Path) -> None:
    digest = write_zip(tmp_path / "zipapp")
    ended = start(digest, tmp_path / "zipapp", "collect", "--run-id=x")
    assert ended.stdout == "ran ['kubectl-snapshot', 'collect', '--run-id=x']\n"
    assert ended.returncode == 7


def test_a_changed_file_runs_nothing(tmp_path: Path) -> None:
    digest = write_zip(tmp_path / "zipapp")
    with open(tmp_path / "zipapp", "ab") as file:
        file.write(b"\0")
    ended = start(digest, tmp_path / "zipapp")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "was changed on its way" in ended.stderr


def test_an_old_python_can_read_the_refusal() -> None:
    first = PROGRAM.split("import hashlib")[0]
    assert "sys.version_info < (3, 9)" in first
    assert not [n for n in ast.walk(ast.parse(PROGRAM)) if isinstance(n, ast.JoinedStr)]
