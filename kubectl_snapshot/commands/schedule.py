"""kubectl snapshot schedule: print a CronJob that captures a fleet; --run-into is what it runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.findings import FAIL_ON
from kubectl_snapshot.commands.flags.capture import add_agent_flags, add_target_flags
from kubectl_snapshot.commands.flags.connection import add_connection_flags
from kubectl_snapshot.commands.flags.fleet import (
    add_fleet_flags,
    is_fleet,
    refuse_other_flags,
)
from kubectl_snapshot.commands.flags.parser import (
    CONNECTION,
    Parser,
    add_boolean_flag,
    add_flag,
    given,
    new_parser,
)
from kubectl_snapshot.commands.flags.shared import add_api_version_flag, add_log_flags, parse_count
from kubectl_snapshot.commands.output import write_stdout
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import EXIT_NO, EXIT_OK, InvalidRequest

if TYPE_CHECKING:
    import argparse

    from kubectl_snapshot.job.permissions import Permission

# Files of this machine, and what the CronJob decides.
STORE_PURPOSE = "Keep the captures in ConfigMaps."
OWN = ("print", "run_into", "cron", "claim", "namespace")
NOT_IN_POD = ("--nodes-from", "--resume", "--redact-key-file", "--local", "--config")
EXAMPLES = """\
  # Capture all nodes every night at 3 into a volume, keep two weeks
  kubectl snapshot schedule --print -n ops --all-nodes --cron '0 3 * * *' \\
      --claim snapshots --keep 14 | kubectl apply --server-side -f -

  # Remove it; the volume stays
  kubectl snapshot schedule --print -n ops --all-nodes --claim snapshots |
      kubectl delete -f -

  # Into ConfigMaps instead: 200 nodes take about one each night
  kubectl snapshot schedule --print -n ops --all-nodes \\
      --run-into cm://ops/nightly | kubectl apply --server-side -f -

  # The same without Kubernetes' CronJob, from the crontab of a machine
  kubectl snapshot schedule --run-into /srv/snapshots --keep 14 --all-nodes
