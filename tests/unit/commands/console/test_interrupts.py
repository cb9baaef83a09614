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


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_whose_exception_python_ignores_is_raised_again(name: str) -> None:
    ignored = """class Object: pass
    thing = Object()
    callback = weakref.ref(thing, lambda _: os.kill(os.getpid(), number))
    del thing
    time.sleep(20)
    """
    script = SCRIPT.replace("os.kill(os.getpid(), number)\n    ", ignored)
    hook = "sys.unraisablehook = raise_again\ninstall_handlers("
    script = script.replace("install_handlers(", hook)
    script = f"import time, weakref\nfrom kubectl_snapshot.main import raise_again\n{script}"
    ended = run(name, "SIG_DFL", script)
    assert ended.stdout == ("interrupted\n" if name == "SIGINT" else "terminated 143\n")
    assert ended.stderr == ""


def test_other_ignored_exceptions_are_printed() -> None:
    script = "from kubectl_snapshot.main import raise_again\nimport sys\n" + (
        "sys.unraisablehook = raise_again\n"
        "class Object:\n    def __del__(self): raise ValueError('seen')\n"
        "Object()\n"
    )
    assert "ValueError: seen" in run("", "", script).stderr
