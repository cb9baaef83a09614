from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER = "GPU.smi.driver"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    odd = vary("b", {DRIVER: "570"})
    write_fleet(tmp_path / "fleet", make_fleet(2, odd), ["gone"], labels={"pool": "a|n0"})


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([DRIVER], "NODE  VALUE\nn0    580\nn1    580\nb     570\ngone  -\n"),
        ([DRIVER, "-o", "value"], "n0    580\nn1    580\nb     570\ngone  -\n"),
        (
            [DRIVER, "GPU.smi.gpu-count", "-o", "table"],
            "NODE  PATH               VALUE\n"
            "n0    GPU.smi.driver     580\nn0    GPU.smi.gpu-count  2\n"
            "n1    GPU.smi.driver     580\nn1    GPU.smi.gpu-count  2\n"
            "b     GPU.smi.driver     570\nb     GPU.smi.gpu-count  2\n"
            "gone  -                  -\n",
        ),
        (
            [DRIVER, "--group"],
            "PATH            VALUE  NODES  NAMES\n"
            "GPU.smi.driver  580    2      n0, n1\n"
            "GPU.smi.driver  570    1      b\n"
            "GPU.smi.driver  -      1      gone\n",
        ),
        (
            ["NodeTopology.label.pool", "-o", "value"],
            "n0    a|n0\nn1    a|n0\nb     a|n0\ngone  -\n",
        ),
    ],
)
def test_values_by_node_and_nodes_by_value(capsys: Capsys, words: list[str], text: str) -> None:
    assert main(["query", "fleet", *words]) == 0
    assert capsys.readouterr().out == text


def test_trees(capsys: Capsys) -> None:
    assert main(["query", "fleet", DRIVER, "-o", "json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree == {"n0": {DRIVER: "580"}, "n1": {DRIVER: "580"}, "b": {DRIVER: "570"}, "gone": {}}
    assert main(["query", "fleet", DRIVER, "--group", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"] == [
        {"path": DRIVER, "value": "580", "nodes": ["n0", "n1"]},
        {"path": DRIVER, "value": "570", "nodes": ["b"]},
        {"path": DRIVER, "nodes": ["gone"]},
    ]


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["query", "fleet"], 2, "a fleet needs a path"),
        (["query", "fleet", "GPU.smi.cuda-version"], 3, "the snapshot has no GPU.smi.cuda-version"),
        (["query", "fleet", "GPU.smi.nothing"], 2, "GPU.smi.nothing"),
        (["query", "fleet", "-o", "template=x.j2"], 2, ""),
        (["query", "fleet/nodes/n0.yaml", DRIVER, "--group"], 2, "--group needs the directory"),
    ],
)
def test_a_mistake_is_explained(capsys: Capsys, words: list[str], code: int, what: str) -> None:
    Path("x.j2").write_text("")
    assert main(words) == code
    assert what in capsys.readouterr().err


def test_a_fleet_without_documents_is_an_error(tmp_path: Path, capsys: Capsys) -> None:
    write_fleet(tmp_path / "none", {}, ["a"])
    assert main(["query", "none", DRIVER]) == 2
    assert "a: failed, image pull: no such image" in capsys.readouterr().err
