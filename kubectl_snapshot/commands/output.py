"""Destinations and formats of the data: `-o`, `-t` and `--template`.

A word of a command's format list is a format and goes to stdout; anything else is a destination
whose format comes from its extension or from `-t`. Files are written atomically. `write_stdout`
strips control characters on a terminal.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Callable, TextIO

from kubectl_snapshot.commands.console.terminal import read_width, wants_colour
from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.commands.flags.parser import add_flag, add_repeated_flag
from kubectl_snapshot.commands.flags.shared import add_api_version_flag
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest, ReaderLeft, SnapshotError
from kubectl_snapshot.records import NamedTuple
from kubectl_snapshot.render.all_renderers import (
    FITTED,
    RENDERERS,
    SUMMARY,
    detect_format,
    format_from_path,
    render_summary,
)
from kubectl_snapshot.suggest import find_closest, suggest
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.render.user_template import UserTemplate
    from kubectl_snapshot.storage.configmap import ConfigMapName

    Paint = Callable[[str], str]

# Columns of the help for the list of formats.
LIST_WIDTH = 76
# The format `template=FILE`.
TEMPLATE = "template"
# Formats of kubectl and of other programs, which are no file names.
FOREIGN_FORMATS = (
    *("csv", "custom-columns", "custom-columns-file", "go-template", "go-template-file"),
    *("jsonpath", "jsonpath-as-json", "jsonpath-file", "kyaml", "text", "toml", "tsv", "xml"),
)


class Formats(NamedTuple):
    """The formats of a command: names, the default, and the format of a path's extension.

    `from_path` returns "" for an unknown extension.
    """

    names: Sequence[str]
    default: str
    from_path: Callable[[str], str]


class Output(NamedTuple):
    """One copy of the data: to a file, to a ConfigMap, or else to stdout."""

    format: str
    path: str = ""
    configmap: ConfigMapName | None = None
    template: UserTemplate | None = None

    @property
    def place(self) -> str:
        """Return the destination as the user named it, "" for stdout."""
        if self.configmap is None:
            return self.path
        return f"{CONFIGMAP_SCHEME}{self.configmap.namespace}/{self.configmap.name}"


SNAPSHOT_FORMATS = Formats((*RENDERERS, TEMPLATE), "yaml", format_from_path)


def add_document_flags(parser: argparse.ArgumentParser) -> None:
    """Add the output flags of a command that writes snapshots."""
    group = add_output_flags(parser)
    add_template_flag(group)
    add_api_version_flag(group)


def add_template_flag(group: argparse._ArgumentGroup, variable: bool = True) -> None:
    add_flag(
        group,
        "--template",
        variable=variable,
        metavar="FILE",
        default="",
        help="Jinja2 template; the same as -t template=FILE",
    )


def add_output_flags(
    parser: argparse.ArgumentParser,
    formats: Formats = SNAPSHOT_FORMATS,
    places: str = "file, cm://NAMESPACE/NAME",
    variable: bool = True,
) -> argparse._ArgumentGroup:
    """Add `-o` and `-t`."""
    listed = f"formats: {_join(formats)}"
    if len(listed) > LIST_WIDTH:
        listed = ",\n".join(listed.rsplit(", ", 1))
    group = parser.add_argument_group("output", listed)
    add_repeated_flag(
        group,
        "-o",
        "--output",
        takes_empty=True,
        variable=variable,
        metavar="FORMAT|FILE",
        help=f"format, {places} or - (repeatable; default: {formats.default})",
    )
    add_flag(
        group,
        "-t",
        "--format",
        variable=variable,
        metavar="FORMAT",
        default="",
        help="format if the file extension does not say",
    )
    return group


def describe_format(name: str) -> str:
    """Return a format as a user types it."""
    return f"{TEMPLATE}=FILE" if name == TEMPLATE else name


def parse_outputs(
    values: Sequence[str],
    format_name: str,
    formats: Formats = SNAPSHOT_FORMATS,
    template: str = "",
) -> tuple[Output, ...]:
    """Return the outputs that `-o`, `-t` and `--template` give; templates are read.

    Raises InvalidRequest for two outputs with one destination.
    """
    if template:
        _refuse_other_format(values, format_name, formats)
        format_name = f"{TEMPLATE}={template}"
    chosen = _parse_format(format_name, formats) if format_name else None
    outputs = tuple(_parse_output(v.strip(), chosen, formats) for v in values or ["-"])
    places = [output.place for output in outputs]
    duplicate = next((place for place in places if places.count(place) > 1), None)
    if duplicate is not None:
        raise InvalidRequest(
            f"two outputs to {duplicate or 'stdout'}", hint="write one of them to a file: -o FILE"
        )
    return outputs


def is_guessed(output: Output, format_name: str) -> bool:
    """Return whether a file is JSON because its extension is unknown (contract 5)."""
    return output.format == "json" != format_name and not detect_format(output.path or ".json")


def prepare_outputs(
    args: argparse.Namespace, formats: Formats, template: str = ""
) -> tuple[Output, ...]:
    """Return the outputs of a command that reads snapshots, after checking their destinations."""
    outputs = parse_outputs(args.output, args.format, formats, template)
    check_outputs(outputs, partial(connect_with, args))
    return outputs


def check_outputs(outputs: Sequence[Output], connect: Callable[[], Kube]) -> None:
    """Check that every destination is writable, before the capture begins."""
    for output in outputs:
        if output.configmap is not None:
            from kubectl_snapshot.storage.configmap import check_configmap

            check_configmap(output.configmap, connect())
        elif output.path:
            from kubectl_snapshot.clients.files.outputfile import check_writable

            check_writable(output.path)


def load_renderers(outputs: Sequence[Output]) -> None:
    """Preload the modules that render the outputs."""
    from kubectl_snapshot.document.snapshot import new_snapshot

    for output in outputs:
        if output.template is None:
            RENDERERS[output.format](new_snapshot())


def write_outputs(
    outputs: Sequence[Output],
    snapshot: Snapshot,
    out: TextIO,
    connect: Callable[[], Kube],
    next_command: str = "",
    on_written: Callable[[Output], None] | None = None,
) -> None:
    """Write a snapshot to every output; call `on_written` after each that succeeded.

    A summary ends with `next_command`, if any.
    """

    def write(output: Output) -> None:
        if output.configmap is None:
            width = 0 if output.path else read_width(out)
            if output.format == SUMMARY:
                text = render_summary(snapshot, width, next_command)
            else:
                text = render_output(output, snapshot, width)
            write_text(output, text, out)
        else:
            from kubectl_snapshot.storage.configmap import write_configmap

            write_configmap(snapshot, output.configmap, output.format, connect())
        if on_written is not None:
            on_written(output)

    write_each(outputs, write)


def write_each(outputs: Sequence[Output], write: Callable[[Output], None]) -> None:
    """Write every output, also after one failed; then raise the first error, with the others."""
    errors: list[SnapshotError] = []
    left: ReaderLeft | None = None
    for output in outputs:
        try:
            write(output)
        except SnapshotError as error:
            errors.append(error)
        except ReaderLeft as error:
            left = error
    if errors:
        first = errors[0]
        whys = filter(None, [first.why, *(f"{e.what}: {e.why}" for e in errors[1:])])
        raise type(first)(first.what, "; ".join(whys), first.hint, first.status) from first
    if left is not None:
        raise left


def render_output(output: Output, snapshot: Snapshot, width: int) -> str:
    """Return a snapshot in an output's format; `width` is the terminal's, 0 for none."""
    if output.template is not None:
        from kubectl_snapshot.render.user_template import render_user_template

        return render_user_template(output.template, snapshot, output.path)
    if output.format in FITTED:
        return FITTED[output.format](snapshot, width)
    return RENDERERS[output.format](snapshot)


def write_text(output: Output, text: str, out: TextIO, paint: Paint | None = None) -> None:
    """Write a text to its file or to stdout; `paint` colours it for a terminal."""
    if output.path:
        from kubectl_snapshot.clients.files.outputfile import write_whole

        write_whole(output.path, text)
    else:
        write_stdout(text, out, paint)


def write_stdout(text: str, out: TextIO, paint: Paint | None = None) -> None:
    """Write data to stdout, without control characters on a terminal."""
    if out.isatty():
        text = strip_control(text, keep="\n\t")
    if paint and wants_colour(out, os.environ):
        text = paint(text)
    out.write(text)
    out.flush()


def _refuse_other_format(values: Sequence[str], format_name: str, formats: Formats) -> None:
    """Refuse another format with `--template`, except yaml, which AICR's users may pass."""
    words = [f"-o {value}" for value in values if _is_format(value, formats)]
    if format_name not in ("", "yaml"):
        words.append(f"-t {format_name}")
    if words:
        raise InvalidRequest(
            f"--template and {words[0]} are mutually exclusive",
            hint="for both, write one to a file: -o node.json -o template=FILE",
        )


