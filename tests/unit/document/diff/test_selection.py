from __future__ import annotations

import pytest

from kubectl_snapshot.document.diff.selection import (
    Selection,
    find_unused,
    is_selected,
    may_be_selected,
    refuse_unused,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest

SNAPSHOT = Snapshot(
    {"version": "1"},
    (
        Measurement(
            "OS", (Subtype("sysctl", {"/vm/a": "1"}, {"comment.x": "y"}), Subtype("release"))
        ),
    ),
)


@pytest.mark.parametrize(
    ("only", "ignore", "is_wanted"),
    [
        ((), (), True),
        (("OS",), (), True),
        (("OS.sysctl",), (), True),
        (("OS.*/vm/*",), (), True),
        (("OS.sys",), (), False),
        (("GPU",), (), False),
        (("GPU", "OS"), (), True),
        ((), ("OS.sysctl",), False),
        (("OS",), ("*/a",), False),
        ((), ("OS.sysctl./vm/b",), True),
    ],
)
def test_a_type_or_subtype_means_all_below_it(
    only: tuple[str, ...], ignore: tuple[str, ...], is_wanted: bool
) -> None:
    assert is_selected("OS.sysctl./vm/a", Selection(only, ignore)) == is_wanted


@pytest.mark.parametrize(
    ("only", "ignore", "is_wanted"),
    [
        ((), (), True),
        (("GPU.gpu-*.uuid",), (), True),
        (("GPU",), (), True),
        (("GPU.gpu-3.uuid",), (), True),
        (("GPU.gpu-4.uuid",), (), False),
        ((), ("GPU.gpu-3",), False),
        ((), ("GPU.gpu-3.uuid",), True),
    ],
)
def test_what_was_not_read_may_have_what_is_selected_for(
    only: tuple[str, ...], ignore: tuple[str, ...], is_wanted: bool
) -> None:
    assert may_be_selected("GPU.gpu-3", Selection(only, ignore)) == is_wanted


def test_patterns_of_nothing_are_found() -> None:
    used = ("OS", "OS.release", "metadata.version", "*.context.comment.*", "*/vm/*")
    unused = ("OS.sysctl./vm", "os", "GPU.*")
    selection = Selection((*used, *unused), ("K8s",))
    assert find_unused(selection, Snapshot(), SNAPSHOT) == (*unused, "K8s")
    assert find_unused(Selection(), SNAPSHOT) == ()


@pytest.mark.parametrize(
    ("only", "ignore", "what", "hint"),
    [
        (("os",), (), "os", "paths are case-sensitive: did you mean OS?"),
        (("OS.Release",), (), "OS.Release", "paths are case-sensitive: did you mean OS.release?"),
        (("os.SYS*",), (), "os.SYS*", "paths are case-sensitive: did you mean OS.sysctl?"),
        ((), ("OS.sysctl./VM/a",), "OS.sysctl./VM/a", "paths are case-sensitive: did you mean "),
        (("OS.relase",), ("GPU",), "OS.relase, GPU", "did you mean OS.release?"),
        (("GPU.x", "os"), (), "GPU.x, os", "list the paths with `kubectl snapshot query SNAPSHOT`"),
    ],
)
def test_a_pattern_of_nothing_is_refused_with_what_was_meant(
    only: tuple[str, ...], ignore: tuple[str, ...], what: str, hint: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        refuse_unused(Selection(only, ignore), SNAPSHOT)
    assert caught.value.what == f"no reading matches {what}"
    assert caught.value.hint.startswith(hint)
    refuse_unused(Selection(("OS.sysctl",), ("metadata",)), SNAPSHOT)
