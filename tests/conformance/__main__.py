"""python -m tests.conformance FILE…: run case files, name each case that fails."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conformance.cases import accepted, answer, read_cases


def main(paths: list[str]) -> int:
    if not paths:
        print("usage: python -m tests.conformance FILE…", file=sys.stderr)
        return 2
    passed = failed = 0
    for case in (case for path in paths for case in read_cases(Path(path))):
        got, wanted = answer(case), accepted(case)
        if got in wanted:
            passed += 1
        else:
            failed += 1
            print(f"{case['id']}: got {got}, expected {' or '.join(map(str, wanted))}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
