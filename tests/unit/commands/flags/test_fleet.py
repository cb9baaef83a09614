from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import pytest

from kubectl_snapshot.agent.config import AgentConfig
from kubectl_snapshot.commands import capture, preflight
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.commands.flags.fleet import (
    choose_place,
    is_fleet,
    parse_fleet_config,
    read_names,
    refuse_other_flags,
)
from kubectl_snapshot.constants import FULL_API_VERSION
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.fleet.planning.config import FleetConfig, validate_config


def parse(*words: str) -> argparse.Namespace:
    return parse_flags(capture.build_parser(), words, {})


@pytest.mark.parametrize(
    "words",
    [
        ("--all-nodes",),
        ("-l", "a=b"),
        ("--nodes-from", "x"),
        ("--resume", "d"),
        ("--node", "a", "--node", "b"),
    ],
)
def test_these_flags_make_a_fleet(words: tuple[str, ...]) -> None:
    assert is_fleet(parse(*words))


def test_one_node_is_no_fleet() -> None:
    assert not is_fleet(parse("--node", "a", "-o", "x.yaml"))
    assert not is_fleet(parse())


def test_several_nodes_in_the_environment_are_a_fleet() -> None:
    args = parse_flags(capture.build_parser(), [], {"KUBECTL_SNAPSHOT_NODE": "a b"})
    assert is_fleet(args)
    assert read_names(args) == ("a", "b")


@pytest.mark.parametrize(
    "words",
    [
        ("--local",),
        ("--dry-run",),
        ("--metrics-file", "x.prom"),
        ("--require-gpu",),
        ("--template", "x"),
        ("--wait-for-schedule",),
        ("--strict=all-or-nothing",),
    ],
)
def test_flags_of_one_node_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="is for the capture of one node"):
        refuse_other_flags(parse("--all-nodes", *words))
    refuse_other_flags(parse("--all-nodes", "--strict"))


@pytest.mark.parametrize(
    ("words", "directory"),
    [
        (("-o", "d/"), "d/"),
        (("-o", "a.b/c"), "a.b/c"),
        (("-o", "a.b/"), "a.b/"),
        (("--resume", "d"), "d"),
        (("--resume", "d/", "-o", "d"), "d/"),
    ],
)
def test_a_fleet_has_one_directory(words: tuple[str, ...], directory: str) -> None:
    assert choose_place(parse("--all-nodes", *words)) == (directory, "")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "a fleet needs one directory or tar file"),
        (("-o", ""), "a fleet needs one directory or tar file"),
        (("-o", "a/", "-o", "b/"), "a fleet needs one directory or tar file"),
        (("-o", "a.tar", "-o", "-"), "a fleet needs one directory or tar file"),
        (("-o", "a/", "-t", "json"), "-t json is for the capture of one node"),
        (("-o", "x.tar.xz"), "cannot write a fleet to x.tar.xz"),
        (("-o", "x.yaml"), "cannot write a fleet to x.yaml"),
        (("--resume", "d", "-o", "e"), "--resume and -o name different places"),
    ],
)
def test_other_destinations_are_refused(words: tuple[str, ...], what: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        choose_place(parse("--all-nodes", *words))
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("-o", "x.tar"), ("x.tar.part", "x.tar")),
        (("-o", "d/x.tar.gz"), ("d/x.tar.gz.part", "d/x.tar.gz")),
        (("-o", "x.tgz"), ("x.tgz.part", "x.tgz")),
        (("-o", "-"), ("", "-")),
        (("--resume", "x.tar.part", "-o", "x.tar"), ("x.tar.part", "x.tar")),
        (("--resume", "d", "-o", "-"), ("d", "-")),
        (("-o", "cm://a/b.tar.gz"), ("", "cm://a/b.tar.gz")),
    ],
)
def test_a_tar_file_is_made_of_a_directory(words: tuple[str, ...], place: tuple[str, str]) -> None:
    assert choose_place(parse("--all-nodes", *words)) == place


