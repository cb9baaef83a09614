"""The end of a capture: write the snapshot, tell its gaps, and what to do next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.capture import ALL_OR_NOTHING
from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.commands.output import is_guessed, write_outputs, write_stdout
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_OK
from kubectl_snapshot.render.all_renderers import SUMMARY

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.agent.config import OnEvent
    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.snapshot import Snapshot

MAX_GAP_LINES = 10


def write_result(
    args: argparse.Namespace,
    snapshot: Snapshot,
    outputs: Sequence[Output],
    on_event: OnEvent,
    out: TextIO,
) -> int:

    from kubectl_snapshot.document.api_version import write_for
    from kubectl_snapshot.document.gaps import explain_gaps
    from kubectl_snapshot.document.redaction.values import OWN_KEY

    gaps = explain_gaps(snapshot)
    if gaps and args.strict == ALL_OR_NOTHING:
        report_gaps(gaps, "nothing printed; not read", on_event)
        return EXIT_GAPS
    written = write_for(snapshot, args.api_version)
    commands = suggest_commands(outputs, is_local=args.local)

    def on_written(output: Output) -> None:
        if is_guessed(output, args.format):
            message = f"unknown extension: {output.path} is written as JSON; see -t"
            on_event({"event": "warning", "message": message})
        if output.place:
            node = snapshot.metadata.get("source-node", "")
            on_event({"event": "written", "node": node, "path": output.place})

    connect, following = partial(connect_with, args), "".join(commands[:1])
    write_outputs(outputs, written, out, connect, following, on_written)
    if is_summary(outputs):
        write_brief(snapshot, out)
    else:
        report_gaps(gaps, "not read", on_event)
    if args.redact_key_file and snapshot.metadata.get("redaction") == OWN_KEY:
        message = "the pod used its own redaction key: you may not create and delete Secrets"
        on_event({"event": "warning", "message": message})
    if commands:
        on_event({"event": "next", "commands": commands})
    return EXIT_GAPS if gaps and args.strict != "false" else EXIT_OK


def write_brief(snapshot: Snapshot, out: TextIO) -> None:
    """Write what is wrong with the node below the summary."""
    from kubectl_snapshot.collectors.all_findings import find_all
    from kubectl_snapshot.render.colour import paint_severities
    from kubectl_snapshot.render.findings import render_brief
    from kubectl_snapshot.render.summary import TITLE_WIDTH

    write_stdout(render_brief(find_all(snapshot), TITLE_WIDTH), out, paint_severities)


def report_gaps(gaps: Sequence[str], label: str, on_event: OnEvent) -> None:
    """Warn of the gaps, a line for each reason."""
    for gap in gaps[:MAX_GAP_LINES]:
        on_event({"event": "warning", "message": f"{label}: {gap}"})
    more = len(gaps) - MAX_GAP_LINES
    if more > 0:
        message = f"{label} for {more} more reasons: see metadata.gaps"
        on_event({"event": "warning", "message": message})


def suggest_commands(outputs: Sequence[Output], is_local: bool) -> list[str]:
    """Return what can be done next with the document that was written to a file."""
    path = next((o.place for o in outputs if o.place and o.format in ("yaml", "json")), "")
    if not path:
        return []
    import shlex

    name = shlex.quote(path)
    page = shlex.quote(f"{path.rpartition('.')[0] or path}.html")
    return [
        f"kubectl snapshot report {name}{'' if '://' in path else f' -o {page}'}",
        f"kubectl snapshot diff {name} @live{' --local' if is_local else ''}",
    ]


def is_summary(outputs: Sequence[Output]) -> bool:
    """Return whether only the summary is printed, which has the gaps."""
    return all(output.format == SUMMARY for output in outputs)