def _is_format(value: str, formats: Formats) -> bool:
    return value in formats.names or (
        TEMPLATE in formats.names and value.startswith(f"{TEMPLATE}=")
    )


def _parse_format(text: str, formats: Formats) -> Output:
    """Return an output to stdout in a format."""
    name, _, path = text.partition("=")
    if name == TEMPLATE and TEMPLATE in formats.names:
        from kubectl_snapshot.storage.source import read_template

        return Output(TEMPLATE, template=read_template(path))
    if text not in formats.names:
        hint = suggest(text, formats.names, f"use {_join(formats)}")
        raise InvalidRequest(f'unknown format "{text}"', hint=hint)
    return Output(text)


def _parse_output(value: str, given: Output | None, formats: Formats) -> Output:
    if value in ("", "-"):
        return given or Output(formats.default)
    _refuse_mistyped_format(value, formats)
    if _is_format(value, formats):
        return _parse_format(value, formats)
    if value.startswith(CONFIGMAP_SCHEME):
        if formats is not SNAPSHOT_FORMATS:
            why = "a ConfigMap can hold snapshots only"
            raise InvalidRequest(f"cannot write {value}", why, "use -o FILE")
        return _parse_configmap_output(value, given.format if given else "")
    if given is None:
        chosen = formats.from_path(value)
        if chosen not in formats.names:
            raise InvalidRequest(
                f"unknown format of {value}",
                hint=suggest(value, formats.names, f"choose one with -t: {_join(formats)}"),
            )
        given = Output(chosen)
    return given._replace(path=value)


