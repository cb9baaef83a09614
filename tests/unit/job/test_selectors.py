from __future__ import annotations

import pytest

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.job.selectors import (
    Taint,
    Toleration,
    default_tolerations,
    parse_job_labels,
    parse_node_selectors,
    parse_taint,
    parse_toleration,
    parse_tolerations,
    validate_node_name,
    validate_node_selectors,
    validate_tolerations,
)

NO_SCHEDULE, NO_EXECUTE, PREFER = "NoSchedule", "NoExecute", "PreferNoSchedule"


@pytest.mark.parametrize(
    ("selectors", "parsed"),
    [
        (["a=b"], {"a": "b"}),
        (["a="], {"a": ""}),
        (["=v"], {"": "v"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a=1", "a=2"], {"a": "2"}),
        (["a=b,c=d"], {"a": "b,c=d"}),
        ([" a = b "], {" a ": " b "}),
        ([], {}),
    ],
)
def test_a_node_selector_is_split_at_its_first_equals_sign(
    selectors: list[str], parsed: dict[str, str]
) -> None:
    assert parse_node_selectors(selectors) == parsed


def test_only_linux_nodes_can_be_selected() -> None:
    validate_node_selectors({"kubernetes.io/os": "linux"})
    with pytest.raises(InvalidRequest, match=r"kubernetes\.io/os=windows"):
        validate_node_selectors({"kubernetes.io/os": "windows"})


def test_job_labels_are_split_at_their_first_equals_sign() -> None:
    assert parse_job_labels(["a/b=c=d", "e="]) == {"a/b": "c=d", "e": ""}
    for label in ("a", "=b", "kubectl-snapshot/run=x", "app.kubernetes.io/name=x"):
        with pytest.raises(InvalidRequest, match="invalid Job label"):
            parse_job_labels([label])


@pytest.mark.parametrize("selector", ["a", ""])
def test_a_node_selector_without_an_equals_sign_is_refused(selector: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_node_selectors(["a=b", selector])


@pytest.mark.parametrize(
    ("text", "toleration"),
    [
        ("k=v:NoSchedule", Toleration("k", "Equal", "v", NO_SCHEDULE)),
        ("k:NoExecute", Toleration("k", "Exists", "", NO_EXECUTE)),
        ("k=:NoSchedule", Toleration("k", "Exists", "", NO_SCHEDULE)),
        ("k=a=b:PreferNoSchedule", Toleration("k", "Equal", "a=b", PREFER)),
        (":NoSchedule", Toleration("", "Exists", "", NO_SCHEDULE)),
        ("=:NoSchedule", Toleration("", "Exists", "", NO_SCHEDULE)),
        ("=v:NoSchedule", Toleration("", "Equal", "v", NO_SCHEDULE)),
        ("*", Toleration("", "Exists")),
        (" k=v:NoSchedule", Toleration(" k", "Equal", "v", NO_SCHEDULE)),
    ],
)
def test_a_toleration_without_a_value_tolerates_every_value(
    text: str, toleration: Toleration
) -> None:
    assert parse_toleration(text) == toleration


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("k=v:NoSchedule", Taint("k", "v", NO_SCHEDULE)),
        ("k:NoExecute", Taint("k", "", NO_EXECUTE)),
        ("k=:NoSchedule", Taint("k", "", NO_SCHEDULE)),
        ("k=a=b:PreferNoSchedule", Taint("k", "a=b", PREFER)),
        (" k=v:NoSchedule", Taint(" k", "v", NO_SCHEDULE)),
    ],
)
def test_a_taint_has_a_key_and_an_effect(text: str, taint: Taint) -> None:
    assert parse_taint(text) == taint


@pytest.mark.parametrize(
    "text",
    [
        *("k=v", "k=v:", "", "k=v:noschedule", "k=v: NoSchedule", "k=v:NoSchedule "),
        *("k:v:NoSchedule", "k=v:NoSchedule:30", "k=v:Nothing", ":", "NoSchedule"),
    ],
)
def test_a_toleration_and_a_taint_need_exactly_one_colon_and_an_effect(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_toleration(text)
    with pytest.raises(InvalidRequest):
        parse_taint(text)


@pytest.mark.parametrize("text", [":NoSchedule", "=:NoSchedule", "=v:NoSchedule"])
def test_a_taint_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_taint(text)


def test_no_toleration_given_tolerates_every_taint() -> None:
    assert parse_tolerations([]) == default_tolerations() == (Toleration("", "Exists", "", ""),)


def test_one_toleration_given_replaces_the_default() -> None:
    given = parse_tolerations(["a:NoSchedule", "b=c:NoExecute"])
    assert given == (
        Toleration("a", "Exists", "", NO_SCHEDULE),
        Toleration("b", "Equal", "c", NO_EXECUTE),
    )


@pytest.mark.parametrize("key", ["", " a", "a ", "\ta"])
def test_an_empty_or_padded_selector_key_is_refused_on_the_command_line(key: str) -> None:
    validate_node_selectors({"nvidia.com/gpu.present": "true", "a": " padded value "})
    with pytest.raises(InvalidRequest):
        validate_node_selectors({"a": "b", key: "v"})


def test_a_value_without_a_key_is_refused_on_the_command_line() -> None:
    validate_tolerations([*default_tolerations(), Toleration("", "Exists", "", NO_SCHEDULE)])
    with pytest.raises(InvalidRequest):
        validate_tolerations([Toleration("", "Equal", "v", NO_SCHEDULE)])


@pytest.mark.parametrize("name", ["", "gpu-17", "ip-10-0-0-7.ec2.internal", "a" * 253])
def test_a_node_has_a_dns_name(name: str) -> None:
    validate_node_name(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("node/gpu-17", "use --node gpu-17"),
        ("GPU-17", "use --node gpu-17"),
        ("gpu-17 ", "use --node gpu-17"),
        ("gpu-17,gpu-18", "capture one node at a time: --node gpu-17"),
        ("a_b", "see `kubectl get nodes`"),
        ("-a", "see `kubectl get nodes`"),
        ("a..b", "see `kubectl get nodes`"),
        ("a\n", "use --node a"),
        ("a" * 254, "see `kubectl get nodes`"),
    ],
)
def test_a_name_that_no_node_can_have_is_refused(name: str, hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validate_node_name(name)
    assert caught.value.hint == hint
