from __future__ import annotations

import argparse
import io

import pytest

from kubectl_snapshot.commands import capture, collect, query, version
from kubectl_snapshot.commands.console.progress import choose_progress
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.commands.flags.parser import HelpFormatter
from kubectl_snapshot.commands.flags.shared import parse_timeout
from kubectl_snapshot.errors import InvalidRequest


def parse(*words: str, **environment: str) -> dict[str, object]:
    return vars(parse_flags(capture.build_parser(), words, environment))


def test_an_optional_value_is_taken_only_after_an_equals_sign() -> None:
    assert parse("--strict", "-o", "x")["strict"] == "true"
    assert parse("--strict=all-or-nothing")["strict"] == "all-or-nothing"
    with pytest.raises(InvalidRequest, match="unexpected argument: all-or-nothing"):
        parse("--strict", "all-or-nothing")


@pytest.mark.parametrize(
    ("word", "expected"), [("--quiet", True), ("--quiet=true", True), ("--quiet=false", False)]
)
def test_a_boolean_takes_true_and_false(word: str, expected: bool) -> None:
    assert parse(word)["quiet"] is expected


def test_a_boolean_takes_nothing_else() -> None:
    with pytest.raises(InvalidRequest, match='invalid boolean "1"'):
        parse("--quiet=1")


def test_a_short_boolean_stands_alone() -> None:
    assert parse("-v")["verbose"] == 1


@pytest.mark.parametrize("flag", ["--image", "--timeout", "--job-name", "--selector", "-n"])
def test_a_single_flag_given_twice_is_refused(flag: str) -> None:
    with pytest.raises(InvalidRequest, match="was given twice"):
        parse(flag, "a", flag, "a")


def test_a_repeated_flag_keeps_its_order() -> None:
    words = ("--node-selector", "a=1", "--node-selector", "b=2")
    assert parse(*words)["node_selector"] == ["a=1", "b=2"]


def test_a_flag_is_never_abbreviated() -> None:
    with pytest.raises(InvalidRequest, match="--node-sel"):
        parse("--node-sel", "a=1")


def test_the_environment_speaks_where_the_command_line_is_silent() -> None:
    environment = {
        "KUBECTL_SNAPSHOT_IMAGE": "ours",
        "KUBECTL_SNAPSHOT_NODE_SELECTOR": "a=1 b=2",
        "KUBECTL_SNAPSHOT_QUIET": "true",
    }
    found = parse(**environment)
    assert (found["image"], found["node_selector"], found["quiet"]) == (
        "ours",
        ["a=1", "b=2"],
        True,
    )
    assert parse("--image", "typed", **environment)["image"] == "typed"
    assert parse("--node-selector", "c=3", **environment)["node_selector"] == ["c=3"]


def test_a_variable_is_called_as_its_flag_is() -> None:
    assert parse(KUBECTL_SNAPSHOT_AS="jane")["as_user"] == "jane"
    assert parse(KUBECTL_SNAPSHOT_O="json")["output"] == []


def test_our_variable_comes_before_the_references() -> None:
    assert parse(AICR_NAMESPACE="theirs")["namespace"] == "theirs"
    both = {"AICR_NAMESPACE": "theirs", "KUBECTL_SNAPSHOT_NAMESPACE": "ours"}
    assert parse(**both)["namespace"] == "ours"


def test_the_references_variable_separates_by_commas() -> None:
    assert parse(AICR_HELM_NAMESPACES="ops, team,")["helm_namespace"] == ["ops", "team"]
    assert parse(KUBECTL_SNAPSHOT_AS_GROUP="cn=a,dc=b c")["as_group"] == ["cn=a,dc=b", "c"]


def test_aicrs_names_of_the_helm_flags_are_taken() -> None:
    assert parse("--helm-namespaces", "ops,team")["helm_namespaces"] == ["ops,team"]
    assert parse("--helm-all-namespaces")["helm_all_namespaces"] is True
    assert parse(AICR_REQUESTS="cpu=1", AICR_LIMITS="cpu=2")["requests"] == "cpu=1"