"""


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot schedule",
        "Print a CronJob that captures a fleet into a volume, with its ServiceAccount and\n"
        "roles. Nothing is applied, and no cluster is contacted.\n\n"
        "With --run-into, do once what the CronJob does: capture, remove old captures,\n"
        "write metrics.\n\n"
        "Exit codes of --run-into: 1 a node has a finding (--fail-on), others: those of\n"
        "the capture.",
        usage="kubectl snapshot schedule --print|--run-into DIR [capture flags]",
        examples=EXAMPLES,
    )
    group = parser.add_argument_group("schedule")
    add_boolean_flag(group, "--print", variable=False, help="print the objects as YAML")
    add_flag(
        group,
        "--run-into",
        variable=False,
        metavar="DIR",
        default="",
        help="capture now, into DIR/TIME/ or cm://NS/NAME-TIME.tar.gz",
    )
    add_flag(
        group,
        "--cron",
        variable=False,
        metavar="TIME",
        default="0 3 * * *",
        help="when, in cron's syntax (default: 0 3 * * *)",
    )
    add_flag(
        group,
        "--claim",
        variable=False,
        metavar="NAME",
        default="",
        help="existing PersistentVolumeClaim for the captures",
    )
    add_flag(
        group,
        "--keep",
        variable=False,
        metavar="N",
        type=parse_count,
        default=7,
        help="captures to keep (default: 7)",
    )
    add_flag(
        group,
        "--fail-on",
        variable=False,
        metavar="SEVERITY",
        default="warning",
        choices=tuple(FAIL_ON),
        help="exit 1 for such a finding, or a worse one (default: warning)",
    )
    add_api_version_flag(group)
    add_target_flags(parser)
    add_fleet_flags(parser)
    add_agent_flags(parser)
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    refuse_other_flags(args)
    if not is_fleet(args):
        raise InvalidRequest("no nodes were selected", hint="use --all-nodes or -l SELECTOR")
    if args.keep == 0:
        raise InvalidRequest("--keep 0 would remove every capture", hint="use --keep 1 or more")
    into_configmaps = args.run_into.startswith(CONFIGMAP_SCHEME)
    if bool(args.run_into) == args.print and not (args.print and into_configmaps):
        raise InvalidRequest("pass either --print or --run-into DIR")
    if len(args.cron.split()) != 5 and not args.cron.startswith("@"):
        hint = "five fields, as in --cron '0 3 * * *', or @daily"
        raise InvalidRequest(f'invalid time "{args.cron}"', hint=hint)
    if args.print:
        write_stdout(render_objects(args), out)
        return EXIT_OK
    from kubectl_snapshot.commands.fleet import scheduled

    run_now = scheduled.run_into_configmaps if into_configmaps else scheduled.run_into_directory
    has_findings, code = run_now(args, FAIL_ON[args.fail_on])
    return EXIT_NO if has_findings else code


def render_objects(args: argparse.Namespace) -> str:
    """Return the objects as YAML documents."""
    from kubectl_snapshot.clients.files.zipapp import read_zipapp
    from kubectl_snapshot.commands.rbac import USER, read_options, render_grants
    from kubectl_snapshot.document.codec.yaml.codec import render_tree
    from kubectl_snapshot.job.options import IMAGE
    from kubectl_snapshot.job.rbac.admin_grants import build_client_grants
    from kubectl_snapshot.job.schedule import (
        SCHEDULE_NAME,
        Schedule,
        build_cron_job,
        build_program,
    )

    if not args.claim and not args.run_into:
        hint = "name a PersistentVolumeClaim, --claim NAME, or --run-into cm://NAMESPACE/NAME"
        raise InvalidRequest("no place for the captures", hint=hint)
    if args.claim and args.run_into:
        raise InvalidRequest("--claim and --run-into are two places for the captures")
    store = build_store_permissions(args.run_into) if args.run_into else ()
    arguments = render_arguments(args)
    args.receiver = USER
    options = read_options(args)
    header = [
        f"A capture of a fleet at {args.cron!r} by CronJob {options.namespace}/{SCHEDULE_NAME}.",
        "Remove it with `kubectl delete -f -` of the same text; the captures stay.",
    ]
    text = render_grants(header, build_client_grants(options, SCHEDULE_NAME, store))
    schedule = Schedule(args.cron, args.claim, (*arguments, f"--namespace={options.namespace}"))
    has_program = options.agent != IMAGE
    objects = [build_cron_job(options, schedule, has_program)]
    if has_program:
        objects.insert(0, build_program(options, read_zipapp(os.environ)[0]))
    return "---\n".join((text, *map(render_tree, objects)))


def render_arguments(args: argparse.Namespace) -> list[str]:
    """Return the command line of the CronJob's pod: the flags that were given, but for its own."""
    from kubectl_snapshot.job.schedule import DATA_DIRECTORY

    words = ["schedule", f"--run-into={args.run_into or DATA_DIRECTORY}"]
    for group in build_parser()._action_groups:
        for action in group._group_actions:
            if action.dest not in given(args) or action.dest in OWN:
                continue
            name = action.option_strings[-1]
            if name in NOT_IN_POD or group.title == CONNECTION:
                why = "the pod has neither the files nor the kubeconfig of this machine"
                raise InvalidRequest(f"{name} does not apply to a schedule", why)
            value = getattr(args, action.dest)
            values = value if isinstance(value, list) else [value]
            words += (f"{name}={text_of(one)}" for one in values)
    return words


def build_store_permissions(uri: str) -> tuple[Permission, ...]:
    """Return what it takes to write ConfigMaps of such a name, and to delete the expired ones."""
    from kubectl_snapshot.job.permissions import Permission
    from kubectl_snapshot.storage.configmap import parse_place

    namespace = parse_place(uri).namespace
    verbs = ("create", "patch", "list", "delete")
    return tuple(Permission(v, "", "configmaps", "", namespace, STORE_PURPOSE) for v in verbs)
