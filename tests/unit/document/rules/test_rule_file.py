from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.localfile import locate_yaml
from kubectl_snapshot.document.rules.rule_file import Rule, parse_rule, parse_rules
from kubectl_snapshot.errors import InvalidRequest

EXAMPLES = sorted((Path(__file__).parents[4] / "docs" / "examples" / "rules").glob("*.yaml"))
FULL = """\
- name: persistence
  path: GPU.gpu-*.persistence-mode
  constraint: == Enabled
  severity: warning
  message: the driver is unloaded between jobs
  remediation: start nvidia-persistenced
  source: https://docs.nvidia.com/deploy/driver-persistence/
  when:
    - GPU.smi.gpu-count >= 1
    - K8s.node.operating-system == linux
- name: version
  constraint: K8s.server.version >= 1.32
  when: OS.release.ID ubuntu
"""


def parse(text: str) -> tuple[Rule, ...]:
    return parse_rules(locate_yaml(text.encode(), "r.yaml"), "r.yaml")


def complaint(text: str) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse(text)
    return caught.value.what


def test_a_rule_has_a_constraint_and_what_to_tell() -> None:
    first, second = parse(FULL)
    assert first.constraint.text == "GPU.gpu-*.persistence-mode == Enabled"
    assert (first.severity, first.remediation) == ("warning", "start nvidia-persistenced")
    assert [c.text for c in first.when] == [
        "GPU.smi.gpu-count >= 1",
        "K8s.node.operating-system == linux",
    ]
    assert (first.place, second.place) == ("r.yaml line 1", "r.yaml line 11")
    assert second.constraint.text == "K8s.server.version >= 1.32"
    assert (second.severity, second.message) == ("error", "")
    assert [c.text for c in second.when] == ["OS.release.ID ubuntu"]


def test_a_number_without_quotes_is_its_letters() -> None:
    (rule,) = parse("- {name: a, path: OS.release.VERSION_ID, constraint: 24.10}")
    assert rule.constraint.expression.value == "24.10"


def test_a_path_of_its_own_may_have_blanks() -> None:
    (rule,) = parse("- {name: a, path: K8s.policy.a b, constraint: == c}")
    assert rule.constraint.path.key == "a b"


def test_a_constraint_alone_is_its_own_name() -> None:
    rule = parse_rule("K8s.server.version>=1.32")
    assert (rule.name, rule.place) == ("K8s.server.version >= 1.32", "")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "r.yaml line 1: a file of rules is a list with at least one rule in it"),
        ("[]", "r.yaml line 1: a file of rules is a list with at least one rule in it"),
        ("name: a", "r.yaml line 1: a rule file has no 'name'"),
        ("require: gpu", "r.yaml line 1: a file of rules is a list with at least one rule in it"),
        ("rules:\n  {}", "r.yaml line 1: a file of rules is a list with at least one rule in it"),
        ("rules: []\nrequire: tpu", "r.yaml line 2: a rule file cannot require 'tpu'"),
        ("rules: []\nrequire: [gpu]", "r.yaml line 2: a rule file cannot require"),
        ("- a", "r.yaml line 1: a rule is a map of name, path, constraint"),
        ("- name: a\n  pth: b", "r.yaml line 2: a rule has no 'pth'"),
        ("\n- name: a", "r.yaml line 2: the rule has no constraint"),
        ("- constraint: a", "r.yaml line 1: the rule has no name"),
        ("- name:\n  constraint: OS.a.b c", "r.yaml line 1: name is empty"),
        ("- name: a\n  constraint: [x]", "r.yaml line 2: constraint is not a text"),
        (
            "- name: a\n  path: OS.a.b\n  constraint: '>= x'",
            'r.yaml line 3: invalid version "x"',
        ),
        ("- name: a\n  path: Foo.a.b\n  constraint: x", 'r.yaml line 2: invalid path "Foo.a.b"'),
        ("- name: a\n  constraint: OS.a.b", "r.yaml line 2: the constraint is empty"),
        (
            "- name: a\n  constraint: OS.a.b c\n  severity: fatal",
            "r.yaml line 3: there is no severity 'fatal'",
        ),
        (
            "- name: a\n  constraint: OS.a.b c\n  when:\n  - OS.a.b c\n  - x",
            'r.yaml line 5: invalid path "x"',
        ),
        ("- name: a\n  constraint: OS.a.b c\n  when: []", "r.yaml line 3: when is empty"),
        (
            "- {name: a, constraint: OS.a.b c}\n- {name: a, constraint: OS.a.b c}",
            "r.yaml line 2: 'a' is the name of the rule of r.yaml line 1",
        ),
    ],
)
def test_what_is_wrong_is_reported_with_its_line(text: str, what: str) -> None:
    assert complaint(text).startswith(what)


def test_what_a_severity_can_be_is_said() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_rules(locate_yaml(b"- {name: a, constraint: OS.a.b c, severity: x}", "r"), "r")
    assert caught.value.why == "it is error or warning"


# A site knows why it pins a version.
@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.stem != "pinned-node"], ids=lambda path: path.stem
)
def test_each_rule_that_we_ship_says_why_what_to_do_and_who_claims_it(path: Path) -> None:
    rules = parse_rules(locate_yaml(path.read_bytes(), path.name), path.name)
    assert len(rules) >= 5
    for rule in rules:
        assert rule.message and rule.remediation, rule.name
        if rule.is_requirement:
            continue
        assert rule.source.startswith("https://"), rule.name


def test_four_sets_are_shipped() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "containerd-kubelet",
        "gpu-node",
        "kubernetes-sysctls",
        "pinned-node",
    ]


def test_what_a_file_requires_is_its_first_rule() -> None:
    required, rule = parse("require: gpu\nrules: [{name: a, constraint: OS.release.ID x}]")
    assert (required.name, required.place) == ("require: gpu", "r.yaml line 1")
    assert required.constraint.text == "GPU.hardware.gpu-present == true"
    assert (required.is_requirement, rule.is_requirement) == (True, False)


def test_a_mistyped_field_is_recognised() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse("- {name: a, severty: b}")
    assert caught.value.hint.startswith("did you mean severity?")
