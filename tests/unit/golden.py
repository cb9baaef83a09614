"""Golden files: the whole artefact under tests/golden, rewritten where SNAPSHOT_REGEN=1 is set."""

from __future__ import annotations

import json
import os
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def check_golden(name: str, artefact: object) -> None:
    """Compare a text, or a value as JSON in its own key order, with the golden of that name."""
    if isinstance(artefact, str):
        text = artefact
    else:
        text = json.dumps(artefact, indent=2, ensure_ascii=False) + "\n"
    path = GOLDEN / name
    if os.environ.get("SNAPSHOT_REGEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert path.exists(), f"{path} is missing: write it with SNAPSHOT_REGEN=1"
    assert text == path.read_bytes().decode(), f"differs from {path}"
