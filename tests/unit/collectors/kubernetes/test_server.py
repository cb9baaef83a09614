"""Answers of /version."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.kubernetes.server import parse_version
from kubectl_snapshot.errors import Internal


@pytest.mark.parametrize("answer", [None, [], "v1.34.2", {"gitVersion": 1}, {}])
def test_a_version_answer_without_a_version_is_an_error(answer: object) -> None:
    with pytest.raises(Internal, match="gitVersion"):
        parse_version(answer)
