from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.fleet.manifest import RUNNING
from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER, SWAPPINESS = "GPU.smi.driver", "OS.sysctl./proc/sys/vm/swappiness"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, *odd: object, **settings: object) -> None:
    write_fleet(path, make_fleet(6, *odd), **settings)  # type: ignore[arg-type]


TEXT = """\
fleet/: 8 nodes compared

== all nodes: 8 nodes, 6 agree

2 nodes differ from 6 in the same 2 readings: a, b
  GPU.smi
    ~ driver: 580 → 570 (-10)
  OS.sysctl
    ~ /proc/sys/vm/swappiness: 10 → 60 (+50)

not compared: 1 node
  ? 1 node failed: image pull: broken

2 nodes differ
"""


def test_outliers_are_shown_and_exit_1(nowhere: Path, capsys: Capsys) -> None:
    change = {DRIVER: "570", SWAPPINESS: "60"}
    write(nowhere / "fleet", vary("a", change), vary("b", change), failed=["broken"])
    assert main(["diff", "fleet/"]) == 1
    assert capsys.readouterr() == (TEXT, "")


@pytest.mark.parametrize(
    ("failed", "flags", "code"),
    [([], [], 0), (["x"], [], 0), (["x"], ["--strict"], 10), ([], ["--strict"], 0)],
)
def test_no_outliers_exit_0_and_missing_nodes_10_if_strict(
    nowhere: Path, capsys: Capsys, failed: list[str], flags: list[str], code: int
) -> None:
    write(nowhere / "fleet", failed=failed)
    assert main(["diff", "fleet", *flags]) == code
    assert capsys.readouterr().out.endswith("\nno difference\n")