def test_a_count_is_a_number_from_0_on() -> None:
    assert parse("--max-nodes-per-entry", "3")["max_nodes_per_entry"] == 3
    assert parse(AICR_MAX_NODES_PER_ENTRY="7")["max_nodes_per_entry"] == 7
    for text in ("-1", "x", "1.5", "\u0663"):
        with pytest.raises(InvalidRequest, match="number"):
            parse(f"--max-nodes-per-entry={text}")


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "True", "TRUE"])
def test_a_boolean_variable_is_set_as_in_go(text: str) -> None:
    assert parse(KUBECTL_SNAPSHOT_QUIET=text)["quiet"] is True
    assert parse(AICR_DEBUG=text)["debug"] is True


@pytest.mark.parametrize("text", ["0", "f", "F", "false", "False", "FALSE"])
def test_a_boolean_variable_is_unset_as_in_go(text: str) -> None:
    assert parse(KUBECTL_SNAPSHOT_QUIET=text)["quiet"] is False


def test_a_boolean_flag_is_true_or_false() -> None:
    with pytest.raises(InvalidRequest):
        parse("--quiet=1")


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(InvalidRequest, match="environment variable KUBECTL_SNAPSHOT_QUIET"):
        parse(KUBECTL_SNAPSHOT_QUIET="maybe")
    with pytest.raises(InvalidRequest, match="environment variable KUBECTL_SNAPSHOT_CLUSTER_SCOPE"):
        parse(KUBECTL_SNAPSHOT_CLUSTER_SCOPE="everything")


def test_reading_flags_leaves_no_trace_in_the_next_parser() -> None:
    assert parse(KUBECTL_SNAPSHOT_IMAGE="ours")["image"] == "ours"
    assert parse()["image"] != "ours"


def test_a_variable_of_the_capture_means_nothing_to_another_verbs_own_flag() -> None:
    environment = {"KUBECTL_SNAPSHOT_OUTPUT": "yaml", "KUBECTL_SNAPSHOT_CLUSTER_SCOPE": "auto"}
    assert vars(parse_flags(version.build_parser(), [], environment))["output"] == "text"
    assert vars(parse_flags(collect.build_parser(), [], environment))["cluster_scope"] == "agent"
    assert parse(**environment)["output"] == ["yaml"]


def test_a_timeout_of_0_is_the_default() -> None:
    assert parse_timeout("0") == 300
    assert parse_timeout("90s") == 90


def test_the_references_limit_that_is_no_number_is_no_limit_and_reported() -> None:
    args = parse_flags(query.build_parser(), ["a.yaml"], {"AICR_MAX_NODES_PER_ENTRY": "all"})
    assert args.max_nodes_per_entry == 0
    stderr = io.StringIO()
    choose_progress(args, stderr)
    assert stderr.getvalue() == (
        'warning: invalid number "all" in AICR_MAX_NODES_PER_ENTRY: no limit is set\n'
    )


def test_our_own_limit_has_to_be_a_number() -> None:
    with pytest.raises(InvalidRequest, match="KUBECTL_SNAPSHOT_MAX_NODES_PER_ENTRY"):
        parse_flags(
            query.build_parser(), ["a.yaml"], {"KUBECTL_SNAPSHOT_MAX_NODES_PER_ENTRY": "all"}
        )


def test_the_messages_of_argparse_are_not_translated() -> None:
    # misread reads them; and looking for a catalog loads locale.
    assert argparse._("expected one argument") == "expected one argument"  # type: ignore[attr-defined]
    assert argparse._ is str  # type: ignore[attr-defined]


def test_help_has_no_colours_whatever_argparse_asks_for() -> None:
    # Python 3.14 calls this for each formatter.
    formatter = HelpFormatter("x")
    formatter._set_color(True)
    assert (formatter._theme.prog, formatter._theme.reset) == ("", "")
    assert formatter._decolor("\x1b[1mx") == "\x1b[1mx"
