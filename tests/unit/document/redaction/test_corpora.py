"""All corpora, through the collectors' parsers: see tests/redaction."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs_support import ROOT
from tests.redaction.__main__ import main
from tests.redaction.cases import Case, find_problem, read_cases

CORPORA = ROOT / "tests/corpora/redaction"
# Cases of which there are fewer would mean that a file is not read as a whole.
COUNTS = {
    "cases": 115,
    "ecosystems": 150,
    "ecosystems-holdout": 31,
    "files-in-texts": 154,
    "gpu-clusters": 190,
    "kinds": 80,
    "networks-and-services": 119,
}
CASES = {
    f"{name}: {case.id}": case
    for name in COUNTS
    for case in read_cases(str(CORPORA / f"{name}.yaml"))
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_case_shows_no_secret_and_keeps_what_is_none(case: Case) -> None:
    assert find_problem(case) == ""


def test_every_case_is_run() -> None:
    assert Counter(name.partition(":")[0] for name in CASES) == COUNTS
    assert {path.stem for path in CORPORA.glob("*.yaml")} == set(COUNTS)


def test_the_runner_names_a_leak_and_a_redaction_of_nothing_secret(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{tmp_path}/x.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("- {id: a, secrets: [open], helm: {door: open}}\n")
        file.write("- {id: b, secrets: [], helm: {password: hunter22}}\n")
        file.write("- {id: c, secrets: [hunter22], helm: {password: hunter22}}\n")
    assert main([path]) == 1
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == "a: leaked: open"
    assert second.startswith("b: redacted: app.values.password: redacted:hmac-sha256:")
    assert last == "1 passed, 2 failed"
    assert main([]) == 2
