"""Settings of the whole test suite."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys

from hypothesis import HealthCheck, settings

# On a loaded machine generating an input can take seconds, which is no defect of the test.
settings.register_profile("default", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

# A shell's background job starts with SIGINT ignored, one of nohup with SIGHUP, and so would all
# that the tests start and signal.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

# The API client's tests run against the stock packages of .venv and, where this variable names
# their directory, against the slim ones of the zipapp.
if os.environ.get("SNAPSHOT_TEST_PACKAGE_DIR"):
    sys.path.insert(0, os.path.abspath(os.environ["SNAPSHOT_TEST_PACKAGE_DIR"]))


def pytest_report_header() -> list[str]:
    specs = map(importlib.util.find_spec, ("kubectl_snapshot", "kubernetes"))
    return [f"{spec.name}: {spec.origin}" for spec in specs if spec]