def _refuse_mistyped_format(value: str, formats: Formats) -> None:
    """Raise InvalidRequest for a word that is a format's name but for an error, not a file's."""
    name = value.partition("=")[0]
    if value in formats.names or "/" in value or "." in name:
        return
    listed = value.split(",")
    if len(listed) > 1 and all(_is_format(part, formats) for part in listed):
        hint = f"use {' '.join(f'-o {part}' for part in listed)}, each to another file but one"
        raise InvalidRequest(f'unknown format "{value}"', hint=hint)
    if name in FOREIGN_FORMATS or (name == value and find_closest(value, formats.names)):
        rest = f"use {_join(formats)}, or -o ./{value} for a file of this name"
        raise InvalidRequest(f'unknown format "{value}"', hint=suggest(value, formats.names, rest))


def _join(formats: Formats) -> str:
    return ", ".join(map(describe_format, formats.names))


def _parse_configmap_output(value: str, format_name: str) -> Output:
    from kubectl_snapshot.storage import configmap

    place = configmap.parse_place(value)
    chosen = format_name or configmap.DEFAULT_FORMAT
    if chosen not in configmap.FORMATS:
        raise InvalidRequest(
            f"cannot write format {chosen} to a ConfigMap",
            hint=f"use -t {' or -t '.join(configmap.FORMATS)}",
        )
    return Output(chosen, configmap=place)
