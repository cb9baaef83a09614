from __future__ import annotations

import pytest

from kubectl_snapshot.commands import cleanup
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.job.cleanup.deletion import Inventory
from kubectl_snapshot.job.cleanup.selection import CleanupDecision, CleanupObject, CleanupSelector

JOB = CleanupObject("Job", "kubectl-snapshot-a", "ops", "aaaaaaaaaa")
ROLE = CleanupObject("ClusterRole", "kubectl-snapshot-a", "", "aaaaaaaaaa")


def parse(*words: str) -> CleanupSelector:
    return cleanup.parse_selector(parse_flags(cleanup.build_parser(), words, {}))


def test_rows_say_what_happens_to_which_object_and_why() -> None:
    rows = [
        ("removed", CleanupDecision(JOB, True, "ended"), ""),
        ("kept", CleanupDecision(ROLE, False, "alive"), ""),
    ]
    assert cleanup.render_rows(rows) == (
        "removed  job/kubectl-snapshot-a -n ops   ended\n"
        "kept     clusterrole/kubectl-snapshot-a  alive\n"
    )


def test_an_objects_words_do_not_steer_the_terminal() -> None:
    assert "\x1b" not in cleanup.render_rows([("kept", CleanupDecision(JOB, False, "\x1b[2J"), "")])


def test_nothing_found_prints_nothing() -> None:
    assert cleanup.render_rows([]) == ""


def test_flags_say_what_is_to_go() -> None:
    assert parse() == CleanupSelector()
    assert parse("--older-than", "1h", "-A") == CleanupSelector("", 3600.0, sees_all_jobs=True)
    assert parse("--older-than", "0s") == CleanupSelector("", 0.0)
    assert parse("--run", "aaaaaaaaaa") == CleanupSelector("aaaaaaaaaa")


@pytest.mark.parametrize("run_id", ["x", "../configmap", "AAAAAAAAAA", "aaaaaaaaa1"])
def test_what_is_no_run_id_never_becomes_a_path(run_id: str) -> None:
    with pytest.raises(InvalidRequest):
        parse("--run", run_id)


def test_a_run_and_an_age_exclude_each_other() -> None:
    with pytest.raises(InvalidRequest):
        parse("--run", "aaaaaaaaaa", "--older-than", "1h")


def test_ages_are_by_the_servers_clock() -> None:
    assert cleanup.read_clock(Inventory((), (), "Mon, 23 Nov 2026 08:00:00 GMT")) == 1795420800
    assert cleanup.read_clock(Inventory((), (), "")) > 1795420800 - 10**8
