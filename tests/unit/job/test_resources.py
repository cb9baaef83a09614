from __future__ import annotations

import pytest

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.job.resources import parse_resources


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" ", {}),
        ("cpu=500m", {"cpu": "500m"}),
        (
            "cpu=1, memory=1Gi ,ephemeral-storage=2.5G",
            {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "2.5G"},
        ),
        ("nvidia.com/gpu=2", {"nvidia.com/gpu": "2"}),
        ("memory=1e9,cpu=.5", {"memory": "1e9", "cpu": ".5"}),
        ("memory=1E,cpu=1E3", {"memory": "1E", "cpu": "1E3"}),
        ("memory=0", {"memory": "0"}),
    ],
)
def test_resources_are_names_with_quantities(text: str, expected: dict[str, str]) -> None:
    assert parse_resources(text, "--limits") == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("cpu", "invalid resource 'cpu'"),
        ("cpu:1", "invalid resource 'cpu:1'"),
        ("=1", "invalid resource '=1'"),
        ("cpu=1,", "invalid resource ''"),
        ("c pu=1", "invalid resource 'c pu=1'"),
        ("a/b/c=1", "invalid resource 'a/b/c=1'"),
        ("cpu=", "invalid quantity '' of cpu"),
        ("cpu=-1", "invalid quantity '-1' of cpu"),
        ("memory=1GB", "invalid quantity '1GB' of memory"),
        ("memory=1 Gi", "invalid quantity '1 Gi' of memory"),
        ("memory=.", "invalid quantity '.' of memory"),
        ("cpu=1,cpu=2", "--limits has two quantities of cpu"),
    ],
)
def test_another_text_is_refused_with_an_example(text: str, what: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_resources(text, "--limits")
    assert caught.value.what == what
    assert caught.value.hint in ("as in --limits cpu=500m,memory=512Mi", "leave one out")
