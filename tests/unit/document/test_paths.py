from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.paths import (
    describe_status,
    find_gaps,
    find_readings,
    find_value,
    matches_path,
    parse_path,
    rest_of_pattern,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.render.report.facts import build_index
from kubectl_snapshot.render.user_template import find_subtypes
from tests.unit.document.strategies import PROPERTY

FORBIDDEN = {"status": "forbidden", "reason": "nodes is forbidden"}
SNAPSHOT = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement(
            "K8s", (Subtype("server", {"version": "v1.34.4"}), Subtype("node", {}, FORBIDDEN))
        ),
        Measurement(
            "GPU",
            (
                Subtype("gpu-0", {"ecc.current": True}),
                Subtype("gpu-1", {}, {"status": "error", "reason": "it is lost"}),
                Subtype("gpu-2", {"name": "H100"}, {"status": "partial", "reason": "ecc: no"}),
            ),
        ),
        Measurement(
            "SystemD",
            (
                Subtype("containerd", {"service.Restart": "short", "service.Id": "only here"}),
                Subtype("containerd.service", {"Restart": "always", "ActiveState": "active"}),
            ),
        ),
        Measurement("K8s", (Subtype("server", {"version": "second", "platform": "x"}),)),
    ),
)


NAMES = st.text("a.*", max_size=3)
SUBTYPES = st.builds(Subtype, NAMES, st.dictionaries(NAMES, st.integers(), max_size=3))


def value(path: str, snapshot: Snapshot = SNAPSHOT) -> object:
    return find_value(snapshot, parse_path(path))


def reason(path: str) -> str:
    with pytest.raises(NotFound) as caught:
        value(path)
    return caught.value.why


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("K8s.server.version", ("K8s", "server", "version")),
        ("GPU.smi.gpu.model", ("GPU", "smi", "gpu.model")),
        ("OS.sysctl./proc/sys/kernel/x", ("OS", "sysctl", "/proc/sys/kernel/x")),
        ("K8s..x", ("K8s", "", "x")),
        ("K8s.server.", ("K8s", "server", "")),
    ],
)
def test_a_path_is_split_at_its_first_two_dots(path: str, expected: tuple[str, ...]) -> None:
    assert parse_path(path) == expected
    assert parse_path(path).text == path


@pytest.mark.parametrize(
    "path", ["", "K8s", "K8s.server", "k8s.server.version", "Foo.a.b", "*.a.b"]
)
def test_anything_else_is_no_path(path: str) -> None:
    with pytest.raises(InvalidRequest, match="invalid path"):
        parse_path(path)


def test_a_path_means_the_longest_subtype_it_can_name() -> None:
    assert value("SystemD.containerd.service.ActiveState") == "active"
    assert value("SystemD.containerd.service.Restart") == "always"
    assert value("SystemD.containerd.service.Id") == "only here"


def test_of_equal_types_the_first_counts() -> None:
    assert value("K8s.server.version") == "v1.34.4"
    assert reason("K8s.server.platform") == "K8s.server has no key 'platform'"
    assert "second" not in find_readings(SNAPSHOT, "*").values()


def test_a_second_measurement_of_a_type_is_not_seen_by_any_reader() -> None:
    again = Measurement("K8s", (Subtype("helm", {"x": "second"}),))
    twice = Snapshot({}, (*SNAPSHOT.measurements, again))
    assert "K8s.helm" not in build_index(twice)
    assert find_subtypes(twice, "K8s.*") == find_subtypes(SNAPSHOT, "K8s.*")
    assert find_readings(twice, "K8s.helm.x") == {}


def test_a_missing_reading_says_what_is_known_of_its_place() -> None:
    assert reason("K8s.node.provider") == "K8s.node is forbidden: nodes is forbidden"
    assert reason("K8s.helm.x") == "K8s has the subtypes server, node"
    assert reason("OS.release.ID") == "it has no subtypes of type OS"
    assert reason("GPU.gpu-2.ecc.current") == "GPU.gpu-2 is partial: ecc: no"


def test_a_pattern_stands_for_every_path_it_matches() -> None:
    assert find_readings(SNAPSHOT, "GPU.gpu-*.*") == {
        "GPU.gpu-0.ecc.current": True,
        "GPU.gpu-2.name": "H100",
    }
    assert find_readings(SNAPSHOT, "metadata.source-node") == {"metadata.source-node": "gpu-17"}
    assert find_readings(SNAPSHOT, "SystemD.*.Restart") == {
        "SystemD.containerd.service.Restart": "always"
    }
    assert find_readings(SNAPSHOT, "K8s.server") == {}


def test_a_path_that_is_there_literally_is_no_pattern() -> None:
    subtype = Subtype("policy", {"a*": "literal", "ab": "other"})
    snapshot = Snapshot({}, (Measurement("K8s", (subtype,)),))
    assert find_readings(snapshot, "K8s.policy.a*") == {"K8s.policy.a*": "literal"}


def test_a_pattern_names_the_gaps_that_it_may_mean() -> None:
    assert find_gaps(SNAPSHOT, "GPU.gpu-*.ecc.current") == {
        "GPU.gpu-1.ecc.current": "GPU.gpu-1 is error: it is lost",
        "GPU.gpu-2.ecc.current": "GPU.gpu-2 is partial: ecc: no",
    }
    assert find_gaps(SNAPSHOT, "GPU.gpu-*.name") == {
        "GPU.gpu-1.name": "GPU.gpu-1 is error: it is lost"
    }
    assert find_gaps(SNAPSHOT, "K8s.*") == {
        "K8s.node.*": "K8s.node is forbidden: nodes is forbidden"
    }
    assert find_gaps(SNAPSHOT, "K8s.server.*") == {}


