"""--config: the section `snapshot` of an AICRConfig, strict, and weaker than flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.commands import capture, preflight, rbac
from kubectl_snapshot.commands.flags.config_file import MAX_CONFIG_BYTES
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.main import main
from tests.servers.http_server import Exchange, serve

HEAD = "kind: AICRConfig\napiVersion: aicr.run/v1\n"
WHOLE = f"""{HEAD}metadata: {{name: prod}}
spec:
  recipe: {{anything: [of, AICR]}}
  snapshot:
    output:
      path: out.yaml
      format: yaml
      template: t.j2
    agent:
      namespace: ops
      image: registry/python:3.13
      imagePullSecrets: [one, two]
      jobName: job
      serviceAccountName: reader
      nodeSelector: {{a: "1", b/c: d}}
      tolerations:
      - k=v:NoSchedule
      - "*"
      requireGpu: true
      runtimeClassName: nvidia
      os: talos
      requests: cpu=10m
      limits: memory=1Gi
    execution:
      timeout: 90s
      noCleanup: true
      privileged: false
      maxNodesPerEntry: 7
"""
EXPECTED = {
    "output": ["out.yaml"],
    "format": "yaml",
    "template": "t.j2",
    "namespace": "ops",
    "image": "registry/python:3.13",
    "image_pull_secret": ["one", "two"],
    "job_name": "job",
    "service_account_name": "reader",
    "node_selector": ["a=1", "b/c=d"],
    "toleration": ["k=v:NoSchedule", "*"],
    "require_gpu": True,
    "runtime_class": "nvidia",
    "requests": "cpu=10m",
    "limits": "memory=1Gi",
    "timeout": "90s",
    "no_cleanup": True,
    "privileged": "false",
    "max_nodes_per_entry": 7,
}


def section(text: str) -> str:
    """Return a configuration with these lines below spec.snapshot."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{HEAD}spec:\n  snapshot:\n{lines}"


@pytest.fixture
def parse(tmp_path: Path) -> Any:
    def run(text: str, *words: str, verb: Any = capture, **environment: str) -> argparse.Namespace:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return parse_flags(verb.build_parser(), ["--config", str(path), *words], environment)

    return run


def values(args: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(args, name) for name in EXPECTED}


def test_every_field_sets_its_flag(parse: Any) -> None:
    assert values(parse(WHOLE)) == EXPECTED


def test_a_file_that_sets_nothing_changes_nothing(parse: Any) -> None:
    defaults = values(parse_flags(capture.build_parser(), [], {}))
    unset = section("output: {path: '', format: }\nagent:\nexecution: {timeout: null}")
    for text in (HEAD, f"{HEAD}spec:\n", f"{HEAD}spec: {{recipe: {{}}}}\n", unset):
        assert values(parse(text)) == defaults


def test_json_is_taken_too(parse: Any) -> None:
    text = '{"kind":"AICRConfig","apiVersion":"aicr.run/v1alpha2",\n'
    text += '"spec":{"snapshot":{"agent":{"requireGpu":true,"tolerations":["a:NoExecute"]}}}}'
    args = parse(text)
    assert (args.require_gpu, args.toleration) == (True, ["a:NoExecute"])


def test_a_flag_wins_then_its_variable(parse: Any) -> None:
    words = ("--job-name", "mine", "--node-selector", "x=y", "--privileged")
    args = parse(WHOLE, *words, KUBECTL_SNAPSHOT_IMAGE="other", AICR_NAMESPACE="team")
    assert (args.job_name, args.node_selector, args.privileged) == ("mine", ["x=y"], "true")
    assert (args.image, args.namespace, args.limits) == ("other", "team", "memory=1Gi")


def test_an_output_of_the_command_line_replaces_the_whole_section(parse: Any) -> None:
    args = parse(WHOLE, "-o", "a.json")
    assert (args.output, args.format, args.template) == (["a.json"], "", "")
    args = parse(WHOLE, "-t", "json")
    assert (args.output, args.format) == (["out.yaml"], "json")
    assert parse(WHOLE, "--cleanup").no_cleanup is False


