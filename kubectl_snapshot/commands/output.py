"""Where a document goes and in which format: `-o` and `-t`.

A word of the format list is a format and goes to stdout; anything else is a destination, whose
format comes from its ending or from `-t`. A file is written whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags import add_flag, add_repeated_flag
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.render.all_renderers import RENDERERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.document.snapshot import Snapshot

DEFAULT_FORMAT = "yaml"
# Words that a later version gives a meaning, so that today none of them becomes a file's name.
RESERVED = ("table", "wide", "html", "template")


@dataclass(frozen=True)
class Output:
    """One copy of the document. An empty path is stdout."""

    format: str
    path: str = ""


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """Add `-o` and `-t`."""
    group = parser.add_argument_group("output")
    add_repeated_flag(
        group,
        "-o",
        "--output",
        metavar="FORMAT|FILE",
        help=f"{', '.join(RENDERERS)}, or a file, or - for stdout; can be repeated (default: yaml)",
    )
    add_flag(
        group,
        "-t",
        "--format",
        metavar="FORMAT",
        default="",
        help="format of a file whose ending does not tell",
    )


def parse_outputs(values: Sequence[str], format_name: str) -> tuple[Output, ...]:
    """Return what `-o` and `-t` ask for; raise InvalidRequest for two documents on one stdout."""
    if format_name and format_name not in RENDERERS:
        raise InvalidRequest(
            f"{format_name!r} is no output format", hint=f"use one of {', '.join(RENDERERS)}"
        )
    outputs = tuple(_parse_output(value.strip(), format_name) for value in values or ["-"])
    paths = [output.path for output in outputs]
    doubled = next((path for path in paths if paths.count(path) > 1), None)
    if doubled is not None:
        raise InvalidRequest(
            f"two outputs go to {doubled or 'stdout'}", hint="send one of them to a file: -o FILE"
        )
    return outputs


def check_outputs(outputs: Sequence[Output]) -> None:
    """Raise Internal for a file that could not be written, before a capture is spent on it."""
    from kubectl_snapshot.clients.outputfile import check_writable

    for output in outputs:
        if output.path:
            check_writable(output.path)


def load_renderers(outputs: Sequence[Output]) -> None:
    """Spend now what the first use of a format costs, its imports."""
    from kubectl_snapshot.document.snapshot import new_snapshot

    for output in outputs:
        RENDERERS[output.format](new_snapshot())


def write_outputs(outputs: Sequence[Output], snapshot: Snapshot, out: TextIO) -> None:
    """Write every copy."""
    from kubectl_snapshot.clients.outputfile import write_whole

    for output in outputs:
        text = RENDERERS[output.format](snapshot)
        if output.path:
            write_whole(output.path, text)
        else:
            out.write(text)
            out.flush()


def _parse_output(value: str, format_name: str) -> Output:
    from kubectl_snapshot.document.destination import format_from_path

    if value in ("", "-"):
        return Output(format_name or DEFAULT_FORMAT)
    if value in RENDERERS:
        return Output(value)
    if value.partition("=")[0] in RESERVED or value.startswith("cm://"):
        raise InvalidRequest(
            f"this version cannot write {value}",
            hint=f"use {', '.join(RENDERERS)} or a file; ./{value} is the file of that name",
        )
    chosen = format_name or format_from_path(value)
    if chosen not in RENDERERS:
        raise InvalidRequest(
            f"this version cannot write the format {chosen} of {value}",
            hint="use a file that ends in .yaml or .json",
        )
    return Output(chosen, value)
