"""The documents are complete, and their examples work.

`scripts/regen --check` checks that their generated parts are up to date.
"""

from __future__ import annotations

import configparser
import dataclasses
import json
import os
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from kubectl_snapshot import errors, snapshotter
from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.commands import capture
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags.environment import variable_names
from kubectl_snapshot.commands.output import SNAPSHOT_FORMATS, describe_format
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import GAP_STATUSES, STATUSES, gaps, new_snapshot
from kubectl_snapshot.job.options import LEVELS
from kubectl_snapshot.render.go_template import port_line
from kubectl_snapshot.render.user_template import FILTERS, build_variables
from tests import docs_support as docs

PACKAGE = docs.ROOT / "kubectl_snapshot"
DECISIONS = sorted((docs.ROOT / "docs" / "adr").glob("0*.md"))


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without a cluster, in which `kubectl` runs this checkout."""
    directory = tmp_path_factory.mktemp("docs")
    start = f'exec "{sys.executable}" -m kubectl_snapshot "$@"\n'
    programs = {"kubectl": f"#!/bin/sh\nshift\n{start}", "kubectl-snapshot": f"#!/bin/sh\n{start}"}
    for name, text in programs.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    path = os.pathsep.join([str(directory), os.environ["PATH"]])
    return {"PATH": path, "HOME": str(directory), "LANG": "C.UTF-8", "PYTHONPATH": str(docs.ROOT)}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_flags_and_variables_in_the_reference(name: str) -> None:
    flags_part, _, variables_part = docs.read_page("docs/cli.md").partition("\n## Environment\n")
    parser = import_module(COMMANDS[name][0]).build_parser()
    flags = [a for a in parser._actions if a.option_strings and a.dest != "help"]
    words = [word for action in flags for word in action.option_strings]
    variables = [variable for action in flags for variable in variable_names(action)]
    assert f"\n## {name}\n" in flags_part
    assert not [w for w in words if not re.search(rf"^\|.* ?`{w}[`\[ ].* \| ", flags_part, re.M)]
    assert not [v for v in variables if f"`{v}`" not in variables_part]


def test_scopes_and_levels_are_explained() -> None:
    page = docs.read_page("docs/cli.md")
    (scope,) = (a for a in capture.build_parser()._actions if "--cluster-scope" in a.option_strings)
    values = [*(scope.choices or ()), *(str(level).lower() for level in LEVELS)]
    assert len(values) == 7
    assert not [value for value in values if f"\n| `{value}` |" not in page]


@pytest.mark.parametrize("name", map(describe_format, SNAPSHOT_FORMATS.names))
def test_each_format_is_explained(name: str) -> None:
    assert f"\n| `{name}` | " in docs.read_section(docs.read_page("docs/cli.md"), "Output")


def test_each_name_that_a_template_sees_is_explained() -> None:
    page = docs.read_page("docs/templates.md")
    rows = set(re.findall(r"^\| `(\w+)", docs.read_section(page, "Variables"), re.M))
    assert rows == set(build_variables(new_snapshot()))
    assert {f"`{name}`" for name in FILTERS} <= set(re.findall(r"`\w+`", page))


def test_the_page_ports_go_lines_as_the_hint_does() -> None:
    section = docs.read_section(docs.read_page("docs/templates.md"), "Port a Go template")
    rows = re.findall(r"^\| `(\{\{.*)` \| `(.*)` \|$", section, re.M)
    assert len(rows) > 10
    for go, jinja in rows:
        assert port_line(go)[0] == jinja.replace(r"\|", "|")


def test_each_exit_code_is_explained() -> None:
    page = docs.read_page("docs/exit-codes.md")
    constants = [value for name, value in vars(errors).items() if re.match("EXIT_[A-Z]+$", name)]
    numbers = [*(n for n in constants if isinstance(n, int)), *errors.EXIT_CODES.values()]
    assert 10 in numbers
    for number in numbers:
        assert f"| `{number}` |" in page
    for code in errors.EXIT_CODES:
        assert f"`{code}`" in page


def test_each_subtype_has_a_section() -> None:
    page = docs.read_page("docs/format.md")
    for type_, collector in ALL_COLLECTORS.items():
        for subtype in (spec.name for spec in collector.SUBTYPES if not spec.is_pattern):
            own_section = f"\n### {type_}.{subtype}\n"
            assert own_section in page


@pytest.mark.parametrize("block", docs.read_blocks("", "yaml"), ids=str)
def test_each_example_document_is_valid_and_in_our_own_form(block: docs.Block) -> None:
    docs.validate_document(block.text)
    snapshot = parse_document(block.text)
    assert snapshot.metadata["gaps"] == ",".join(gaps(snapshot))
    assert render_yaml(snapshot) == block.text


def test_each_status_says_whether_it_is_a_gap() -> None:
    page = docs.read_page("docs/format.md")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \|$", page, re.MULTILINE))
    assert rows == {status: "yes" if status in GAP_STATUSES else "no" for status in STATUSES}


def test_each_context_key_of_the_golden_documents_is_explained() -> None:
    spans = {
        span.partition(".")[0] for span in docs.read_code_spans(docs.read_page("docs/format.md"))
    }
    goldens = list((docs.ROOT / "tests" / "golden" / "collectors").glob("*.json"))
    assert goldens
    for golden in goldens:
        for subtype in json.loads(golden.read_text(encoding="utf-8")).values():
            assert {key.partition(".")[0] for key in subtype["context"]} <= spans


def test_each_name_of_the_library_is_explained() -> None:
    spans = docs.read_code_spans(docs.read_page("docs/library.md"))
    assert set(snapshotter.__all__) <= spans
    assert {field.name for field in dataclasses.fields(snapshotter.AgentConfig)} <= spans


def test_the_layers_are_those_of_the_linter() -> None:
    linter = configparser.ConfigParser()
    linter.read(docs.ROOT / ".importlinter")
    layers = linter["importlinter:contract:layers"]["layers"]
    stated = [
        name
        for name in re.findall(r"\w+", layers)
        if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    ]
    lines = re.findall(r"^\w+(?:  \|  \w+)*", read_tree(), re.MULTILINE)
    assert [name for line in lines for name in line.split("  |  ")] == stated


def test_the_tree_has_every_package() -> None:
    packages = {path.parent.name for path in PACKAGE.rglob("*/__init__.py")}
    assert packages <= set(re.findall(r"\w+", read_tree()))


def read_tree() -> str:
    """Return the drawing of the packages."""
    (tree,) = re.findall(r"```text\n(__main__.*?)```", read_architecture(), re.DOTALL)
    return str(tree)


def read_architecture() -> str:
    return docs.read_page("docs/ARCHITECTURE.md")


def test_each_file_that_the_architecture_names_exists() -> None:
    spans = {s for s in docs.read_code_spans(read_architecture()) if re.search(r"[a-z]/|\.py$", s)}
    assert len(spans) > 30
    for span in spans:
        found = [p for root in (docs.ROOT, PACKAGE) for p in root.glob(f"{span.rstrip('/')}*")]
        assert found, f"there is no {span}"


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    for target, anchor in docs.read_links(page):
        assert target.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in docs.read_anchors(target), f"{target} has no #{anchor}"


def test_each_page_is_in_the_index() -> None:
    index = docs.ROOT / "docs" / "README.md"
    listed = {target.resolve() for target, _ in docs.read_links(index)}
    pages = {page for page in docs.PAGES if index.parent in page.parents and page not in DECISIONS}
    assert pages - listed == {index}


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.name)
def test_each_make_target_exists(page: Path) -> None:
    makefile = docs.read_page("Makefile")
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"there is no target {target}"


def test_contributing_lists_each_make_target() -> None:
    page = docs.read_page("CONTRIBUTING.md")
    targets = re.findall(r"^([a-z-]+):.* ## ", docs.read_page("Makefile"), re.MULTILINE)
    assert "lint" in targets
    assert [name for name in targets if f"`make {name}`" not in page] == ["help"]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_short_and_says_what_it_costs(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert re.match(rf"# {page.name[:4]}: ", lines[0])
    assert re.match(r"Status: (accepted|superseded by \d{4}), \d{4}-\d{2}-\d{2}", lines[2])
    sections = [line for line in lines if line.startswith("## ")]
    assert sections == ["## Context", "## Decision", "## Consequences", "## Alternatives"]


def test_no_two_decisions_have_one_number() -> None:
    numbers = [page.name[:4] for page in DECISIONS]
    assert len(set(numbers)) == len(numbers)


def test_each_changelog_fragment_is_one_line_of_a_known_kind() -> None:
    fragments = [p for p in (docs.ROOT / "changelog.d").iterdir() if p.name != "README.md"]
    for fragment in fragments:
        assert re.fullmatch(
            r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md", fragment.name
        )
        assert re.fullmatch(r"[A-Z`].*\.\n", fragment.read_text(encoding="utf-8"))


def test_each_block_says_where_it_runs() -> None:
    for block in docs.read_blocks("", *docs.RUNNABLE):
        places = (docs.HERE, docs.CLUSTER, docs.LAB, docs.BY_HAND, docs.TUTORIAL)
        assert block.where in places or block.action != "run", str(block)


@pytest.mark.parametrize("block", docs.read_blocks(docs.HERE, "console", "sh"), ids=str)
def test_commands_that_need_no_cluster_do_what_is_shown(
    block: docs.Block, tmp_path: Path, environment: dict[str, str]
) -> None:
    docs.run_block(block, tmp_path, environment)


@pytest.mark.parametrize("block", docs.read_blocks(docs.HERE, "python"), ids=str)
def test_python_that_needs_no_cluster_writes_a_valid_document(
    block: docs.Block, tmp_path: Path, environment: dict[str, str]
) -> None:
    docs.run_python(block, tmp_path, [sys.executable], environment)


def test_a_different_output_is_an_error() -> None:
    command = docs.Command("x", ("error: no cluster …", "…", "kind: Snapshot"))
    docs.compare_output(command, ["error: no cluster is there", "a", "b", "kind: Other"])
    with pytest.raises(AssertionError):
        docs.compare_output(command, ["error: a cluster", "a", "b", "kind: Other"])
    with pytest.raises(AssertionError):
        docs.compare_output(command, ["error: no cluster is there", "a", "b", "metadata:"])


def test_a_refreshed_output_keeps_the_ellipses_of_the_page() -> None:
    command = docs.Command("x", ("error: no cluster …", "…", "kind: Snapshot", "left: …"))
    printed = ["error: no cluster is there", "a", "b", "kind: Other", "left: right"]
    refreshed = ["error: no cluster …", "…", "kind: Other", "left: …"]
    assert docs.refresh_output(command, printed) == refreshed


def test_a_refreshed_output_with_other_lines_is_written_in_full() -> None:
    command = docs.Command("x", ("error: no cluster",))
    printed = ["done", "x" * 121]
    assert docs.refresh_output(command, printed) == ["done", "x" * 119 + "…"]
