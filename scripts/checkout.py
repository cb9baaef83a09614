"""Run a script with the Python of the checkout's .venv."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"


def use_venv() -> None:
    """Restart this program with .venv's Python, which has the build dependencies.

    Does nothing if that Python already runs it, or if there is no .venv yet (`make setup`).
    """
    python = VENV / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
