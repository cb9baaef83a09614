"""What names a release's archive for package managers: krew's manifest and Homebrew's formula."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import archives

ROOT = Path(__file__).resolve().parent.parent
NAME = "kubectl-snapshot"


def write_manifests(output: Path, version: str, archive: Path, base_url: str) -> None:
    """Write krew's manifest, a plugin index with it, and with a base URL the Homebrew formula.

    Each is the text to be put into a git repository: the index, or a tap.
    """
    values = {
        "version": version,
        "homepage": base_url,
        "uri": f"{base_url.rstrip('/')}/{archive.name}" if base_url else archive.name,
        "sha256": archives.sha256(archive.read_bytes()),
    }
    manifest = render(ROOT / "krew" / "snapshot.yaml", values)
    write(output / "snapshot.yaml", manifest)
    write(output / "krew-index" / "plugins" / "snapshot.yaml", manifest)
    if base_url:
        formula = render(ROOT / "distribution" / "homebrew" / f"{NAME}.rb", values)
        write(output / f"{NAME}.rb", formula.partition("\n")[2])  # without the template's comment


def render(template: Path, values: Mapping[str, str]) -> str:
    return string.Template(template.read_text()).substitute(values)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