def test_json_and_yaml_have_all(nowhere: Path, capsys: Capsys) -> None:
    write(nowhere / "fleet", vary("a", {DRIVER: "570"}), failed=["x"])
    assert main(["diff", "fleet", "-o", "json"]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert main(["diff", "fleet", "-o", "yaml"]) == 1
    assert yaml.safe_load(capsys.readouterr().out) == tree
    (group,) = tree["groups"]
    (outlier,) = group["outliers"]
    assert (outlier["nodes"], outlier["others"]) == (["a"], 6)
    assert outlier["changes"][0]["path"] == DRIVER
    assert tree["not-compared"] == [{"node": "x", "reason": "failed: image pull"}]
    assert (tree["grouped-by"], group["nodes"], group["own-values"]) == ([], 7, [])


def test_wide_names_all_nodes_and_lines(nowhere: Path, capsys: Capsys) -> None:
    change = {f"OS.kmod.module{n}": True for n in range(40)}
    many = {f"m{n}": vary(f"m{n}") for n in range(30)}
    write_fleet(nowhere / "other", {**many, **{f"o{n}": vary(f"o{n}", change) for n in range(12)}})
    assert main(["diff", "other"]) == 1
    text = capsys.readouterr().out
    assert "o6 and 5 more" in " ".join(text.split())
    assert "module22" in text
    assert "module23" not in text
    assert "  … 17 more lines; -o wide has all\n" in text
    assert main(["diff", "other", "-o", "wide"]) == 1
    text = capsys.readouterr().out
    assert ": o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11\n" in text
    assert "module39" in text
    assert "more" not in text


def test_groups_strays_and_splits_are_said(nowhere: Path, capsys: Capsys) -> None:
    def node(name: str, model: str, swappiness: str = "10") -> object:
        return vary(name, {"GPU.smi.gpu.model": model, SWAPPINESS: swappiness})

    nodes = [
        *(node(f"a{n}", "A100", "60" if n % 2 else "10") for n in range(4)),
        *(node(f"h{n}", "H100") for n in range(5)),
        node("b", "B200"),
    ]
    write_fleet(nowhere / "fleet", {n.metadata["source-node"]: n for n in nodes})  # type: ignore[attr-defined]
    assert main(["diff", "fleet"]) == 1
    text = capsys.readouterr().out
    assert "grouped by GPU product (they split the fleet; --group-by chooses others)\n" in text
    assert "too few alike for a group, compared with the closest one: b\n" in text
    assert "== GPU product H100: 6 nodes, 5 agree\n" in text
    assert "== GPU product A100: 4 nodes, 4 agree\n" in text
    assert "no majority: 2 / 2 nodes\n" in text
    assert "  ~ OS.sysctl./proc/sys/vm/swappiness: 10 / 60\n" in text
    assert text.endswith("\n1 node differs, 1 reading without a majority\n")


def test_group_by_and_a_group_of_one(nowhere: Path, capsys: Capsys) -> None:
    write(nowhere / "fleet", vary("a", {DRIVER: "570"}))
    assert main(["diff", "fleet", "--group-by", DRIVER]) == 0
    text = capsys.readouterr().out
    assert "grouped by GPU.smi.driver\n" in text
    assert "== GPU.smi.driver 570: 1 node, nothing to compare it with\n" in text


@pytest.mark.parametrize("baseline", ["a", "gold.yaml"])
def test_a_baseline_is_a_node_or_a_file(nowhere: Path, capsys: Capsys, baseline: str) -> None:
    write(nowhere / "fleet", vary("a", {DRIVER: "570"}))
    (nowhere / "gold.yaml").write_text(render_yaml(vary("gold", {DRIVER: "570"})))
    assert main(["diff", "fleet", "--baseline", baseline]) == 1
    text = capsys.readouterr().out
    assert text.startswith(f"fleet: 7 nodes compared with {baseline}\n")
    assert f"== all nodes: 7 nodes, 1 equal {baseline}\n" in text
    assert "6 nodes differ from 1 in 1 reading: n0, n1, n2, n3, n4, n5\n" in text


def test_drift_of_two_captures(nowhere: Path, capsys: Capsys) -> None:
    write_fleet(nowhere / "a", {n: vary(n) for n in ("x", "y", "z", "gone")})
    changed = {n: vary(n, {DRIVER: "590"}) for n in ("x", "y")}
    write_fleet(nowhere / "b", {**changed, "z": vary("z"), "new": vary("new")})
    assert main(["diff", "a", "b"]) == 1
    assert capsys.readouterr().out == (
        "A  a\nB  b\n\n+ 1 node new: new\n\n- 1 node gone: gone\n\n"
        "2 nodes changed in 1 reading: x, y\n  GPU.smi\n    ~ driver: 580 → 590 (+10)\n\n"
        "3 compared: 2 changed, 1 new, 1 gone\n"
    )
    assert main(["diff", "a", "b", "-o", "json"]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert (tree["new"], tree["gone"], tree["compared"]) == (["new"], ["gone"], 3)
    assert [c["nodes"] for c in tree["changed"]] == [["x", "y"]]
    assert main(["diff", "a", "a"]) == 0


def test_a_killed_run_is_warned_of(nowhere: Path, capsys: Capsys) -> None:
    write(nowhere / "fleet", state=RUNNING)
    assert main(["diff", "fleet"]) == 0
    assert capsys.readouterr().err == (
        "warning: the capture of fleet did not end (running); "
        "complete it with `kubectl snapshot --resume fleet`\n"
    )


@pytest.mark.parametrize(
    ("argv", "code", "what"),
    [
        (["diff", "empty"], 2, "empty is not a fleet"),
        (["diff", "fleet", "gold.yaml"], 2, "a fleet and a snapshot cannot be compared"),
        (["diff", "gold.yaml", "fleet"], 2, "a fleet and a snapshot cannot be compared"),
        (["diff", "gold.yaml"], 2, "missing argument: B"),
        (
            ["diff", "gold.yaml", "gold.yaml", "--group-by", "x"],
            2,
            "--group-by needs the directory",
        ),
        (
            ["diff", "gold.yaml", "gold.yaml", "--baseline", "x"],
            2,
            "--baseline needs the directory",
        ),
        (["diff", "fleet", "--all"], 2, "--all does not apply to a fleet"),
        (["diff", "fleet", "--mute", "pcie-width"], 2, "--mute does not apply to a fleet"),
        (["diff", "fleet", "--mute-file", "m.yaml"], 2, "--mute-file does not apply to a fleet"),
        (["diff", "fleet", "fleet", "--baseline", "a"], 2, "--baseline does not apply"),
        (["diff", "fleet", "-o", "html"], 2, "no format html for a fleet"),
        (["diff", "fleet", "--only", "OS.nothing"], 2, "no reading matches OS.nothing"),
        (["diff", "fleet", "--group-by", "pool"], 2, "no node has the label pool"),
        (["diff", "fleet", "--baseline", "none.yaml"], 3, "no such file: none.yaml"),
        (["diff", "edited"], 2, "cannot read|is not the manifest of a fleet|not valid YAML"),
        (["diff", "fleet", "strangers"], 2, "fleet and strangers have no node in common"),
    ],
)
def test_a_mistake_is_explained(
    nowhere: Path, capsys: Capsys, argv: list[str], code: int, what: str
) -> None:
    write(nowhere / "fleet")
    (nowhere / "empty").mkdir()
    (nowhere / "gold.yaml").write_text(render_yaml(vary("gold")))
    (nowhere / "edited").mkdir()
    (nowhere / "edited" / "fleet.yaml").write_text("nodes: [}\n")
    write_fleet(nowhere / "strangers", {"s": vary("s")})
    assert main(argv) == code
    err = capsys.readouterr().err
    assert any(part in err for part in what.split("|")), err


def test_hostile_values_steer_no_terminal(nowhere: Path, capsys: Capsys) -> None:
    odd = vary("a", {"OS.kmod.\x1b[31m\nx": "\x1b]0;title\x07\nnew line\u202e"})
    write(nowhere / "fleet", odd)
    assert main(["diff", "fleet"]) == 1
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\nnew line" not in text
