from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys
from kubectl_snapshot.commands.console.interrupts import install_handlers
from kubectl_snapshot.errors import Terminated
number = getattr(signal, sys.argv[1])
signal.signal(number, getattr(signal, sys.argv[2]))
install_handlers(lambda: "clean up")
try:
    os.kill(os.getpid(), number)
    print("went on")
except Terminated as error:
    print("terminated", error.exit_code)
except KeyboardInterrupt:
    print("interrupted")
"""


def run(name: str, handler: str, script: str = SCRIPT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, name, handler]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("name", "reported"),
    [("SIGINT", "interrupted"), ("SIGTERM", "terminated 143"), ("SIGHUP", "terminated 129")],
)
def test_the_first_signal_is_raised_unless_it_is_ignored_as_by_nohup(
    name: str, reported: str
) -> None:
    assert run(name, "SIG_DFL").stdout == f"{reported}\n"
    assert run(name, "SIG_IGN").stdout == "went on\n"


@pytest.mark.parametrize("close", ["", "os.close(2); "])
def test_the_second_signal_exits_at_once_with_the_command_if_it_can_be_written(close: str) -> None:
    again = f"except KeyboardInterrupt:\n    {close}os.kill(os.getpid(), number)\n    "
    ended = run("SIGINT", "SIG_DFL", SCRIPT.replace("except KeyboardInterrupt:\n    ", again))
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ("clean up" in ended.stderr) is not bool(close)
