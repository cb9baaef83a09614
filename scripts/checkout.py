"""What the scripts share that people type themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"


def use_venv() -> None:
    """Start this program anew by the checkout's own Python, which has what builds need.

    Does nothing where that runs it already, or where `make setup` has not made one.
    """
    python = VENV / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
