"""Where data goes and in which format: `-o`, `-t` and `--template`.

A word of a verb's format list is a format and goes to stdout; anything else is a destination, whose
format comes from its ending or from `-t`. A file is written whole or not at all. What goes to a
terminal goes through `write_stdout`: no word of a node may act on one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, NamedTuple, TextIO

from kubectl_snapshot.commands.flags.parser import add_flag, add_repeated_flag
from kubectl_snapshot.commands.flags.shared import add_api_version_flag
from kubectl_snapshot.commands.flags.suggest import suggest
from kubectl_snapshot.commands.terminal import read_width, wants_colour
from kubectl_snapshot.document.destination import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.render.all_renderers import FITTED, RENDERERS, format_from_path
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.destination import ConfigMapName
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.render.user_template import UserTemplate

    Paint = Callable[[str], str]

# A format with a file: `template=FILE`.
TEMPLATE = "template"


class Formats(NamedTuple):
    """What a verb can write: names of formats, the one it takes by default, and a path's.

    `from_path` returns the empty text for an ending that tells nothing.
    """

    names: Sequence[str]
    default: str
    from_path: Callable[[str], str]


class Output(NamedTuple):
    """One copy of the data: to a file, to a ConfigMap, or to stdout where it has neither."""

    format: str
    path: str = ""
    configmap: ConfigMapName | None = None
    template: UserTemplate | None = None

    @property
    def place(self) -> str:
        """Return what the user calls it, empty for stdout."""
        if self.configmap is None:
            return self.path
        return f"{CONFIGMAP_SCHEME}{self.configmap.namespace}/{self.configmap.name}"


SNAPSHOT_FORMATS = Formats((*RENDERERS, TEMPLATE), "yaml", format_from_path)


def add_document_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a verb that writes snapshots."""
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
        help="write what this Jinja2 template makes of it; the same as -t template=FILE",
    )


def add_output_flags(
    parser: argparse.ArgumentParser,
    formats: Formats = SNAPSHOT_FORMATS,
    places: str = "a file, cm://NAMESPACE/NAME",
    variable: bool = True,
) -> argparse._ArgumentGroup:
    """Add `-o` and `-t`."""
    group = parser.add_argument_group("output")
    names = ", ".join(map(describe_format, formats.names))
    add_repeated_flag(
        group,
        "-o",
        "--output",
        variable=variable,
        metavar="FORMAT|FILE",
        help=f"{names}, or {places}, or - for stdout; can be repeated (default: {formats.default})",
    )
    add_flag(
        group,
        "-t",
        "--format",
        variable=variable,
        metavar="FORMAT",
        default="",
        help="format of a destination whose ending does not tell",
    )
    return group


def describe_format(name: str) -> str:
    """Return a format as it is typed."""
    return f"{TEMPLATE}=FILE" if name == TEMPLATE else name


def parse_outputs(
    values: Sequence[str],
    format_name: str,
    formats: Formats = SNAPSHOT_FORMATS,
    template: str = "",
) -> tuple[Output, ...]:
    """Return what `-o`, `-t` and `--template` ask for, templates read.

    Raises InvalidRequest for two copies to one place.
    """
    if template:
        _refuse_other_format(values, format_name, formats)
        format_name = f"{TEMPLATE}={template}"
    told = _parse_format(format_name, formats) if format_name else None
    outputs = tuple(_parse_output(v.strip(), told, formats) for v in values or ["-"])
    places = [output.place for output in outputs]
    doubled = next((place for place in places if places.count(place) > 1), None)
    if doubled is not None:
        raise InvalidRequest(
            f"two outputs go to {doubled or 'stdout'}", hint="send one of them to a file: -o FILE"
        )
    return outputs


def is_guessed(output: Output, format_name: str) -> bool:
    """Return whether a file is JSON only because its ending tells nothing (contract 5)."""
    from kubectl_snapshot.document.destination import detect_format

    return output.format == "json" != format_name and not detect_format(output.path or ".json")


def check_outputs(outputs: Sequence[Output], connect: Callable[[], Kube]) -> None:
    """Raise for a place that could not be written to, before a capture is spent on it."""
    from kubectl_snapshot.clients.files.outputfile import check_writable

    for output in outputs:
        if output.configmap is not None:
            from kubectl_snapshot.storage.store import check_configmap

            check_configmap(output.configmap, connect())
        elif output.path:
            check_writable(output.path)


