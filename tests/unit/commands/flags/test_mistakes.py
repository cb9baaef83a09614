from __future__ import annotations

import pytest

from kubectl_snapshot.commands import capture, check, cleanup
from kubectl_snapshot.commands.all_commands import COMMANDS, split_command
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.commands.flags.mistakes import SYNONYMS, explain_command, looks_like_node
from kubectl_snapshot.errors import InvalidRequest


def explain(*words: str, **environment: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse_flags(capture.build_parser(), words, environment)
    return caught.value


def hint_for(*words: str) -> str:
    return explain_command(split_command(words)[1]).hint


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["nodes/gpu-17"], "to capture a node: `kubectl snapshot --node gpu-17`"),
        (["No", "gpu-17"], "to capture a node: `kubectl snapshot --node gpu-17`"),
        (["show", "nodes", "gpu-17"], "to capture a node: `kubectl snapshot --node gpu-17`"),
        (["validate", "a b.yaml"], "use `kubectl snapshot check 'a b.yaml'`; "),
        (["list"], "use `kubectl snapshot cleanup --dry-run`; "),
        (["local"], "use `kubectl snapshot --local`; "),
        (["verison"], "did you mean version? "),
        (["hlep"], "did you mean help? see `kubectl snapshot --help`"),
        (["HELP", "diff"], "did you mean help? "),
        (["decsribe", "x.yaml"], "use `kubectl snapshot query x.yaml`; "),
        (["comapre", "a", "b"], "use `kubectl snapshot diff a b`; "),
        (["lint-1"], "to capture a node of this name: `kubectl snapshot --node lint-1`"),
        (["./node"], "to read a snapshot: `kubectl snapshot query ./node`; "),
        (["cm://ops/a"], "to read a snapshot: `kubectl snapshot query cm://ops/a`; "),
        (["ip-10-0-0-7.ec2.internal"], "to capture a node of this name: "),
        (["get", "pods"], "use `kubectl snapshot query pods`; "),
        (["get", "nodes"], "use `kubectl snapshot query nodes`; "),
        (["A_B"], "see `kubectl snapshot --help`"),
    ],
)
def test_an_unknown_command_is_reported_the_command_that_was_meant(
    words: list[str], hint: str
) -> None:
    assert hint_for(*words).startswith(hint)


def test_every_synonym_is_of_a_command_or_a_flag() -> None:
    assert {text.split()[0] for text in SYNONYMS.values()} <= {*COMMANDS, "--local"}
    assert not SYNONYMS.keys() & COMMANDS.keys()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["help"], ("capture", ["--help"])),
        (["--debug", "help", "diff"], ("diff", ["--debug", "--help"])),
        (["-V"], ("version", ["--client"])),
        (["--version", "-o", "json"], ("version", ["-o", "json", "--client"])),
        (["--quiet", "false", "check"], ("capture", ["--quiet", "false", "check"])),
        (["—node", "check"], ("capture", ["—node", "check"])),
    ],
)
def test_help_and_version_are_also_words_and_flags(
    words: list[str], expected: tuple[str, list[str]]
) -> None:
    assert split_command(words) == expected


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["-n", "ops", "cleanup"], "cleanup", "use `kubectl snapshot cleanup -n ops`"),
        (
            ["--older-than", "1h", "cleanup"],
            "cleanup",
            "use `kubectl snapshot cleanup --older-than 1h`",
        ),
        (["-image", "a"], "-image", "did you mean --image a? "),
        (["-image=a"], "-image", "did you mean --image a? "),
        (["–locl"], "–locl", "did you mean --local? "),
        (["--label", "a b=c"], "--label", "use --node-selector 'a b=c'"),
        (["--label"], "--label", "use --node-selector"),
        (["--debug", "false"], "false", "use --debug=false"),
        (["-v", "true"], "true", "use --verbose=true"),
        (["--tolerations", "a"], "--tolerations", "did you mean --toleration? "),
        (["--service-account", "a"], "--service-account", "did you mean --service-account-name? "),
        (["--all"], "--all", "--all is a flag of `kubectl snapshot diff`; "),
        (["gpu-17"], "gpu-17", "to capture a node: --node gpu-17; "),
        (["out.yaml"], "out.yaml", "to write a file: -o out.yaml; "),
        (["@live"], "@live", "see `kubectl snapshot --help`"),
        (["--node"], "--node", "see `kubectl snapshot --help`"),
    ],
)
def test_a_wrong_word_is_reported_the_right_one(words: list[str], what: str, hint: str) -> None:
    error = explain(*words)
    assert what in error.what
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (
            ["--node", "a", "--fail-on", "critical"],
            "use `kubectl snapshot findings @live --node a --fail-on critical`",
        ),
        (["--mute", "x y"], "use `kubectl snapshot findings @live --mute 'x y'`"),
        (["--constraint", "a == b"], "use `kubectl snapshot check @live --constraint 'a == b'`"),
        (["--token", "s3cret", "--fail-on", "critical"], ""),
    ],
)
def test_a_capture_that_shall_judge_is_given_the_command_that_does(
    words: list[str], hint: str
) -> None:
    said = explain(*words).hint
    assert said.endswith(hint)
    assert "s3cret" not in said


def test_a_flag_of_two_commands_names_both_and_a_hidden_one_none() -> None:
    assert "`kubectl snapshot check` and" not in explain("--run", "a").hint
    assert explain("--only", "a").hint.startswith("--only is a flag of `kubectl snapshot diff`")
    with pytest.raises(InvalidRequest) as caught:
        parse_flags(cleanup.build_parser(), ["--node", "a"], {})
    assert caught.value.hint.startswith(
        "--node is a flag of `kubectl snapshot capture` and `kubectl snapshot preflight`"
    )


@pytest.mark.parametrize(
    "flag", ["--node", "-n", "--context", "--token", "--image", "--node-selector", "--timeout"]
)
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_value_is_no_default(flag: str, value: str) -> None:
    assert "has an empty value" in explain(flag, value).what


def test_an_empty_output_is_stdout_and_an_empty_variable_is_unset() -> None:
    args = parse_flags(capture.build_parser(), ["-o", ""], {"KUBECTL_SNAPSHOT_NODE": ""})
    assert (args.output, args.node) == ([""], [])


def test_a_constraint_without_its_flag_is_quoted_whole() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_flags(check.build_parser(), ["a.yaml", "-c", "a.b.c", "==", "it's"], {})
    assert caught.value.hint == "use -c 'a.b.c == it'\"'\"'s'"


@pytest.mark.parametrize(
    ("word", "is_node"),
    [("gpu-17", True), ("a.b.c", True), ("a.yaml", False), ("A", False), ("a/b", False)],
)
def test_a_nodes_name_is_no_path(word: str, is_node: bool) -> None:
    assert looks_like_node(word) is is_node
