"""Child processes that exit, fail, hang and write without end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host import child
from kubectl_snapshot.clients.host.child import Output, run_module, run_program
from kubectl_snapshot.errors import Internal

LONG_S = 30.0
# Longer than Python needs to start on a busy machine.
SILENCE_S = 4


def soon(seconds: float = LONG_S) -> float:
    return time.monotonic() + seconds


def test_the_output_is_returned_with_the_exit_status() -> None:
    output = run_program(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], soon())
    assert (sorted(output.content.split()), output.status) == ([b"err", b"out"], 3)


def test_a_program_that_hangs_is_killed_at_the_deadline_and_its_output_kept() -> None:
    started = time.monotonic()
    output = run_program(["/bin/sh", "-c", "echo $$; exec sleep 60"], soon(0.5))
    assert 0.4 < time.monotonic() - started < 5
    assert (output.status, output.is_silent) == (None, False)
    with pytest.raises(ProcessLookupError):
        os.kill(int(output.content), 0)


def run_slowly(words: str, silence_s: float) -> Output:
    script = f"import time, sys\nfor _ in range(6): time.sleep(1); {words}"
    return child._run(script, [], soon(), silence_s)


def test_a_child_that_still_writes_is_not_silent() -> None:
    output = run_slowly("print('.', flush=True)", silence_s=SILENCE_S)
    assert (output.content.split(), output.status, output.is_silent) == ([b"."] * 6, 0, False)


def test_a_child_that_writes_nothing_for_some_time_is_killed_and_its_output_kept() -> None:
    started = time.monotonic()
    output = run_slowly("print('.', flush=True); time.sleep(60)", silence_s=SILENCE_S)
    assert (output.content, output.status, output.is_silent) == (b".\n", None, True)
    assert SILENCE_S < time.monotonic() - started < LONG_S


def test_a_child_that_closes_its_output_and_hangs_is_killed_after_a_silence() -> None:
    started = time.monotonic()
    output = run_slowly("import os; os.close(1); os.close(2); time.sleep(60)", silence_s=SILENCE_S)
    assert (output.status, output.is_silent) == (None, False)
    assert time.monotonic() - started < LONG_S


def test_a_program_that_closes_its_output_and_hangs_is_killed() -> None:
    output = run_program(["/bin/sh", "-c", "echo $$; exec sleep 60 >&- 2>&-"], soon(0.5))
    assert output.status is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(output.content), 0)


def test_output_without_end_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MAX_OUTPUT_BYTES", 1000)
    output = run_program(["/bin/sh", "-c", "while :; do echo more; done"], soon())
    assert (output.status, output.is_silent) == (None, False)
    assert len(output.content) < 1000 + child.CHUNK_BYTES


def test_a_program_has_a_file_limit_and_no_environment() -> None:
    output = run_program(["/bin/sh", "-c", "ulimit -n; /usr/bin/env"], soon())
    limit, *variables = output.content.decode().split()
    assert int(limit) <= 4096
    assert not [v for v in variables if v.split("=")[0] not in ("LANG", "PWD", "SHLVL", "_")]


def test_a_missing_program_has_pythons_message() -> None:
    output = run_program(["/missing/program"], soon())
    assert output.status == 1
    assert b"No such file or directory: '/missing/program'" in output.content


def test_a_module_of_the_package_is_found_without_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    output = run_module("kubectl_snapshot.clients.gpu.nvml_child", ["/missing/library", ""], soon())
    assert output.content.startswith(
        b'{"started": true}\n{"load": "/missing/library: cannot open shared object'
    )


def test_a_python_that_cannot_be_started_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/missing/python")
    with pytest.raises(Internal, match="cannot start /missing/python"):
        run_program(["/bin/true"], soon())
