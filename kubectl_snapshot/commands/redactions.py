"""kubectl snapshot redactions SNAPSHOT: what was redacted, and what to review before sharing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.console.terminal import read_width
from kubectl_snapshot.commands.flags.parser import Parser
from kubectl_snapshot.commands.output import (
    Formats,
    prepare_outputs,
    write_each,
    write_text,
)
from kubectl_snapshot.commands.source import add_reader_flags, new_reader_parser, read_snapshot
from kubectl_snapshot.errors import EXIT_OK
from kubectl_snapshot.render.all_renderers import detect_format

if TYPE_CHECKING:
    import argparse

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.redaction.review import Review

EXAMPLES = """\
  # List what was redacted, and what to look at, before a file is sent
  kubectl snapshot redactions snap.yaml

  # The same for a program
  kubectl snapshot redactions snap.yaml -o json
"""

FORMATS = Formats(("text", "json"), "text", detect_format)
EXIT_NOT_REDACTED = 1


def build_parser() -> Parser:
    parser = new_reader_parser(
        "redactions",
        "List the redacted values of a snapshot, and the values that mention a secret and\n"
        "were not redacted: review these before you share the file.\n\n"
        "Exit codes: 0 redaction was on, 1 it was off, others: the snapshot could not be\n"
        "read.",
        examples=EXAMPLES,
    )
    add_reader_flags(parser, FORMATS)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.redaction.review import review

    outputs = prepare_outputs(args, FORMATS)
    on_event = choose_progress(args, sys.stderr)
    found = review(read_snapshot(args.snapshot, args, on_event))
    if not found.is_redacted:
        on_event({"event": "warning", "message": "redaction was off: do not share this snapshot"})

    def write(output: Output) -> None:
        if output.format == "json":
            text = render_json(found)
        else:
            text = render_text(found, 0 if output.path else read_width(out))
        write_text(output, text, out)

    write_each(outputs, write)
    return EXIT_OK if found.is_redacted else EXIT_NOT_REDACTED


def render_json(found: Review) -> str:
    """Return one object: redaction on or off, and both maps of values by path."""
    from kubectl_snapshot.document.codec.json_codec import render_tree

    mode = "on" if found.is_redacted else "off"
    return render_tree({"redaction": mode, "redacted": found.redacted, "mentions": found.mentions})


def render_text(found: Review, width: int) -> str:
    """Return both tables, each under its number of values."""
    from kubectl_snapshot.render.readings import render_table

    parts = [
        f"{title}: {len(values)}\n{render_table(values, width) if values else ''}"
        for title, values in (
            ("redacted", found.redacted),
            ("mention a secret, not redacted", found.mentions),
        )
    ]
    return "\n".join(parts)
