from __future__ import annotations

from kubectl_snapshot.commands.capture import build_parser
from kubectl_snapshot.commands.completion.flags import new_finder


class Name(str):
    compared = 0

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return super().__eq__(other)


def test_many_candidates_are_not_compared_with_each_other() -> None:
    names = [Name(f"node-{number}") for number in range(1000)]
    parser = build_parser()
    finder = new_finder(parser, lambda **_: [*names, Name("node-7")], print_suppressed=False)
    found = finder._get_completions([parser.prog, "--node"], "", "", None)
    assert [str(name) for name in found] == [str(name) for name in names]
    assert Name.compared < 2 * len(names)
