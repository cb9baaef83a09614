"""Print each failing case of the files, and how many passed; exit 1 if one failed."""

from __future__ import annotations

import sys

from tests.redaction.cases import find_problem, read_cases


def main(paths: list[str]) -> int:
    if not paths:
        print("usage: python -m tests.redaction FILE…", file=sys.stderr)
        return 2
    passed = failed = 0
    for path in paths:
        for case in read_cases(path):
            problem = find_problem(case)
            if problem:
                failed += 1
                print(f"{case.id}: {problem}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
