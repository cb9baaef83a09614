"""Commands that are stopped and continued, by a shell or a sleeping machine, and under nohup."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

PATIENCE_S = 60
TIMEOUT_S = 3
VERSION = {"gitVersion": "v1.34.0"}
COMMAND = (
    sys.executable,
    "-m",
    "kubectl_snapshot",
    "version",
    "--request-timeout",
    f"{TIMEOUT_S}s",
)
NOHUP = shutil.which("nohup")
# Its clock jumps a day ahead and back; time.monotonic() goes on.
JUMPING = """
import itertools, sys, time
jumps = itertools.cycle((0, 86400, -86400))
time.time = (lambda now: lambda: now() + next(jumps))(time.time)
from kubectl_snapshot.main import main
sys.exit(main(sys.argv[1:]))
"""


class Api:
    """Answers a request once it is released."""

    def __init__(self, resets: int = 0) -> None:
        self.resets = resets
        self.asked, self.released, self.answered = (threading.Event() for _ in range(3))

    def answer(self, exchange: Exchange) -> None:
        self.asked.set()
        self.released.wait(PATIENCE_S)
        if self.resets:
            self.resets -= 1
            exchange.reset()
        else:
            exchange.send(200, VERSION)
        self.answered.set()


@contextmanager
def started(
    command: Sequence[str], home: Path, resets: int = 0
) -> Iterator[tuple[Api, subprocess.Popen[str]]]:
    """Run a command until its request has arrived; yield the server and the process."""
    api = Api(resets)
    with serve(api.answer) as server:
        config = write_kubeconfig(home / "config", {"server": server.url}, {})
        env = {**os.environ, "KUBECONFIG": config, "HOME": str(home)}
        process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert api.asked.wait(PATIENCE_S), process.communicate(timeout=1)
            yield api, process
        finally:
            api.released.set()
            process.kill()
            process.communicate()


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


def test_a_command_that_was_stopped_in_time_goes_on(tmp_path: Path) -> None:
    command = (*COMMAND[:-1], f"{PATIENCE_S}s")
    with started(command, tmp_path) as (api, process):
        stop(process)
        api.released.set()
        assert api.answered.wait(PATIENCE_S)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, VERSION["gitVersion"] in out) == (0, True), err


@pytest.mark.parametrize("is_answered", [False, True])
def test_a_command_that_was_stopped_past_its_deadline_ends_at_once(
    tmp_path: Path, is_answered: bool
) -> None:
    with started(COMMAND, tmp_path) as (api, process):
        stop(process)
        if is_answered:
            api.released.set()
        threading.Event().wait(TIMEOUT_S)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=PATIENCE_S / 2)
    assert (process.returncode, "Traceback" in err) == (5, False), err


def test_a_connection_that_died_while_the_machine_slept_is_opened_again(tmp_path: Path) -> None:
    command = (*COMMAND[:-1], f"{PATIENCE_S}s")
    with started(command, tmp_path, resets=1) as (api, process):
        stop(process)
        api.released.set()
        assert api.answered.wait(PATIENCE_S)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, VERSION["gitVersion"] in out) == (0, True), err


def test_a_clock_that_jumps_changes_no_deadline(tmp_path: Path) -> None:
    command = (sys.executable, "-c", JUMPING, *COMMAND[3:-1], f"{PATIENCE_S}s")
    with started(command, tmp_path) as (api, process):
        api.released.set()
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, VERSION["gitVersion"] in out) == (0, True), err


@pytest.mark.skipif(NOHUP is None, reason="there is no nohup")
def test_a_hangup_does_not_end_a_command_under_nohup(tmp_path: Path) -> None:
    command = (str(NOHUP), *COMMAND[:-1], f"{PATIENCE_S}s")
    with started(command, tmp_path) as (api, process):
        process.send_signal(signal.SIGHUP)
        api.released.set()
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, VERSION["gitVersion"] in out) == (0, True), err


@pytest.mark.skipif(NOHUP is None, reason="there is no nohup")
def test_under_nohup_sigterm_still_ends_a_command(tmp_path: Path) -> None:
    command = (str(NOHUP), *COMMAND[:-1], f"{PATIENCE_S}s")
    with started(command, tmp_path) as (_, process):
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (143, -signal.SIGTERM)
