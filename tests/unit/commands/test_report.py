from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from kubectl_snapshot.commands import report
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.main import main
from kubectl_snapshot.render.report.node import render_report
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet
from tests.unit.render.pages import EXAMPLES, GOOD

GPU_17, GPU_23 = (str(EXAMPLES / "snapshots" / f"{name}.yaml") for name in ("gpu-17", "gpu-23"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_page_goes_to_a_file_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    assert main(["report", GPU_17, "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == render_report(GOOD)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [[], ["-o", "-"], ["-o", "html"]])
def test_a_page_goes_through_a_pipe(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", GPU_17, *words]) == 0
    assert capsys.readouterr().out == render_report(GOOD)


def test_two_documents_are_compared_as_they_were_named(tmp_path: Path) -> None:
    path = tmp_path / "changes.html"
    assert main(["report", GPU_17, GPU_23, "-o", str(path)]) == 0
    page = path.read_text(encoding="utf-8")
    assert "gpu-17 → gpu-23" in page
    assert f"<td>{GPU_23}<div" in page


def test_a_terminal_is_not_flooded() -> None:
    args = parse_flags(report.build_parser(), [GPU_17], {})
    with pytest.raises(InvalidRequest, match="refusing to print HTML"):
        report.run(args, Terminal())


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["-", "-"], "stdin was given twice"),
        ([GPU_17, "-o", "report.yaml"], "unknown format of report.yaml"),
        ([GPU_17, "-o", "cm://a/b"], "cm://a/b"),
        ([GPU_17, "-t", "yaml"], 'unknown format "yaml"'),
    ],
)
def test_what_cannot_be_done_is_refused(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert what in err


def test_a_fleet_has_a_page_for_each_node_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    odd = vary("odd", {"GPU.smi.driver": "570"})
    labels = {"pool": "a|n0"}
    fleet = write_fleet(tmp_path / "fleet", make_fleet(3, odd), failed=["gone"], labels=labels)
    page = tmp_path / "a b#.html"
    assert main(["report", fleet, "--with-nodes", "-o", str(page)]) == 0
    directory = tmp_path / "a b#-nodes"
    assert sorted(os.listdir(directory)) == ["n0.html", "n1.html", "n2.html", "odd.html"]
    links = set(re.findall(r'<a href="([^#"][^"]*)">(\w+)</a>', page.read_text()))
    assert links == {(f"a%20b%23-nodes/{name}.html", name) for name in ("n0", "n1", "n2", "odd")}
    own = (directory / "odd.html").read_text()
    assert "570" in own and "NodeTopology" in own
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "odd.html").stat().st_mode & 0o777 == 0o600
    assert main(["report", fleet, "-o", str(page)]) == 0
    assert "-nodes/" not in page.read_text()
    capsys.readouterr()
    for words in ([fleet, "--with-nodes"], [fleet, "--with-nodes", "-o", "a.html", "-o", "b.html"]):
        assert main(["report", *words]) == 2
        assert "--with-nodes needs one file" in capsys.readouterr().err
    assert main(["report", GPU_17, "--with-nodes", "-o", str(page)]) == 2
    assert "--with-nodes needs the directory of a fleet" in capsys.readouterr().err


def test_the_nodes_of_a_fleet_are_grouped_as_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fleet = write_fleet(tmp_path / "fleet", make_fleet(3, vary("odd", {"GPU.smi.driver": "570"})))
    page = tmp_path / "fleet.html"
    assert main(["report", fleet, "--group-by", "GPU.smi.driver", "-o", str(page)]) == 0
    assert "GPU.smi.driver 570" in page.read_text()
    assert main(["report", fleet, "-o", str(page)]) == 0
    assert "GPU.smi.driver 570" not in page.read_text()
    assert main(["report", GPU_17, "--group-by", "pool", "-o", str(page)]) == 2
    assert "--group-by needs the directory of a fleet" in capsys.readouterr().err
