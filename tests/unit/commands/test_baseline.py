from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

DRIVER, SWAPPINESS = "GPU.smi.driver", "OS.sysctl./proc/sys/vm/swappiness"
MODEL = "GPU.smi.gpu.model"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def rules_of(path: str, *flags: str) -> dict[str, dict[str, object]]:
    assert main(["baseline", path, "-o", "rules.yaml", *flags]) == 0
    tree = yaml.safe_load(Path("rules.yaml").read_text())
    return {rule["name"]: rule for rule in tree["rules"]}


def test_what_nodes_have_in_common_is_a_rule_file_that_they_pass(nowhere: Path) -> None:
    write_fleet(nowhere / "fleet", make_fleet(20, vary("odd", {DRIVER: "570"})))
    rules = rules_of("fleet")
    assert rules[DRIVER]["constraint"] == "580"
    assert rules[DRIVER]["message"] == "20 of 21 nodes have it"
    assert rules["GPU.gpu-*.name"]["constraint"] == "H100"
    assert rules["OS.kmod.xfs"]["constraint"] == "true"
    own = ("GPU.gpu-0.uuid", "OS.sysctl./proc/sys/kernel/hostname", "GPU.gpu-*.uuid")
    more = ("SystemD.kubelet.service.ExecStart", "GPU.topology.0/1", "K8s.node.source-node")
    assert not rules.keys() & {*own, *more, "OS.sysctl./proc/sys/fs/file-nr"}
    assert main(["check", "fleet/nodes/n3.yaml", "-f", "rules.yaml", "--strict"]) == 0
    assert main(["check", "fleet/nodes/odd.yaml", "-f", "rules.yaml"]) == 1
    assert main(["check", "fleet", "-f", "rules.yaml"]) == 1


@pytest.mark.parametrize(("share", "has_rule"), [("95%", False), ("90", True), ("100%", False)])
def test_the_share_decides(nowhere: Path, share: str, has_rule: bool) -> None:
    write_fleet(nowhere / "fleet", make_fleet(9, vary("odd", {DRIVER: "570"})))
    assert (DRIVER in rules_of("fleet", "--share", share)) == has_rule


def test_each_group_has_its_rules(nowhere: Path) -> None:
    odd = [vary(f"m{n}", {MODEL: "A100 80GB", DRIVER: "570"}) for n in range(3)]
    usual = {f"n{n}": vary(f"n{n}", {MODEL: "H100"}) for n in range(4)}
    write_fleet(nowhere / "fleet", {**usual, **{o.metadata["source-node"]: o for o in odd}})
    rules = rules_of("fleet")
    assert rules[f"{DRIVER} (A100 80GB)"]["when"] == [f"{MODEL} A100 80GB"]
    assert rules[f"{DRIVER} (A100 80GB)"]["constraint"] == "570"
    assert rules[f"{DRIVER} (H100)"]["constraint"] == "580"
    assert main(["check", "fleet", "-f", "rules.yaml", "--strict"]) == 0


def test_groups_by_a_label_use_the_label(nowhere: Path) -> None:
    labels = {"pool.a": "a|n0,n1", "pool.b": "b|n2,n3"}
    write_fleet(nowhere / "fleet", make_fleet(4), labels=labels)
    rules = rules_of("fleet", "--group-by", "pool")
    assert rules[f"{DRIVER} (a)"]["when"] == ["label(pool) a"]
    assert main(["check", "fleet", "-f", "rules.yaml", "--strict"]) == 0


def test_a_value_that_would_be_an_expression_is_left_out(nowhere: Path) -> None:
    odd = {"OS.kmod.a": "== 1", "OS.kmod.b": "x || y", "OS.kmod.c": "", "OS.kmod.d": "OS.kmod.xfs"}
    write_fleet(nowhere / "fleet", {f"n{n}": vary(f"n{n}", odd) for n in range(3)})
    rules = rules_of("fleet")
    assert not rules.keys() & odd.keys()
    assert "readings cannot be written as a rule\n" in Path("rules.yaml").read_text()
    assert main(["check", "fleet", "-f", "rules.yaml", "--strict"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["baseline", "none"], 2, "none is not a fleet"),
        (["baseline", "."], 2, ". is not a fleet"),
        (["baseline", "fleet", "--share", "50"], 2, 'invalid share "50"'),
        (["baseline", "fleet", "--share", "101%"], 2, 'invalid share "101%"'),
        (["baseline", "fleet", "--share", "x"], 2, 'invalid share "x"'),
        (["baseline", "fleet", "--share", "nan"], 2, 'invalid share "nan"'),
        (["baseline", "fleet", "--group-by", "x"], 2, "no node has the label x"),
        (["baseline"], 2, "missing argument: DIR"),
    ],
)
def test_a_mistake_is_explained(
    nowhere: Path, capsys: Capsys, words: list[str], code: int, what: str
) -> None:
    write_fleet(nowhere / "fleet", make_fleet(2))
    assert main(words) == code
    assert what in capsys.readouterr().err


def test_an_identifier_that_most_nodes_have_in_another_form_is_no_rule(nowhere: Path) -> None:
    """Its form (`x:x:x.x` of a PCI address) is not what a document has."""
    key = "GPU.gpu-0.nvlink.0.remote-pci-bus-id"
    first = {"a": vary("a", {key: "other"})}
    usual = {f"n{n}": vary(f"n{n}", {key: f"0000:0{n}:00.0"}) for n in range(5)}
    write_fleet(nowhere / "fleet", {**first, **usual})
    rules = rules_of("fleet", "--share", "60%")
    assert not [name for name in rules if "nvlink" in name]
    assert main(["check", "fleet", "-f", "rules.yaml", "--strict"]) == 0


def test_a_list_without_an_order_is_no_rule(nowhere: Path) -> None:
    key = "SystemD.kubelet.service.Before"
    orders = ("[a.target b.target]", "[b.target a.target]")
    nodes = {f"n{n}": vary(f"n{n}", {key: orders[n % 2]}) for n in range(4)}
    write_fleet(nowhere / "fleet", nodes)
    assert key not in rules_of("fleet")
    assert main(["diff", "fleet"]) == 0


def test_what_many_nodes_could_not_read_is_no_rule(nowhere: Path) -> None:
    unread = [vary(f"u{n}", status={"OS.kmod": "error"}) for n in range(3)]
    write_fleet(nowhere / "fleet", make_fleet(3, *unread))
    assert not [name for name in rules_of("fleet") if name.startswith("OS.kmod")]
    assert main(["check", "fleet", "-f", "rules.yaml", "--strict"]) == 0