def lost_gpu(*more: Subtype) -> Snapshot:
    lost = Subtype("gpu-5", {"index": 1}, {"status": "error", "reason": "GPU is lost"})
    return Snapshot({}, (Measurement("GPU", (Subtype("gpu-4-state", {"index": 4}), lost, *more)),))


@pytest.mark.parametrize("pattern", ["GPU.gpu-*-state.index", "GPU.gpu-5-state.index"])
def test_a_gpu_that_could_not_be_read_is_the_gap_in_its_state(pattern: str) -> None:
    gap = {"GPU.gpu-5-state.index": "GPU.gpu-5 is error: GPU is lost"}
    assert find_gaps(lost_gpu(), pattern) == gap
    assert find_gaps(lost_gpu(Subtype("gpu-5-state", {"index": 5})), pattern) == {}
    assert find_gaps(lost_gpu(), "GPU.gpu-*.index") == {}
    assert find_gaps(lost_gpu(), "GPU.gpu-*.uuid") == {
        "GPU.gpu-5.uuid": "GPU.gpu-5 is error: GPU is lost"
    }


@pytest.mark.parametrize(
    ("prefix", "pattern", "rest"),
    [
        ("GPU.gpu-5.", "GPU.gpu-*.uuid", "uuid"),
        ("GPU.gpu-5.", "GPU.gpu-*.ecc.current", "ecc.current"),
        ("GPU.gpu-5.", "GPU.gpu-*-state.index", None),
        ("GPU.gpu-5.", "GPU.gpu-*-state.*", None),
        ("GPU.gpu-5-state.", "GPU.gpu-*-state.index", "index"),
        ("GPU.gpu-5-state.", "GPU.gpu-*.uuid", None),
        ("GPU.gpu-5-state.", "GPU.gpu-*", "*"),
        ("GPU.gpu-5-state.", "GPU.*.index", "index"),
        ("GPU.gpu-5-state.", "GPU.gpu-5.index", None),
        ("SystemD.a.service.", "SystemD.*.ActiveState", "ActiveState"),
        ("SystemD.a-1-b.service.", "SystemD.a-*.service.X", "X"),
        ("SystemD.a.service.", "SystemD.*.service.*", "*"),
        ("OS.sysctl.", "*/vm/*", "*/vm/*"),
        ("OS.sysctl.", "OS.*/vm/a.b", "*/vm/a.b"),
        ("OS.sysctl.", "*kernel*", "*kernel*"),
        ("OS.sysctl.", "*", "*"),
        ("OS.sysctl.", "OS.sys*", "*"),
        ("OS.sysctl.", "OS.sysctl.", "*"),
        ("OS.sysctl.", "OS.sysctl", None),
        ("OS.sysctl.", "OS.sysctl.x", "x"),
        ("OS.sysctl.", "K8s.*", None),
        ("OS.sysctl.", ".x", None),
    ],
)
def test_a_star_ends_with_the_name_of_the_subtype(
    prefix: str, pattern: str, rest: str | None
) -> None:
    assert rest_of_pattern(prefix, pattern) == rest


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("GPU.gpu-12-state.index", "GPU.gpu-*.index", False),
        ("GPU.gpu-12-state.index", "GPU.gpu-*-state.index", True),
        ("GPU.gpu-12-state.index", "GPU.gpu-*", True),
        ("GPU.gpu-12-state.index", "GPU.*.index", True),
        ("GPU.gpu-12-state.index", "*.index", True),
        ("GPU.gpu-12.index", "GPU.gpu-*.index", True),
        ("GPU.gpu-12.a-1-state.b", "GPU.gpu-*.b", True),
        ("SystemD.a-1-b.service.X", "SystemD.a-*.X", True),
    ],
)
def test_a_gpu_is_not_its_state(path: str, pattern: str, matches: bool) -> None:
    assert matches_path(path, pattern) == matches


def test_what_is_absent_is_no_gap() -> None:
    subtype = Subtype("smi", {}, {"status": "absent", "reason": "there is no GPU"})
    snapshot = Snapshot({}, (Measurement("GPU", (subtype,)),))
    assert find_gaps(snapshot, "GPU.*.x") == {}


@PROPERTY
@given(st.lists(SUBTYPES, max_size=4))
def test_both_ways_to_a_reading_lead_to_the_same(subtypes: list[Subtype]) -> None:
    snapshot = Snapshot({}, (Measurement("OS", tuple(subtypes)),))
    for path, reading in find_readings(snapshot, "OS.*").items():
        assert value(path, snapshot) == reading
        assert find_readings(snapshot, path) == {path: reading}
    first = {subtype.name: subtype for subtype in reversed(subtypes)}
    for subtype in first.values():
        for key in subtype.data:
            assert value(f"OS.{subtype.name}.{key}", snapshot) is not None


def test_a_status_without_a_reason_stands_alone() -> None:
    assert describe_status("OS", Subtype("a", {}, {"status": "error"})) == "OS.a is error"
