from __future__ import annotations

from pathlib import Path

import pytest

import kubectl_snapshot
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.fleet.outliers import find_outliers
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER = "GPU.smi.driver"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "cache"
    home.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home


@pytest.fixture
def fleet(tmp_path: Path) -> str:
    odd = vary("a", {DRIVER: "570"})
    return write_fleet(tmp_path / "fleet", make_fleet(4, odd), failed=["broken"])


def test_outliers_and_missing_nodes_of_a_directory(fleet: str) -> None:
    diff = find_outliers(load_fleet(fleet))
    (group,) = diff.groups
    assert [(o.nodes, [c.path for c in o.changes]) for o in group.outliers] == [(("a",), [DRIVER])]
    assert diff.missing == (("broken", "failed: image pull"),)
    assert (diff.source, diff.baseline) == (fleet, "")
    assert (diff.is_empty, diff.is_complete) == (False, False)


def test_the_second_time_is_read_from_the_cache(fleet: str, cache: Path) -> None:
    first = find_outliers(load_fleet(fleet))
    (path,) = (path for path in cache.rglob("*") if path.is_file())
    text = path.read_text()
    path.write_text(text.replace("=570", "=580"))
    assert find_outliers(load_fleet(fleet)).is_empty, "the cache was not read"
    path.write_text(text)
    assert find_outliers(load_fleet(fleet)) == first


def test_the_program_may_be_a_zip_file(
    fleet: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zipapp").write_bytes(b"PK")
    inside = tmp_path / "zipapp" / "site-packages" / "kubectl_snapshot" / "__init__.py"
    monkeypatch.setattr(kubectl_snapshot, "__file__", str(inside))
    first = find_outliers(load_fleet(fleet))
    assert find_outliers(load_fleet(fleet)) == first
    (tmp_path / "zipapp").write_bytes(b"PK, another one")
    find_outliers(load_fleet(fleet))
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"references": [], "deltas": [], "nodes": {}}', "x" * 10]
)
def test_a_broken_cache_counts_as_empty(fleet: str, cache: Path, content: str) -> None:
    first = find_outliers(load_fleet(fleet))
    (path,) = (path for path in cache.rglob("*") if path.is_file())
    path.write_text(content)
    assert find_outliers(load_fleet(fleet)) == first


def test_a_cached_reference_that_is_not_there_is_not_used(fleet: str, cache: Path) -> None:
    first = find_outliers(load_fleet(fleet))
    (path,) = (path for path in cache.rglob("*") if path.is_file())
    path.write_text(path.read_text().replace('"references": ["n0"]', '"references": []'))
    assert find_outliers(load_fleet(fleet)) == first


def test_a_changed_document_is_named_and_not_compared(fleet: str) -> None:
    find_outliers(load_fleet(fleet))
    document = Path(fleet, "nodes", "n1.yaml")
    document.write_text(document.read_text().replace("580", "999"))
    diff = find_outliers(load_fleet(fleet))
    assert dict(diff.missing)["n1"].endswith("its SHA-256 is not the one in fleet.yaml")
    assert "n1" not in diff.groups[0].nodes


def test_a_missing_document_is_named_and_not_compared(fleet: str) -> None:
    Path(fleet, "nodes", "n1.yaml").unlink()
    diff = find_outliers(load_fleet(fleet))
    assert dict(diff.missing)["n1"].startswith("no such file: ")
    assert len(diff.groups[0].nodes) == 4


def test_a_fleet_without_any_document_is_an_error(tmp_path: Path) -> None:
    path = write_fleet(tmp_path / "fleet", {}, failed=["a"])
    with pytest.raises(InvalidRequest, match=r"no node of .* has a snapshot") as caught:
        find_outliers(load_fleet(path))
    assert caught.value.why == "a: failed: image pull"


def test_a_fleet_without_nodes_is_an_error(tmp_path: Path) -> None:
    path = write_fleet(tmp_path / "fleet", {})
    with pytest.raises(InvalidRequest, match=r"no node of .* has a snapshot") as caught:
        find_outliers(load_fleet(path))
    assert caught.value.why == "it lists no node"


def test_nodes_are_grouped_by_a_label(tmp_path: Path) -> None:
    odd = [vary(f"m{n}", {DRIVER: "570"}) for n in range(2)]
    labels = {"pool.a": "a|n0,n1,n2", "pool.b": "b|m0,m1"}
    path = write_fleet(tmp_path / "fleet", make_fleet(3, *odd), labels=labels)
    diff = find_outliers(load_fleet(path), group_by=["pool"])
    assert [(g.values, g.nodes) for g in diff.groups] == [
        (("a",), ("n0", "n1", "n2")),
        (("b",), ("m0", "m1")),
    ]
    assert diff.is_empty
    assert diff.grouping.titles == ("pool",)


def test_a_baseline_is_compared_with_all_nodes_of_all_groups(tmp_path: Path) -> None:
    path = write_fleet(tmp_path / "fleet", make_fleet(3, vary("a", {DRIVER: "570"})))
    fleet = load_fleet(path)
    diff = find_outliers(fleet, baseline=fleet.read_node("a"), baseline_source="a")
    (group,) = diff.groups
    assert [(o.nodes, o.agreeing) for o in group.outliers] == [(("n0", "n1", "n2"), 1)]
    assert (diff.baseline, diff.grouping.titles) == ("a", ())
    assert find_outliers(fleet, baseline=fleet.read_node("a")).baseline == "a document"
