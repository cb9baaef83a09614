"""Settings of the whole test suite."""

from __future__ import annotations

import os
import sys

# The API client's tests run against the stock packages of .venv and, where this variable names
# their directory, against the slim ones of the zipapp.
if os.environ.get("SNAPSHOT_TEST_PACKAGE_DIR"):
    sys.path.insert(0, os.path.abspath(os.environ["SNAPSHOT_TEST_PACKAGE_DIR"]))
