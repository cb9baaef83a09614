"""Debian and RPM packages of a release, by nfpm: the program, man pages and completions."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import string
import subprocess
import sys
import tempfile
from pathlib import Path

import archives

ROOT = Path(__file__).resolve().parent.parent
NAME = "kubectl-snapshot"
NFPM = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.0"
# The directory of zsh's functions differs, by format.
FORMATS = {"deb": "vendor-completions", "rpm": "site-functions"}


def build_packages(output: Path, zipapp: Path, version: str) -> None:
    """Write a package of each format to a directory; exit if nfpm is missing or fails."""
    nfpm = shutil.which("nfpm")
    if nfpm is None:
        sys.exit(f"error: cannot build packages: nfpm not found\n hint: use go install {NFPM}")
    with tempfile.TemporaryDirectory() as directory:
        template = string.Template((ROOT / "scripts" / "nfpm.yaml").read_text())
        config = Path(directory, "nfpm.yaml")
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(archives.EPOCH)}
        for format_, zsh_directory in FORMATS.items():
            tree = Path(directory, format_)
            build_tree(tree, zipapp, zsh_directory)
            config.write_text(template.substitute(version=version, tree=tree))
            words: list[str | Path] = [nfpm, "package", "-f", config, "-p", format_, "-t", output]
            done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{done.stdout}{done.stderr}error: nfpm failed")


def build_tree(tree: Path, zipapp: Path, zsh_directory: str) -> None:
    """Write the files of a package below a directory, as they are installed below /."""
    program = tree / "usr" / "bin" / NAME
    program.parent.mkdir(parents=True)
    shutil.copyfile(zipapp, program)
    program.chmod(0o755)
    run_program(program, "completion", "bash", "--install")  # writes kubectl's shim beside it
    share = tree / "usr" / "share"
    for shell, path in {
        "bash": f"bash-completion/completions/{NAME}",
        "zsh": f"zsh/{zsh_directory}/_{NAME}",
        "fish": f"fish/vendor_completions.d/{NAME}.fish",
    }.items():
        write(share / path, run_program(program, "completion", shell))
    for name, page in render_man_pages().items():
        packed = gzip.compress(page.encode(), 9, mtime=0)
        write(share / "man" / "man1" / f"{name}.gz", packed)
    write(share / "doc" / NAME / "copyright", (ROOT / "LICENSE").read_bytes())


def render_man_pages() -> dict[str, str]:
    """Return the man pages by file name, from the parsers of these sources."""
    command = [sys.executable, str(ROOT / "scripts" / "man_pages.py")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    pages: dict[str, str] = json.loads(done.stdout)
    return pages


def run_program(program: Path, *words: str) -> bytes:
    """Return the program's stdout; it finds itself, and no cache, in its environment."""
    env = {"PATH": f"{program.parent}{os.pathsep}{os.defpath}", "LANG": "C.UTF-8"}
    command = [sys.executable, "-IS", str(program), *words]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True).stdout


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)
