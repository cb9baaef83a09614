"""Case files: what they hold, and whether the project answers a case as the reference does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kubectl_snapshot.errors import SnapshotError
from tests.conformance.adapter import FUNCTIONS


@dataclass(frozen=True)
class Answer:
    """What a case led to: a value as JSON, in which 1, 1.0 and true differ, or an error."""

    value: str = ""
    error: str = ""

    def __str__(self) -> str:
        return self.value or self.error


def read_cases(path: Path) -> list[Mapping[str, Any]]:
    """Return the cases of a file."""
    cases: list[Mapping[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return cases


def answer(case: Mapping[str, Any]) -> Answer:
    """Return what the project's function makes of a case's input."""
    function = FUNCTIONS.get(case["function"])
    if function is None:
        return Answer(error=f"no function {case['function']}")
    try:
        return Answer(value=_as_json(function(case["input"])))
    except SnapshotError as e:
        return Answer(error=f"error {e.code or 'without a code'}")
    except Exception as e:  # noqa: BLE001 - one crash must not hide the answers to the other cases
        return Answer(error=f"crash {type(e).__name__}: {e}")


def accepted(case: Mapping[str, Any]) -> list[Answer]:
    """Return the right answers of a case; of an error without a code any SnapshotError is one."""
    if "error" in case:
        code = case["error"]["code"]
        codes = [code] if code else [*_codes(), "without a code"]
        return [Answer(error=f"error {code}") for code in codes]
    values = case["expected_any"] if "expected_any" in case else [case["expected"]]
    return [Answer(value=_as_json(value)) for value in values]


def _codes() -> list[str]:
    return [error.code for error in SnapshotError.__subclasses__()]


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