def test_the_flags_give_the_configuration() -> None:
    words = ("--parallel", "9", "--qps", "7", "--node-timeout", "30s", "--timeout", "1h")
    args = parse("-l", "a=b", *words, "--max-failures", "4", "--self-contained")
    config = parse_fleet_config(args, AgentConfig(), "d", ())
    assert (config.selector, config.directory, config.parallel, config.qps) == ("a=b", "d", 9, 7)
    assert (config.node_timeout, config.timeout, config.max_failures) == (30, 3600, 4)
    assert config.self_contained
    plain = parse_fleet_config(parse("--all-nodes", "--fail-fast"), AgentConfig(), "d", ("n",))
    assert (plain.timeout, plain.node_timeout, plain.max_failures) == (1800, 120, 1)
    zero = parse("--all-nodes", "--timeout", "0", "--node-timeout", "0")
    given = parse_fleet_config(zero, AgentConfig(), "d", ())
    assert (given.timeout, given.node_timeout) == (1800, 120)
    assert (plain.parallel, plain.nodes, plain.resume) == (64, ("n",), False)
    default = FleetConfig("d")
    assert (default.resume, default.self_contained, default.qps) == (False, False, 0)
    assert (default.parallel, default.max_failures) == (plain.parallel, 0)
    assert (default.timeout, default.node_timeout) == (plain.timeout, plain.node_timeout)


def test_a_file_of_names_is_added_to_the_nodes(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("b\n# c\na\n")
    path = str(tmp_path / "names")
    assert read_names(parse("--node", "a", "--nodes-from", path)) == ("a", "b", "a")
    (tmp_path / "names").write_text("# none\n")
    with pytest.raises(InvalidRequest, match="no node names in"):
        read_names(parse("--nodes-from", path))
    (tmp_path / "names").write_bytes(b"\xff")
    with pytest.raises(InvalidRequest, match="cannot read"):
        read_names(parse("--nodes-from", path))
    with pytest.raises(NotFound):
        read_names(parse("--nodes-from", str(tmp_path / "none")))


def test_names_may_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    assert read_names(parse("--nodes-from", "-")) == ("a", "b")


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (FleetConfig("d"), "no nodes selected"),
        (FleetConfig("d", all_nodes=True, parallel=0), "invalid number of parallel pods 0"),
        (FleetConfig("d", all_nodes=True, parallel=257), "invalid number of parallel pods 257"),
        (
            FleetConfig("d", all_nodes=True, agent=AgentConfig(cluster_scope="agent")),
            "--cluster-scope agent captures one node only",
        ),
        (
            FleetConfig("d", all_nodes=True, agent=AgentConfig(node_selector={"a": "b"})),
            "--node-selector is for the capture of one node",
        ),
        (
            FleetConfig("d", all_nodes=True, agent=AgentConfig(job_name="x")),
            "--job-name is for the capture of one node",
        ),
    ],
)
def test_an_impossible_configuration_is_refused(config: FleetConfig, what: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validate_config(config)
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("qps", "node_timeout", "window"),
    [(0, 120, 64), (1, 120, 20), (3, 120, 60), (4, 120, 64), (1, 5, 1), (0.5, 120, 10)],
)
def test_few_requests_a_second_are_not_shared_by_many_pods(
    qps: float, node_timeout: float, window: int
) -> None:
    """Each pod's create, log and delete have their turn in half of the node's time."""
    config = FleetConfig("d", all_nodes=True, qps=qps, node_timeout=node_timeout)
    assert config.window == window


def test_a_resumed_fleet_needs_no_selection() -> None:
    validate_config(FleetConfig("d", resume=True))
    validate_config(FleetConfig("d", all_nodes=True, parallel=256))
    validate_config(FleetConfig("d", all_nodes=True, parallel=1))


def test_a_preflight_has_no_version_of_documents() -> None:
    args = parse_flags(preflight.build_parser(), ["--all-nodes"], {})
    assert parse_fleet_config(args, AgentConfig(), "d", ()).api_version == FULL_API_VERSION


def test_the_version_of_the_documents_is_that_of_the_flag() -> None:
    args = parse("--all-nodes", "-o", "d/", "--api-version", "aicr.run/v1")
    assert parse_fleet_config(args, AgentConfig(), "d", ()).api_version == "aicr.run/v1"
