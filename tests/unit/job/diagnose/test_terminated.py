from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.bootstrap import CHANGED, PROGRAM, TOO_OLD
from kubectl_snapshot.job.diagnose.result import diagnose_incomplete
from kubectl_snapshot.job.diagnose.terminated import diagnose_terminated
from kubectl_snapshot.job.options import IMAGE, JobOptions

OPTIONS = JobOptions("abcdefghij", "ops", image="busybox")
CONTAINER = "kubectl-snapshot"


def ended(state: dict[str, Any], **status: Any) -> dict[str, Any]:
    statuses = [{"name": CONTAINER, "state": {"terminated": state}}]
    return {"spec": {"nodeName": "node2"}, "status": {"containerStatuses": statuses, **status}}


def diagnose(
    code: int, *words: str, reason: str = "Error", message: str = "", agent: str = "inject"
) -> errors.SnapshotError:
    state = {"exitCode": code, "reason": reason, "message": message}
    return diagnose_terminated(ended(state), CONTAINER, replace(OPTIONS, agent=agent), words)


def test_an_image_without_python_has_a_hint_with_the_version() -> None:
    error = diagnose(128, reason="StartError", message='exec: "python3": not found in $PATH')
    assert isinstance(error, errors.InvalidRequest)
    assert error.what == "image busybox has no python3 to run the agent"
    assert "not found in $PATH" in error.why
    assert "Python 3.9" in error.hint


def test_an_image_without_the_program_is_invalid() -> None:
    error = diagnose(128, reason="StartError", message="not found", agent=IMAGE)
    assert error.what == "image busybox does not contain kubectl-snapshot"


@pytest.mark.parametrize("code", [1, 128, 255])
def test_an_exec_format_error_is_another_architecture(code: int) -> None:
    error = diagnose(code, "exec /usr/bin/python3: exec format error")
    assert isinstance(error, errors.InvalidRequest)
    assert error.what == "image busybox does not support the architecture of node node2"


def test_the_bootstrap_programs_messages_are_recognised() -> None:
    assert PROGRAM.count(TOO_OLD) == PROGRAM.count(CHANGED) == 1
    assert "Python in image busybox is too old" in diagnose(1, f"{TOO_OLD}, not 3.8").what
    assert "was modified on its way" in diagnose(1, f"{CHANGED}: SHA-256 differs").what


def test_an_oom_killed_agent_ran_out_of_memory() -> None:
    assert "memory" in diagnose(137, reason="OOMKilled").what


def test_the_agents_last_output_is_the_cause() -> None:
    error = diagnose(1, "one", "two")
    assert isinstance(error, errors.Internal)
    assert error.why == "exit code 1, last output: one / two"


def test_the_kubelets_reason_precedes_the_exit_code() -> None:
    pod = ended({"exitCode": 137}, reason="Evicted", message="The node was low on memory")
    error = diagnose_terminated(pod, CONTAINER, OPTIONS, ())
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what == "node node2 terminated the agent's pod: Evicted"
    assert error.why == "The node was low on memory"


def test_an_incomplete_result_has_a_hint_to_collect_less() -> None:
    error = diagnose_incomplete(errors.Internal("x", "2 of 9 lines are missing: 7, 8"))
    assert error.why == "2 of 9 lines are missing: 7, 8"
    assert "--cluster-scope client" in error.hint


def test_a_signal_is_named() -> None:
    assert diagnose(139).why.startswith("exit code 139 (SIGSEGV)")
    assert diagnose(137, "x").why == "exit code 137 (SIGKILL), last output: x"
    assert diagnose(128 + 200).why == "exit code 328"


@pytest.mark.parametrize(
    "words",
    [
        "zipimport.ZipImportError: can't decompress data; zlib not available",
        "ModuleNotFoundError: No module named 'zlib'",
        "ModuleNotFoundError: import of zlib halted; None in sys.modules",
    ],
)
def test_a_python_without_zlib_is_named(words: str) -> None:
    error = diagnose(1, words)
    assert isinstance(error, errors.InvalidRequest)
    assert error.what == "the Python in image busybox lacks the module zlib"
    assert "python:3.11-slim" in error.hint


def test_a_deadline_that_admission_shortened_is_named() -> None:
    pod = ended({"exitCode": 137}, reason="DeadlineExceeded", message="Pod was active too long")
    pod["spec"]["activeDeadlineSeconds"] = 3
    error = diagnose_terminated(pod, CONTAINER, OPTIONS, ())
    assert isinstance(error, errors.Timeout)
    assert error.what == "the agent's pod ended at its activeDeadlineSeconds of 3"
    assert error.why == "Pod was active too long; admission changed it"


def test_a_container_that_a_kubelet_no_longer_finds_is_the_nodes() -> None:
    error = diagnose(137, reason="ContainerStatusUnknown", message="could not be located")
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what.startswith("node node2 lost the agent's container")
    assert error.why == "could not be located"
