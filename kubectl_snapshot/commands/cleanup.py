"""kubectl snapshot cleanup: delete objects that interrupted runs left in the cluster."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.connection import add_connection_flags, connect_with
from kubectl_snapshot.commands.flags.durations import parse_duration
from kubectl_snapshot.commands.flags.parser import Parser, add_boolean_flag, add_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.output import write_stdout
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, SnapshotError, exit_code
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.clients.kube.client import Kube, Response
    from kubectl_snapshot.job.cleanup.deletion import Inventory
    from kubectl_snapshot.job.cleanup.selection import (
        CleanupDecision,
        CleanupObject,
        CleanupSelector,
    )

DEADLINE_S = 60.0

EXAMPLES = """\
  # List what would be deleted in all namespaces
  kubectl snapshot cleanup --dry-run -A

  # Delete ended or expired runs in one namespace
  kubectl snapshot cleanup -n ops

  # Delete everything older than an hour, active runs included
  kubectl snapshot cleanup --older-than 1h -A
"""


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot cleanup",
        "Delete objects that runs left in the cluster, found by their labels.\n"
        "Active runs are kept unless --run or --older-than is given.",
        usage="kubectl snapshot cleanup [--run ID | --older-than TIME] [-A] [flags]",
        examples=EXAMPLES,
    )
    add_boolean_flag(parser, "--dry-run", variable=False, help="list what would be deleted")
    add_flag(
        parser,
        "--run",
        variable=False,
        metavar="ID",
        default="",
        help="delete this run only, whatever its age",
    )
    add_flag(
        parser,
        "--older-than",
        variable=False,
        metavar="TIME",
        default="",
        help="delete runs older than this, active ones included",
    )
    add_boolean_flag(parser, "-A", "--all-namespaces", variable=False, help="search all namespaces")
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:

    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.job.cleanup.deletion import read_inventory
    from kubectl_snapshot.job.cleanup.selection import decide_cleanup

    selector = parse_selector(args)
    kube = connect_with(args)
    namespace = "" if args.all_namespaces else kube.namespace
    deadline = time.monotonic() + DEADLINE_S
    inventory = read_inventory(kube, namespace, args.run, deadline)
    on_event = choose_progress(args, sys.stderr)
    for error in inventory.errors:
        on_event({"event": "warning", "message": f"not searched: {error.what}: {error.why}"})
    choices = decide_cleanup(inventory.objects, selector, read_clock(inventory))
    if args.dry_run:
        write_stdout(render_rows([(_verb(choice), choice, "") for choice in choices]), out)
        return EXIT_OK
    return remove(kube, choices, deadline, out)


def parse_selector(args: argparse.Namespace) -> CleanupSelector:
    from kubectl_snapshot.job.cleanup.selection import RUN_ID, CleanupSelector

    if args.run and not re.fullmatch(RUN_ID, args.run):
        raise InvalidRequest(
            f'invalid run id "{args.run}"',
            hint="it is the label kubectl-snapshot/run of the run's objects",
        )
    if args.run and args.older_than:
        raise InvalidRequest("--run and --older-than are mutually exclusive")
    older_than_s = parse_duration(args.older_than) if args.older_than else None
    return CleanupSelector(args.run, older_than_s, sees_all_jobs=args.all_namespaces)


def read_clock(inventory: Inventory) -> float:
    """Return the API server's time, which object ages refer to; fall back to the local clock."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(inventory.date).timestamp()
    except (TypeError, ValueError):
        return time.time()


def remove(kube: Kube, choices: Sequence[CleanupDecision], deadline: float, out: TextIO) -> int:
    from kubectl_snapshot.job.cleanup.deletion import delete_listed

    selected = [choice.object for choice in choices if choice.is_selected]
    errors = dict(zip(selected, map(_failure, selected, delete_listed(kube, selected, deadline))))
    rows = []
    for choice in choices:
        error = errors.get(choice.object)
        rows.append(
            ("failed", choice, error.why) if error else (_verb(choice, "removed"), choice, "")
        )
    write_stdout(render_rows(rows), out)
    return exit_code(next(filter(None, errors.values()), None))


def render_rows(rows: Sequence[tuple[str, CleanupDecision, str]]) -> str:
    """Return a line for each object: the action, its name and the reason."""
    titles = [_title(choice.object) for _, choice, _ in rows]
    widths = [max(map(len, column), default=0) for column in ([row[0] for row in rows], titles)]
    return "".join(
        f"{verb:{widths[0]}}  {title:{widths[1]}}  {strip_control(why or choice.reason)}\n"
        for (verb, choice, why), title in zip(rows, titles)
    )


def _verb(choice: CleanupDecision, removed: str = "would be removed") -> str:
    return removed if choice.is_selected else "kept"


def _title(found: CleanupObject) -> str:
    where = f" -n {found.namespace}" if found.namespace else ""
    return f"{found.kind.lower()}/{found.name}{where}"


def _failure(found: CleanupObject, answer: Response | SnapshotError) -> SnapshotError | None:
    """Return the error of a deletion; already absent is success, unless the name was guessed."""
    if not isinstance(answer, SnapshotError):
        return None
    is_gone = answer.status == 409 or (answer.status == 404 and found.uid)
    return None if is_gone else answer