@pytest.mark.parametrize("verb", [preflight, rbac])
def test_other_verbs_of_a_capture_take_what_they_have(parse: Any, verb: Any) -> None:
    args = parse(WHOLE, verb=verb)
    assert (args.service_account_name, getattr(args, "output", "table")) == ("reader", "table")


def test_the_file_is_named_by_a_variable_too(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(WHOLE)
    environment = {"KUBECTL_SNAPSHOT_CONFIG": str(path)}
    assert parse_flags(capture.build_parser(), [], environment).job_name == "job"


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("agent: {jobname: x}", 5, "unknown field jobname of spec.snapshot.agent", "jobName"),
        ("agnt: {}", 5, "unknown field agnt of spec.snapshot", "agent"),
        ("output: {path: a, form: b}", 5, "unknown field form of spec.snapshot.output", "format"),
        ("execution:\n  timout: 5m", 6, "unknown field timout of", "timeout"),
        ("agent: [a]", 5, "spec.snapshot.agent is not a map", ""),
        ("agent: x", 5, "spec.snapshot.agent is not a map", ""),
        ("agent: {tolerations: x}", 5, "spec.snapshot.agent.tolerations is not a list", ""),
        ("agent: {nodeSelector: [a=b]}", 5, "nodeSelector is not a map", ""),
        ("agent: {nodeSelector: {a: [b]}}", 5, "nodeSelector is not text", ""),
        ("agent: {imagePullSecrets: [{a: b}]}", 5, "imagePullSecrets is not text", ""),
        ("agent: {image: [a]}", 5, "spec.snapshot.agent.image is not text", ""),
        ("agent: {tolerations: []}", 5, "tolerations is empty", "leave it out"),
        ("agent: {requireGpu: maybe}", 5, "invalid boolean", "--help"),
        ("execution: {privileged: 1}", 5, "invalid value", "--help"),
        ("execution: {maxNodesPerEntry: -1}", 5, "invalid number", "--help"),
    ],
)
def test_a_mistake_has_its_line_and_what_to_type(
    parse: Any, text: str, line: int, what: str, hint: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(section(text))
    assert f"config.yaml line {line}: " in caught.value.what
    assert what in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("kind: Snapshot\napiVersion: aicr.run/v1\n", "kind is 'Snapshot', not AICRConfig"),
        ("apiVersion: aicr.run/v1\n", "kind is '', not AICRConfig"),
        ("kind: AICRConfig\n", "apiVersion is '', not aicr.nvidia.com/v1alpha1 or"),
        ("kind: AICRConfig\napiVersion: aicr.run/v2\n", "apiVersion is 'aicr.run/v2'"),
        ("", "kind is ''"),
        (f"{HEAD}spek: {{}}\n", "line 3: unknown field spek of the document"),
        (f"{HEAD}spec: {{snapshots: {{}}}}\n", "line 3: unknown field snapshots of spec"),
        ("- a\n", "line 1: the document is not a map"),
        (f"{HEAD}kind: AICRConfig\n", "line 3: duplicate key kind"),
        (f"{HEAD}---\n{HEAD}", "is not valid YAML"),
        ("a: [", "is not valid YAML"),
        (f"{HEAD}{'#' * MAX_CONFIG_BYTES}", f"exceeds {MAX_CONFIG_BYTES} bytes"),
    ],
)
def test_what_is_no_aicrconfig_is_refused(parse: Any, text: str, what: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(text)
    assert what in caught.value.what


def test_a_missing_file_and_a_configmap_end_with_their_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--config", "/no/such.yaml", "--local"]) == 3
    assert "no such file: /no/such.yaml" in capsys.readouterr().err
    assert main(["--config", "cm://ops/config", "--local"]) == 2
    assert "kubectl get configmap" in capsys.readouterr().err
    with pytest.raises(NotFound):
        parse_flags(capture.build_parser(), ["--config", "/no/such.yaml"], {})


def test_a_configuration_comes_from_a_url_too() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(200, WHOLE.encode())

    with serve(answer) as server:
        args = parse_flags(capture.build_parser(), ["--config", f"{server.url}/c.yaml"], {})
    assert args.job_name == "job"
