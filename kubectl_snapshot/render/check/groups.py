"""Order the results of `check`, and join those that differ only in the number of a device. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.number_ranges import render_range
from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN
from kubectl_snapshot.document.rules.results import NOTED, SKIPPED, WARNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_snapshot.document.rules.results import RuleResult

RANK = (FAILED, WARNED, NOTED, UNKNOWN, HELD, SKIPPED)
# The number of a device or a link in a path: `gpu-5.`, `nvlink.7.`, `status(GPU.gpu-5)`.
NUMBER = re.compile(r"(?<=[-.])[0-9]{1,9}(?=[-.)])")


class Group(NamedTuple):
    """Findings of one rule with one outcome and the same values; `path` has all of their paths."""

    path: str
    results: tuple[RuleResult, ...]

    @property
    def first(self) -> RuleResult:
        return self.results[0]


def group_results(results: Iterable[RuleResult]) -> list[Group]:
    """Return the results, worst first, equal ones of several devices as one."""
    alike: dict[tuple[object, ...], list[RuleResult]] = {}
    for result in sorted(results, key=lambda result: RANK.index(result.outcome)):
        alike.setdefault(_key(result), []).append(result)
    return [group for members in alike.values() for group in _split(members)]


def _key(result: RuleResult) -> tuple[object, ...]:
    """Return what equal results share: all but the numbers in their paths."""
    verdict = result.verdict
    subtype = ".".join(verdict.path.split(".")[:2])
    value, _, path = verdict.expected.partition(" (")
    return (
        *(result.rule.name, result.rule.place, result.outcome, verdict.actual, value),
        *(NUMBER.sub("#", verdict.path), NUMBER.sub("#", path)),
        verdict.reason.replace(subtype, "#"),
    )


def _split(members: Sequence[RuleResult]) -> list[Group]:
    """Return one group if its numbers are all combinations, else one for each of the later ones."""
    numbers = [tuple(NUMBER.findall(member.verdict.path)) for member in members]
    columns = [list(dict.fromkeys(column)) for column in zip(*numbers)]
    combinations = 1
    for column in columns:
        combinations *= len(column)
    if len(set(numbers)) == combinations == len(members):
        return [Group(_render_path(members[0].verdict.path, columns), tuple(members))]
    parts: dict[tuple[str, ...], list[RuleResult]] = {}
    for member, found in zip(members, numbers):
        parts.setdefault(found[1:], []).append(member)
    if len(parts) == 1:
        return [Group(member.verdict.path, (member,)) for member in members]
    return [group for part in parts.values() for group in _split(part)]


def _render_path(path: str, columns: Sequence[list[str]]) -> str:
    ranges = iter([render_range(column) for column in columns])
    return NUMBER.sub(lambda _: next(ranges), path)
