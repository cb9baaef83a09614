"""kubectl snapshot preflight: check that a capture would work, and how to fix it if not."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.capture import (
    add_agent_flags,
    add_target_flags,
    parse_config,
    refuse_local_node,
)
from kubectl_snapshot.commands.flags.collect import parse_settings
from kubectl_snapshot.commands.flags.connection import add_connection_flags
from kubectl_snapshot.commands.flags.fleet import (
    add_fleet_flags,
    is_fleet,
    parse_fleet_config,
    read_names,
    refuse_other_flags,
)
from kubectl_snapshot.commands.flags.parser import Parser, add_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.output import write_stdout
from kubectl_snapshot.errors import EXIT_GAPS
from kubectl_snapshot.render.colour import paint_outcomes
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from kubectl_snapshot.job.preflight.checks import PreflightCheck

EXAMPLES = """\
  # Check whether this capture would work
  kubectl snapshot preflight --node gpu-17

  # Check a fleet: the rights, and which nodes would be skipped
  kubectl snapshot preflight --all-nodes

  # Check in a script: exit 0 if it would
  kubectl snapshot preflight --privileged=false -n ops -o json
"""


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot preflight",
        "Check that a capture with these flags would work, and how to fix it if not.\n"
        "Nothing is created. The exit code is that of the capture.",
        usage="kubectl snapshot preflight [capture flags] [-o json]",
        examples=EXAMPLES,
    )
    add_flag(
        parser,
        "-o",
        "--output",
        variable=False,
        choices=("table", "json"),
        default="table",
        help="output format (default: table)",
    )
    add_target_flags(parser)
    add_fleet_flags(parser)
    add_agent_flags(parser)
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.fleet.coverage import parse_coverage
    from kubectl_snapshot.job.preflight.checks import choose_exit_code

    checks, coverage = read_checks(args)
    code = choose_exit_code(checks, is_strict=args.strict != "false")
    if args.min_coverage and coverage < parse_coverage(args.min_coverage):
        code = code or EXIT_GAPS
    paint = paint_outcomes if args.output == "table" else None
    write_stdout(RENDERERS[args.output](checks, code), out, paint)
    return code


def read_checks(args: argparse.Namespace) -> tuple[list[PreflightCheck], float]:
    """Return the checks, and the share of the nodes that would be captured."""
    if is_fleet(args):
        return read_fleet_checks(args)
    refuse_local_node(args)
    if args.local:
        from kubectl_snapshot.collectors.choose import choose_collectors
        from kubectl_snapshot.job.preflight.checks import OK, PreflightCheck

        choose_collectors(parse_settings(args), require_gpu=args.require_gpu)
        return [PreflightCheck("cluster", OK, "--local needs no cluster")], 1.0
    from kubectl_snapshot.agent.config import ignore_event
    from kubectl_snapshot.agent.plan import plan_capture
    from kubectl_snapshot.job.preflight.report import read_report

    capture = plan_capture(parse_config(args, ignore_event))
    return read_report(capture.kube, capture.options, capture.deadline), 1.0


def read_fleet_checks(args: argparse.Namespace) -> tuple[list[PreflightCheck], float]:
    from kubectl_snapshot.agent.config import ignore_event
    from kubectl_snapshot.fleet.planning.preflight import read_fleet_report

    refuse_other_flags(args)
    names, args.node = read_names(args), []
    agent = parse_config(args, ignore_event)
    return read_fleet_report(parse_fleet_config(args, agent, args.resume, names))


def render_table(checks: Sequence[PreflightCheck], code: int) -> str:
    """Return a line for each check, its fix below it, and the verdict on the capture."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:4}  {check.name:{width}}  {check.reason}")
        if check.fix:
            lines.append(f"{'':4}  {'':{width}}  fix: {check.fix}")
    verdict = "would work" if code == 0 else f"would fail with exit code {code}"
    lines.append(f"a capture with these flags {verdict}")
    return "".join(f"{strip_control(line)}\n" for line in lines)


def render_json(checks: Sequence[PreflightCheck], code: int) -> str:
    import json

    listed = [
        {"check": check.name, "status": check.status, "reason": check.reason, "fix": check.fix}
        for check in checks
    ]
    return json.dumps({"exitCode": code, "facts": listed}, indent=2) + "\n"


RENDERERS: dict[str, Callable[[Sequence[PreflightCheck], int], str]] = {
    "table": render_table,
    "json": render_json,
}