def load_renderers(outputs: Sequence[Output]) -> None:
    """Spend now what the first use of a format costs, its imports."""
    from kubectl_snapshot.document.snapshot import new_snapshot

    for output in outputs:
        if output.template is None:
            RENDERERS[output.format](new_snapshot())


def write_outputs(
    outputs: Sequence[Output], snapshot: Snapshot, out: TextIO, connect: Callable[[], Kube]
) -> None:
    """Write every copy of a document."""
    for output in outputs:
        if output.configmap is None:
            width = 0 if output.path else read_width(out)
            write_text(output, render_output(output, snapshot, width), out)
        else:
            from kubectl_snapshot.storage.store import write_configmap

            write_configmap(snapshot, output.configmap, output.format, connect())


def render_output(output: Output, snapshot: Snapshot, width: int) -> str:
    """Return a document's text in an output's format; `width` is the terminal's, 0 for none."""
    if output.template is not None:
        from kubectl_snapshot.render.user_template import render_user_template

        return render_user_template(output.template, snapshot, output.path)
    if output.format in FITTED:
        return FITTED[output.format](snapshot, width)
    return RENDERERS[output.format](snapshot)


def write_text(output: Output, text: str, out: TextIO, paint: Paint | None = None) -> None:
    """Write one copy to its file or to stdout, on a terminal in the colours of `paint`."""
    from kubectl_snapshot.clients.files.outputfile import write_whole

    if output.path:
        write_whole(output.path, text)
    else:
        write_stdout(text, out, paint)


def write_stdout(text: str, out: TextIO, paint: Paint | None = None) -> None:
    """Write data to stdout: as it is, but to a terminal without what would act on it."""
    if out.isatty():
        text = strip_control(text, keep="\n\t")
    if paint and wants_colour(out, os.environ):
        text = paint(text)
    out.write(text)
    out.flush()


def _refuse_other_format(values: Sequence[str], format_name: str, formats: Formats) -> None:
    """Raise for another format beside `--template`; yaml is what AICR's users may have given."""
    words = [f"-o {value}" for value in values if _is_format(value, formats)]
    if format_name not in ("", "yaml"):
        words.append(f"-t {format_name}")
    if words:
        raise InvalidRequest(
            f"--template and {words[0]} ask for two formats",
            hint="for both, send one to a file: -o node.json -o template=FILE",
        )


def _is_format(value: str, formats: Formats) -> bool:
    return value in formats.names or (
        TEMPLATE in formats.names and value.startswith(f"{TEMPLATE}=")
    )


def _parse_format(text: str, formats: Formats) -> Output:
    """Return a format as an output to stdout."""
    name, _, path = text.partition("=")
    if name == TEMPLATE and TEMPLATE in formats.names:
        from kubectl_snapshot.storage.template_file import read_template

        return Output(TEMPLATE, template=read_template(path))
    if text not in formats.names:
        hint = suggest(text, formats.names, f"use {_join(formats)}")
        raise InvalidRequest(f"{text!r} is no output format", hint=hint)
    return Output(text)


def _parse_output(value: str, told: Output | None, formats: Formats) -> Output:
    if value in ("", "-"):
        return told or Output(formats.default)
    if _is_format(value, formats):
        return _parse_format(value, formats)
    if value.startswith(CONFIGMAP_SCHEME):
        if formats is not SNAPSHOT_FORMATS:
            why = "only snapshots are kept in ConfigMaps"
            raise InvalidRequest(f"cannot write {value}", why, "use -o FILE")
        return _parse_configmap_output(value, told.format if told else "")
    if told is None:
        chosen = formats.from_path(value)
        if chosen not in formats.names:
            raise InvalidRequest(
                f"the ending of {value} tells no format",
                hint=suggest(value, formats.names, f"choose one with -t: {_join(formats)}"),
            )
        told = Output(chosen)
    return told._replace(path=value)


def _join(formats: Formats) -> str:
    return ", ".join(map(describe_format, formats.names))


def _parse_configmap_output(value: str, format_name: str) -> Output:
    from kubectl_snapshot.storage import configmap

    place = configmap.parse_place(value)
    chosen = format_name or configmap.DEFAULT_FORMAT
    if chosen not in configmap.FORMATS:
        raise InvalidRequest(
            f"a ConfigMap cannot hold the format {chosen}",
            hint=f"use -t {' or -t '.join(configmap.FORMATS)}",
        )
    return Output(chosen, configmap=place)
