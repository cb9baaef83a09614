from __future__ import annotations

from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN, Verdict
from kubectl_snapshot.document.rules.results import SKIPPED, RuleResult
from kubectl_snapshot.document.rules.rule_file import WARNING, Rule, parse_rule
from kubectl_snapshot.render.check.groups import group_results

RULE = parse_rule("GPU.gpu-*.x == 1")


def find(path: str, outcome: str = FAILED, rule: Rule = RULE, **values: str) -> RuleResult:
    return RuleResult(rule, Verdict(path, outcome, values.pop("actual", "0"), **values))


def paths(*results: RuleResult) -> list[str]:
    return [group.path for group in group_results(results)]


def test_the_worst_comes_first_and_equal_ones_stay_in_order() -> None:
    warning = Rule("w", RULE.constraint, WARNING)
    found = [
        find("A.a.s", SKIPPED),
        find("A.a.h", HELD),
        find("A.a.u", UNKNOWN),
        find("A.a.w", rule=warning),
        find("A.a.g"),
        find("A.a.f"),
    ]
    assert paths(*found) == ["A.a.g", "A.a.f", "A.a.w", "A.a.u", "A.a.h", "A.a.s"]


def test_equal_results_of_several_devices_are_one() -> None:
    found = [find(f"GPU.gpu-{n}.x") for n in (0, 1, 3, 10)]
    (group,) = group_results(found)
    assert (group.path, group.results) == ("GPU.gpu-[0-1,3,10].x", tuple(found))
    assert paths(find("status(GPU.gpu-0)"), find("status(GPU.gpu-1)")) == ["status(GPU.gpu-[0-1])"]
    assert paths(find("GPU.gpu-0.x")) == ["GPU.gpu-0.x"]


def test_links_of_several_devices_are_one_if_all_of_them_are_there() -> None:
    links = [find(f"GPU.gpu-{g}.nvlink.{n}.active") for g in range(2) for n in range(3)]
    assert paths(*links) == ["GPU.gpu-[0-1].nvlink.[0-2].active"]
    assert paths(*links[:-1]) == [
        "GPU.gpu-[0-1].nvlink.0.active",
        "GPU.gpu-[0-1].nvlink.1.active",
        "GPU.gpu-0.nvlink.2.active",
    ]


def test_results_that_differ_stay_apart() -> None:
    other = parse_rule("GPU.gpu-*.x == 2")
    first = find("GPU.gpu-0.x")
    for second in (
        find("GPU.gpu-1.y"),
        find("GPU.gpu-1.x", HELD),
        find("GPU.gpu-1.x", actual="2"),
        find("GPU.gpu-1.x", reason="why"),
        find("GPU.gpu-1.x", expected="8 (GPU.gpu-1.y)"),
        find("GPU.gpu-1.x", rule=other),
        find("GPU.gpu-1-state.x"),
        find("GPU.gpu-x.x"),
    ):
        assert len(paths(first, second)) == 2


def test_the_device_in_reason_and_expected_value_is_no_difference() -> None:
    found = [
        find(f"GPU.gpu-{n}.x", reason=f"GPU.gpu-{n} is lost", expected=f"16 (GPU.gpu-{n}.y)")
        for n in (0, 1)
    ]
    assert paths(*found) == ["GPU.gpu-[0-1].x"]


def test_the_same_path_twice_is_reported_twice() -> None:
    assert paths(find("GPU.gpu-0.x"), find("GPU.gpu-0.x")) == ["GPU.gpu-0.x", "GPU.gpu-0.x"]
    assert paths(find("A.a.x"), find("A.a.x")) == ["A.a.x", "A.a.x"]
