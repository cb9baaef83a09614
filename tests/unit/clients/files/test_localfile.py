"""YAML files: the fast parser returns what PyYAML returns, or leaves the text to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.files.localfile import (
    _NotPlain,
    locate_yaml,
    parse_plain_yaml,
    parse_yaml,
    read_input,
    read_yaml,
)
from kubectl_snapshot.errors import InvalidRequest, NotFound

EKS = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJrakNDQVRtZ0F3==
    server: https://0123.gr7.us-west-2.eks.amazonaws.com
    extensions:
    - extension:
        last-update: Thu, 21 Nov 2024 10:00:00 UTC
        provider: minikube.sigs.k8s.io
      name: cluster_info
  name: arn:aws:eks:us-west-2:123:cluster/gpu
contexts:
- context:
    cluster: arn:aws:eks:us-west-2:123:cluster/gpu
    user: "arn:aws:eks:us-west-2:123:cluster/gpu"
  name: gpu
current-context: gpu
kind: Config
preferences: {}
users:
- name: arn:aws:eks:us-west-2:123:cluster/gpu
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - --region
      - us-west-2
      command: aws
      env: null
      interactiveMode: IfAvailable
      provideClusterInfo: false
"""

WORDS = ["a", "true", "no", "~", "null", "1", "0x1f", "1e5", "2024-01-01", "12:30:45", ".5", "-"]
WORDS += ["- ", "---", "-x", "--y", "#", " #c", "a #c", "a: b", "a:", ":", "a:b", "{}", "[]", "[a]"]
WORDS += ["'q'", '"d"', '"\\n"', "'it''s'", "|", ">", "&a", "*a", "!t", "?", "%", "@", "`", "\t"]
WORDS += [
    "54d1f4",
    "1f.0",
    "y",
    "Off",
    "=",
    "<<",
    "é",
    "x ",
    " x",
    "a  b",
    "\r",
    "\x85",
    "/p",
    "+1",
]
SCALARS = st.one_of(st.sampled_from(WORDS), st.text("ab01:-#'\" ~.{}[]|+ef", max_size=8))
LINES = st.builds(
    lambda indent, dash, key, value: " " * indent + dash + key + value,
    st.integers(0, 5),
    st.sampled_from(["", "", "- ", "-  "]),
    st.sampled_from(["", "a: ", "b: ", "a:", "b:", "c.d/e: ", "no: ", "1: "]),
    SCALARS,
)
TEXTS = st.lists(LINES, max_size=8).map("\n".join)


@given(TEXTS)
def test_the_fast_parser_agrees_with_pyyaml(text: str) -> None:
    try:
        fast = parse_plain_yaml(text)
    except _NotPlain:
        return
    assert fast == yaml.safe_load(text)


NAMES = st.from_regex(r"[a-z][a-zA-Z0-9./_-]{0,8}", fullmatch=True)
VALUES = st.recursive(
    st.one_of(SCALARS, st.booleans(), st.none(), st.integers()),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3),
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_documents_written_by_pyyaml_are_read_back(document: dict[str, Any]) -> None:
    assert parse_yaml(yaml.safe_dump(document), "x") == document


def test_a_kubeconfig_of_a_cloud_cli_takes_the_fast_path() -> None:
    assert parse_plain_yaml(EKS) == yaml.safe_load(EKS)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n"])
def test_an_empty_file_is_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_text(text)
    assert read_yaml(str(path)) is None


def test_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text('{"clusters": [{"name": "0123"}]}')
    assert read_yaml(str(path)) == {"clusters": [{"name": "0123"}]}


def test_flow_style_is_read() -> None:
    assert parse_yaml("clusters: [{name: a}]", "x") == {"clusters": [{"name": "a"}]}


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "\tx", "!!python/object:os.system {}", "a: \x00", "[" * 5000]
)
def test_invalid_yaml_is_an_invalid_request_with_the_file(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_yaml(text, "/etc/thing")
    assert "/etc/thing is not valid YAML" in caught.value.what


def test_invalid_yaml_has_its_line() -> None:
    with pytest.raises(InvalidRequest, match=r"line 3"):
        parse_yaml("a: b\nc: d\n  e: f\n", "x")


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_yaml(str(tmp_path / "missing"))


@pytest.mark.parametrize("kind", ["directory", "binary"])
def test_an_unreadable_file_is_an_invalid_request(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest):
        read_yaml(str(path))


def test_a_file_is_read_up_to_one_byte_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_input(str(path), 5) == b"12345"
    assert read_input(str(path), 3) == b"1234"


def test_a_missing_file_differs_from_an_unreadable_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file: "):
        read_input(str(tmp_path / "none"), 1)
    with pytest.raises(InvalidRequest) as caught:
        read_input(str(tmp_path), 1)
    assert caught.value.why == "Is a directory"


def test_each_value_has_its_line() -> None:
    text = b"# rules\n- name: a\n  when:\n    - x\n    - 1.10\n\n- {b: 'c'}\n-\n"
    first = {"name": (2, "a"), "when": (3, [(4, "x"), (5, "1.10")])}
    assert locate_yaml(text, "r") == (2, [(2, first), (7, {"b": (7, "c")}), (8, "")])
    assert locate_yaml(b"", "r") == (1, None)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"- a: 1\n  b: >= 2\n", 2),
        (b"- a: 1\n  b: != 2\n", 2),
        (b"- a: 1\n  a: 2\n", 2),
        (b"- &x a\n- *x\n", 1),
        (b"- &x [*x]\n", 1),
        (b"- 1: a\n", 1),
        (b"a: 1\n---\nb: 2\n", 2),
        (b"- <<: {}\n", 1),
        (b"\xff\xfe\xff", 0),
        (b"a: \x00\n", 0),
        (b"[" * 5000, 0),
    ],
)
def test_unsupported_yaml_is_refused_with_its_line(content: bytes, line: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        locate_yaml(content, "rules.yaml")
    assert (f"line {line}" if line else "rules.yaml") in caught.value.what
